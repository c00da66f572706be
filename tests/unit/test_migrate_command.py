"""What `make migrate` tells of the migrator's answers."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import PACKAGED_DICTIONARY
from infra.migrate import MigrationError, Refused, lines, migrate, refuse_dictionary

STEP = {"sql": 'ALTER TABLE public."jobs"\n    ADD COLUMN "grade" integer', "note": "A note."}
APPLIED = {
    "state": "applied",
    "preparation": ["CREATE ROLE decant_owner NOLOGIN"],
    "migrations": [
        {"name": "0001-ledger", "checksum": "a" * 64, "steps": [{"sql": "CREATE SCHEMA decant", "note": ""}]},
        {"name": "dictionary-0123456789ab", "checksum": "b" * 64, "steps": [STEP]},
    ],
    "notes": ["What no statement tells."],
}


class Functions:
    """A client of Lambda whose function gives one answer, and which keeps what it was asked."""

    def __init__(self, answer: dict[str, Any], error: bool = False) -> None:
        self.answer, self.error = answer, error
        self.asked: list[Any] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        self.asked.append((FunctionName, json.loads(Payload)))
        body = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return {**body, "FunctionError": "Unhandled"} if self.error else body


def test_a_migration_is_told_statement_by_statement() -> None:
    assert list(lines(APPLIED)) == [
        "Migrated:",
        "  CREATE ROLE decant_owner NOLOGIN;",
        "  0001-ledger (SHA-256 aaaaaaaaaaaa)",
        "  dictionary-0123456789ab (SHA-256 bbbbbbbbbbbb)",
        '    ALTER TABLE public."jobs"',
        '        ADD COLUMN "grade" integer;',
        "    -- A note.",
        "  What no statement tells.",
    ]
    unchanged = {"state": "unchanged", "preparation": [], "migrations": [], "notes": []}
    assert list(lines(unchanged)) == ["Nothing to migrate."]


def test_a_plan_asks_for_nothing_to_be_written() -> None:
    functions = Functions(APPLIED)
    migrate(functions, "f", plan=True)
    migrate(functions, "f", by="ann")
    refuse_dictionary(functions, "f", PACKAGED_DICTIONARY)
    package = json.loads(Path(PACKAGED_DICTIONARY).read_text())
    assert functions.asked == [
        ("f", {"plan": True}), ("f", {"by": "ann"}), ("f", {"plan": True, "dictionary": package})
    ]  # fmt: skip


def test_a_refusal_lists_each_place_with_its_reason_and_the_way() -> None:
    errors = [{"where": "The table a", "reason": "it is gone", "way": "Keep it."}] * 2
    answer = {"state": "refused", "code": "c", "detail": "d", "hint": "h", "errors": errors}
    with pytest.raises(MigrationError) as caught:
        migrate(Functions(answer), "f")
    assert str(caught.value) == "The table a: it is gone. Keep it.\nThe table a: it is gone. Keep it."


def test_a_dictionary_is_refused_by_a_migrator_that_says_so_and_not_by_one_that_can_not_answer() -> None:
    """For what is deployed next may be what mends it."""
    errors = [{"where": "The table a", "reason": "it is gone", "way": "Keep it."}]
    refused = Functions({"state": "refused", "code": "c", "detail": "d", "hint": "h", "errors": errors})
    with pytest.raises(Refused, match="it is gone"):
        refuse_dictionary(refused, "f", PACKAGED_DICTIONARY)
    failed = {"state": "failed", "code": "c", "detail": "It is down.", "hint": "Try again.", "errors": []}
    assert refuse_dictionary(Functions(failed), "f", PACKAGED_DICTIONARY) == "It is down. Try again."
    assert "boom" in refuse_dictionary(Functions({"errorMessage": "boom"}, error=True), "f", PACKAGED_DICTIONARY)
    assert refuse_dictionary(Functions(APPLIED), "f", PACKAGED_DICTIONARY) == ""


def test_what_failed_is_told_with_its_hint_and_a_defect_with_its_log() -> None:
    failed = {"state": "failed", "code": "c", "detail": "It is down.", "hint": "Try again.", "errors": []}
    with pytest.raises(MigrationError, match=r"It is down\. Try again\."):
        migrate(Functions(failed), "f")
    with pytest.raises(MigrationError, match=r"boom\. Its log is /aws/lambda/f"):
        migrate(Functions({"errorMessage": "boom"}, error=True), "f")
