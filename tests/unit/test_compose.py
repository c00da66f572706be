"""What compose.yaml promises to people with Docker: pinned images, ports of this machine alone, no secret."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
PINNED = re.compile(r"[a-z/-]+:\d+\.\d+(\.\d+)?")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_and_listens_on_this_machine_alone(name: str) -> None:
    service = SERVICES[name]
    assert PINNED.fullmatch(service["image"])
    assert service["ports"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert not service.get("privileged")
    assert not [volume for volume in service.get("volumes", []) if "docker.sock" in volume]


def test_localstack_is_made_of_a_pinned_image_and_of_files_that_are_there() -> None:
    folder = ROOT / SERVICES["localstack"]["build"]
    lines = (folder / "Dockerfile").read_text().splitlines()
    images = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert images == ["python:${PYTHON}-slim-bookworm", "localstack/localstack:4.9.2"]
    sources = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert sources
    assert all((folder / source).exists() for source in sources)


def test_it_is_the_version_that_runs_without_docker() -> None:
    assert "localstack-core==4.9.2" in (ROOT / "infra" / "localstack" / "requirements.txt").read_text()


def test_the_hook_can_be_run() -> None:
    [mounted] = SERVICES["localstack"]["volumes"]
    hooks = list((ROOT / mounted.split(":")[0]).iterdir())
    assert hooks
    assert all(hook.stat().st_mode & 0o111 for hook in hooks)


def test_the_password_is_chosen_by_who_starts_it() -> None:
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
