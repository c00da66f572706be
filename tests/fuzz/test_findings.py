"""What the fuzzer found once stays mended, and its seeds keep every promise; see `make fuzz`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.findings import FINDINGS
from tests.fuzz.smallest import smallest
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("path", sorted(FINDINGS.glob("[!_]*/*")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_input_that_broke_a_promise_breaks_none_any_more(path: Path) -> None:
    TARGETS[path.parent.name].check(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_each_target_has_seeds_that_break_no_promise(name: str) -> None:
    target = TARGETS[name]
    assert target.seeds()
    for seed in target.seeds():
        target.check(seed)


def test_what_fails_is_made_as_small_as_it_goes() -> None:
    def check(content: bytes) -> None:
        assert not (b"a" in content and b"z" in content)

    assert smallest(check, b"12a" * 9 + b"345z6") in (b"az",)
    assert smallest(check, b"1234") == b"1234"
