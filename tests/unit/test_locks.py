"""The locks agree with what asks for them, name every file's hash, and no index."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from infra.lock import LOCKS, ROOT, Lock
from infra.packaging.supplied import SUPPLIED

REMEDY = "run `make lock`"
SHIPPED, DEVELOPMENT = "requirements.lock", "requirements-dev.lock"


@cache
def pins(file: str) -> dict[str, Version]:
    """What a lock pins; where a package has several pins, the one for this Python does not matter here."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", (ROOT / file).read_text(), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in found}


def asked_in(file: Path) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in file.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def asked(lock: Lock) -> list[Requirement]:
    """What the source of a lock asks for."""
    if lock.source != "pyproject.toml":
        return asked_in(ROOT / lock.source)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [Requirement(line) for lines in project["optional-dependencies"].values() for line in lines]
    return [each for each in [*asked_in(ROOT / "requirements.txt"), *extras] if each.name != project["name"]]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.file)
class TestEachLock:
    def test_it_pins_what_is_asked_for(self, lock: Lock) -> None:
        pinned = pins(lock.file)
        for requirement in asked(lock):
            name = canonicalize_name(requirement.name)
            if lock.file == SHIPPED and name in SUPPLIED:
                continue
            assert name in pinned, f"{lock.file} lacks {requirement}: {REMEDY}"
            assert requirement.specifier.contains(pinned[name]), f"{lock.file} pins {pinned[name]}: {REMEDY}"

    def test_every_pin_has_a_hash(self, lock: Lock) -> None:
        entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / lock.file).read_text(), flags=re.MULTILINE)[1:]
        assert entries
        for entry in entries:
            assert re.match(r"[A-Za-z0-9._\[\]-]+==\S+ .*\\\n    --hash=sha256:[0-9a-f]{64}", entry), entry[:80]

    def test_it_names_no_index_and_no_address(self, lock: Lock) -> None:
        text = (ROOT / lock.file).read_text()
        assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)


def test_what_ships_is_short_and_pinned() -> None:
    for requirement in asked_in(ROOT / "requirements.txt"):
        assert [each.operator for each in requirement.specifier] == ["=="], f"{requirement} is not pinned"


def test_what_ships_is_what_is_tested() -> None:
    tested = pins(DEVELOPMENT)
    for name, version in pins(SHIPPED).items():
        assert tested[name] == version, f"{name}: {REMEDY}"


def test_what_aws_supplies_does_not_ship_but_is_tested() -> None:
    assert SUPPLIED.isdisjoint(pins(SHIPPED))
    assert pins(DEVELOPMENT).keys() >= SUPPLIED


def test_make_install_takes_the_lock_with_its_hashes() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"pip install .*--require-hashes -r {re.escape(DEVELOPMENT)}\n", makefile)
