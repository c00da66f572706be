"""The parts of the local stack that need no server: ports, processes, credentials, the layer, packaging's rules."""

import io
import json
import os
import socket
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.local import layer
from infra.local.emulator import Credentials, Emulator
from infra.local.emulators import keep_emulator, wanted_emulator
from infra.local.localstack import LocalStack
from infra.local.ministack import MiniStack
from infra.local.ports import LOOPBACK, free_port, is_taken, taken
from infra.local.process import ProcessRecord
from infra.local.record import Ports, Record, StackError
from infra.local.schema import Passwords

ROOT = Path(__file__).parents[2]


class TestPorts:
    def test_usual_ports(self, tmp_path: Path) -> None:
        assert Ports.wanted(tmp_path, {}) == Ports(emulator=4566, postgres=55432)

    def test_the_environment_chooses(self, tmp_path: Path) -> None:
        chosen = Ports.wanted(tmp_path, {"DECANT_PORT": "4600", "DECANT_POSTGRES_PORT": ""})
        assert chosen == Ports(emulator=4600, postgres=55432)

    @pytest.mark.parametrize("value", ["0", "65536", "-1", "http", "\uff11\uff12"])
    def test_what_is_no_port(self, tmp_path: Path, value: str) -> None:
        with pytest.raises(StackError, match="DECANT_PORT"):
            Ports.wanted(tmp_path, {"DECANT_PORT": value})

    def test_the_first_choice_is_kept(self, tmp_path: Path) -> None:
        Ports(4600, 4601).keep(tmp_path)
        assert Ports.wanted(tmp_path, {}) == Ports(4600, 4601)
        assert Ports.wanted(tmp_path, {"DECANT_PORT": "4600"}) == Ports(4600, 4601)
        with pytest.raises(StackError, match="made with DECANT_PORT=4600"):
            Ports.wanted(tmp_path, {"DECANT_PORT": "4700"})

    def test_a_taken_port_is_named_with_its_holder_and_the_variable(self) -> None:
        with socket.socket() as holder:
            holder.bind((LOOPBACK, 0))
            holder.listen()
            port = holder.getsockname()[1]
            assert is_taken(port)
            message = taken(port, "DECANT_PORT")
        assert f"port {port} of 127.0.0.1 is taken" in message
        assert "DECANT_PORT" in message
        if sys.platform == "linux":
            assert f"process {os.getpid()}" in message

    def test_a_free_port_is_free(self) -> None:
        assert not is_taken(free_port())


class TestEmulatorOfAStack:
    def test_the_usual_one(self, tmp_path: Path) -> None:
        assert wanted_emulator(tmp_path, {}) is wanted_emulator(tmp_path, {"DECANT_EMULATOR": ""}) is MiniStack

    def test_the_environment_chooses(self, tmp_path: Path) -> None:
        assert wanted_emulator(tmp_path, {"DECANT_EMULATOR": "localstack"}) is LocalStack

    def test_one_that_is_not_known(self, tmp_path: Path) -> None:
        with pytest.raises(StackError, match="takes ministack or localstack"):
            wanted_emulator(tmp_path, {"DECANT_EMULATOR": "docker"})

    @pytest.mark.parametrize(("kind", "other"), [(LocalStack, "ministack"), (MiniStack, "localstack")])
    def test_the_first_choice_is_kept(self, tmp_path: Path, kind: type[Emulator], other: str) -> None:
        keep_emulator(tmp_path, kind(tmp_path / "emulator", 4600, tmp_path / "venv"))
        assert wanted_emulator(tmp_path, {}) is wanted_emulator(tmp_path, {"DECANT_EMULATOR": kind.name}) is kind
        with pytest.raises(StackError, match=f"EMULATOR={kind.name}.*make reset.*{other}"):
            wanted_emulator(tmp_path, {"DECANT_EMULATOR": other})

    def test_a_stack_from_before_there_was_a_choice(self, tmp_path: Path) -> None:
        (tmp_path / "emulator").mkdir()
        with pytest.raises(StackError, match="EMULATOR=ministack"):
            wanted_emulator(tmp_path, {"DECANT_EMULATOR": "localstack"})


class TestProcessRecord:
    @pytest.fixture
    def sleeper(self) -> Any:
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
            yield process
            process.kill()

    def test_it_finds_and_stops_its_process(self, tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
        record = ProcessRecord(tmp_path / "process.json")
        assert record.find() is None
        record.write(sleeper.pid)
        found = record.find()
        assert found is not None
        assert found.pid == sleeper.pid
        assert record.stop(10)
        assert sleeper.wait(10) != 0
        assert not (tmp_path / "process.json").exists()

    @pytest.mark.parametrize("change", [{"born": 1.0}, {"file": "/elsewhere/process.json"}, {"pid": 2**22 - 1}])
    def test_it_leaves_other_processes_alone(
        self, tmp_path: Path, sleeper: subprocess.Popen[bytes], change: dict[str, Any]
    ) -> None:
        file = tmp_path / "process.json"
        ProcessRecord(file).write(sleeper.pid)
        file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
        assert ProcessRecord(file).find() is None
        assert ProcessRecord(file).stop(1)
        assert sleeper.poll() is None

    def test_a_torn_record_names_nobody(self, tmp_path: Path) -> None:
        (tmp_path / "process.json").write_text('{"pid": 1')
        assert ProcessRecord(tmp_path / "process.json").find() is None


class TestSecrets:
    @pytest.mark.parametrize("kind", [Credentials, Passwords])
    def test_they_are_made_once_for_their_owner_alone(
        self, tmp_path: Path, kind: type[Credentials | Passwords]
    ) -> None:
        file = tmp_path / "secrets.json"
        made = kind.kept_in(file)
        assert kind.kept_in(file) == made
        assert kind.kept_in(tmp_path / "others.json") != made
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_no_stack_is_a_clear_error(self, tmp_path: Path) -> None:
        with pytest.raises(StackError, match="make up"):
            Record.read(tmp_path)


class FakeFunctions:
    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []

    def list_layer_versions(self, LayerName: str) -> dict[str, Any]:
        return {"LayerVersions": [v for v in self.published if v["LayerName"] == LayerName]}

    def publish_layer_version(self, **given: Any) -> dict[str, Any]:
        version = {**given, "LayerVersionArn": f"arn:{len(self.published) + 1}"}
        self.published.append(version)
        return version


def test_the_layer_is_published_once_and_names_this_environment() -> None:
    functions = FakeFunctions()
    assert layer.publish_layer(functions) == layer.publish_layer(functions) == "arn:1"
    [version] = functions.published
    with zipfile.ZipFile(io.BytesIO(version["Content"]["ZipFile"])) as archive:
        [name] = archive.namelist()
        assert sys.prefix in archive.read(name).decode()


@pytest.mark.parametrize(
    "target",
    ["backup-to-dir", "dead-letters", "drill", "get", "post", "redrive", "retention", "restore-from-dir", "reset"],
)
def test_what_is_for_the_local_stack_alone_is_refused_for_another_stage(target: str) -> None:
    def make(stage: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "--no-print-directory", "--dry-run", target, f"STAGE={stage}"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    refused = make("production")
    assert refused.returncode != 0
    assert f"make {target} is for the stack of `make up` alone" in refused.stderr
    assert make("local").returncode == make("").returncode == 0
