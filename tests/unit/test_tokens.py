"""Bearer tokens: what is kept of them, and that nothing tells why one is not good."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import math
import re
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.access.principal import Principal, Scope
from chalicelib.access.tokens import KeptToken, new_token, recognise
from tests.fakes import FakeTokens

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
FORM = re.compile(r"decant_([a-z0-9]{12})_([A-Za-z0-9]{43})")


def test_a_token_has_the_form_that_scanners_find_and_256_bits() -> None:
    text, kept = new_token("loader", [Scope.READ], NOW)
    match = FORM.fullmatch(text)
    assert match is not None
    assert match[1] == kept.id
    assert len(match[2]) * math.log2(62) >= 256


def test_tokens_differ() -> None:
    made = [new_token("loader", [], NOW)[0] for _ in range(100)]
    assert len({text.split("_")[1] for text in made}) == len({text.split("_")[2] for text in made}) == 100


def test_what_is_kept_does_not_hold_the_secret() -> None:
    text, kept = new_token("loader", [Scope.READ], NOW)
    secret = text.rpartition("_")[2]
    assert secret not in repr(kept)
    assert kept.digest == hashlib.sha256(secret.encode()).hexdigest()


@pytest.mark.parametrize("written", ["Bearer {}", "bearer {}", "BEARER  {}", " Bearer {} "])
def test_a_good_token_is_its_caller(written: str) -> None:
    text, kept = new_token("loader", [Scope.READ, Scope.WRITE], NOW, HOUR)
    found = recognise(FakeTokens([kept]), written.format(text), NOW)
    assert found == Principal(kept.id, "loader", frozenset({Scope.READ, Scope.WRITE}))


def test_a_token_ends_at_its_moment() -> None:
    text, kept = new_token("loader", [Scope.READ], NOW, HOUR)
    store = FakeTokens([kept])
    assert recognise(store, f"Bearer {text}", NOW + HOUR - dt.timedelta(microseconds=1)) is not None
    assert recognise(store, f"Bearer {text}", NOW + HOUR) is None


GOOD, KEPT = new_token("loader", [Scope.READ], NOW)
OTHER, _ = new_token("other", [Scope.READ], NOW)
BAD: dict[str, tuple[str, KeptToken]] = {
    "empty": ("", KEPT),
    "no scheme": (GOOD, KEPT),
    "another scheme": (f"Basic {GOOD}", KEPT),
    "malformed": ("Bearer nonsense", KEPT),
    "too long": (f"Bearer {GOOD}x", KEPT),
    "not ascii": ("Bearer decant_ñ", KEPT),
    "with a line break": (f"Bearer {GOOD}\nx", KEPT),
    "unknown": (f"Bearer {OTHER}", KEPT),
    "of another secret": (f"Bearer decant_{KEPT.id}_{OTHER[-43:]}", KEPT),
    "expired": (f"Bearer {GOOD}", replace(KEPT, expires=NOW - HOUR)),
    "revoked": (f"Bearer {GOOD}", replace(KEPT, revoked=NOW - HOUR)),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_token_is_nobody_and_costs_the_same_whatever_is_wrong(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One look-up, one hash, one comparison of two digests in constant time: as for a good one."""
    done: list[str] = []
    sha256, compare = hashlib.sha256, hmac.compare_digest

    def hashed(content: bytes) -> Any:
        done.append("hash")
        return sha256(content)

    def compared(one: str, other: str) -> bool:
        assert len(one) == len(other) == 64
        done.append("compare")
        return compare(one, other)

    monkeypatch.setattr(hashlib, "sha256", hashed)
    monkeypatch.setattr(hmac, "compare_digest", compared)
    header, kept = BAD[case]
    for given, found in ((header, None), (f"Bearer {GOOD}", Principal(KEPT.id, "loader", frozenset({Scope.READ})))):
        done.clear()
        store = FakeTokens([kept if found is None else KEPT])
        assert recognise(store, given, NOW) == found
        assert (len(store.found), sorted(done)) == (1, ["compare", "hash"])
