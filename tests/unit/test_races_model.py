"""The simple model that concurrent clients are held against: what it explains, and what it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.races.history import Event, explain
from tests.races.model import (
    BackUp,
    Correct,
    Delete,
    Operation,
    Read,
    Restore,
    Restored,
    Row,
    Saved,
    State,
    Tables,
    Write,
    Written,
)

SHAPE = {"teams": {}, "people": {1: "teams"}}
EMPTY: Tables = {"teams": {}, "people": {}}
LAW, ART = ("1", "Law"), ("2", "Art")
ANN, BO = ("7", "1"), ("8", "2")


def tables(*, teams: tuple[Row, ...] = (), people: tuple[Row, ...] = ()) -> Tables:
    return {"teams": {row[0]: row for row in teams}, "people": {row[0]: row for row in people}}


def state(**rows: tuple[Row, ...]) -> State:
    return State(SHAPE, tables(**rows))


def write(table: str, *rows: Row, **more: Any) -> Write:
    return Write(((table, tuple(enumerate(rows, 1))),), **more)


def told(inserted: int = 0, updated: int = 0, unchanged: int = 0, state: str = "succeeded", **codes: str) -> Written:
    """What was told; codes by table and number: ``people_1="foreign-key"``."""
    found = [(*name.rsplit("_", 1), code) for name, code in codes.items()]
    reasons = frozenset((table, int(number), frozenset({code})) for table, number, code in found)
    return Written(state, "run", inserted, updated, unchanged, len(reasons), reasons)


def at_once(*done: tuple[Operation, Any]) -> list[Event]:
    """Operations of so many clients, all of which begin before any ends."""
    return [Event(number, *each, begun=number, ended=100 + number) for number, each in enumerate(done)]


def in_turn(*done: tuple[Operation, Any]) -> list[Event]:
    """Operations each of which begins when the one before has ended."""
    return [Event(0, *each, begun=2 * number, ended=2 * number + 1) for number, each in enumerate(done)]


ADD_LAW, ADD_ANN = (write("teams", LAW), told(1)), (write("people", ANN), told(1))
NO_TEAM = (write("people", ANN), told(people_1="foreign-key"))


def test_what_follows_is_explained_by_its_order_alone() -> None:
    after = explain(state(), in_turn(ADD_LAW, ADD_ANN))
    assert after is not None
    assert after.tables == tables(teams=(LAW,), people=(ANN,))
    assert explain(state(), in_turn(ADD_ANN, ADD_LAW)) is None
    assert explain(state(), in_turn(ADD_LAW, NO_TEAM)) is None


def test_what_is_done_at_once_may_have_come_in_any_order() -> None:
    for done in ([ADD_LAW, ADD_ANN], [ADD_ANN, ADD_LAW], [ADD_LAW, NO_TEAM], [NO_TEAM, ADD_LAW]):
        assert explain(state(), at_once(*done)) is not None


def test_a_row_may_be_rejected_by_what_was_true_while_it_was_written() -> None:
    """Its team came after it had been looked for, and was there when the other row went in."""
    both = write("people", ANN, ("9", "1"))
    first = Event(0, both, told(1, people_1="foreign-key"), 0, 9)
    assert explain(state(), [first, Event(1, *ADD_LAW, 1, 2)]) is not None
    assert explain(state(), [first, Event(1, *ADD_LAW, 10, 11)]) is None


@pytest.mark.parametrize(
    ("mode", "wrong", "right"),
    [
        ("reject", told(1), told(teams_1="primary-key")),
        ("skip", told(0, 1), told(unchanged=1)),
        ("update", told(unchanged=1), told(0, 1)),
    ],
)
def test_the_conflict_mode_says_what_becomes_of_a_known_key(mode: str, wrong: Written, right: Written) -> None:
    again = write("teams", ("1", "New"), mode=mode)
    assert explain(state(teams=(LAW,)), [Event(0, again, wrong, 0, 1)]) is None
    after = explain(state(teams=(LAW,)), [Event(0, again, right, 0, 1)])
    assert after is not None
    assert after.tables == tables(teams=(("1", "New") if mode == "update" else LAW,))


def test_equal_rows_are_unchanged_and_both_inserted_is_a_lie() -> None:
    assert explain(state(), at_once(ADD_LAW, (write("teams", LAW), told(unchanged=1)))) is not None
    assert explain(state(), at_once(ADD_LAW, ADD_LAW)) is None


def test_of_an_atomic_write_all_goes_in_or_nothing() -> None:
    bad = Write((("teams", ((1, LAW),)), ("people", ((1, ANN), (2, BO)))), atomic=True)
    refused = replace(told(state="refused", people_2="foreign-key"), rejected=3)
    after = explain(state(), [Event(0, bad, refused, 0, 1)])
    assert after is not None
    assert (after.tables, after.waiting) == (EMPTY, frozenset({("run", "people", 2)}))
    assert explain(state(), [Event(0, bad, told(2, people_2="foreign-key"), 0, 1)]) is None


def test_an_idempotency_key_gives_its_first_answer_again_and_to_no_other_request() -> None:
    keyed = write("teams", LAW, once="key")
    assert explain(state(), at_once((keyed, told(1)), (keyed, told(1)))) is not None
    assert explain(state(), at_once((keyed, told(1)), (keyed, told(unchanged=1)))) is None
    other = write("teams", ART, once="key")
    assert explain(state(), at_once((keyed, told(1)), (other, "another request"))) is not None
    assert explain(state(), at_once((keyed, told(1)), (other, told(1)))) is None


def test_what_is_there_in_the_end_decides_between_orders_that_all_answers_allow() -> None:
    changes = [write("teams", ("1", name), mode="update") for name in ("Art", "Tax")]
    events = at_once(*((change, told(updated=1)) for change in changes))

    def after(there: Tables) -> State | None:
        return explain(state(teams=(LAW,)), events, lambda end: end.tables == there)

    for last in ("Art", "Tax"):
        assert after(tables(teams=(("1", last),))) is not None
    assert after(tables(teams=(LAW,))) is None


def test_whether_a_file_stands_decides_too() -> None:
    """Its row was there already, and beside it a restore took all rows away: no row tells which was first."""

    def standing_of(files: int) -> Callable[[State], bool]:
        return lambda end: len(end.standing) == files

    start = replace(state(teams=(LAW,)), backups={"b": EMPTY})
    load = (write("teams", LAW, mode="skip", content="1,Law"), told(unchanged=1))
    events = at_once(load, (Restore("b", ("teams",)), Restored({"teams": (0, 0, 1, 0)})))
    for standing in (0, 1):
        assert explain(start, events, standing_of(standing)) is not None
    assert explain(start, events, standing_of(2)) is None


def test_content_that_stands_is_a_duplicate_until_a_restore_takes_rows_away() -> None:
    empty = replace(state(), backups={"b": EMPTY})
    first, second = (write("teams", LAW, once=name, content="1,Law") for name in "ab")
    duplicate = told(state="duplicate")
    restored = (Restore("b", ("teams",)), Restored({"teams": (0, 0, 1, 0)}))
    assert explain(empty, in_turn((first, told(1)), (second, duplicate))) is not None
    assert explain(empty, in_turn((first, told(1)), (second, told(unchanged=1)))) is None
    assert explain(empty, in_turn((first, told(1)), restored, (second, told(1)))) is not None
    assert explain(empty, in_turn((first, told(1)), restored, (second, duplicate))) is None
    again = write("teams", LAW, content="1,Law", again=True)
    assert explain(empty, in_turn((first, told(1)), (again, told(unchanged=1)))) is not None


def test_a_rejected_row_is_corrected_once() -> None:
    start = replace(state(teams=(LAW,)), waiting=frozenset({("old", "people", 5)}))
    correct = Correct("old", Write((("people", ((5, ANN),)),)))
    after = explain(start, at_once((correct, told(1)), (correct, "not waiting")))
    assert after is not None
    assert after.waiting == frozenset()
    assert explain(start, at_once((correct, told(1)), (correct, told(unchanged=1)))) is None
    assert explain(start, at_once((correct, "not waiting"))) is None


def test_a_restore_that_would_leave_a_row_without_its_parent_is_refused() -> None:
    start = replace(state(teams=(LAW,), people=(ANN,)), backups={"b": EMPTY})
    assert explain(start, at_once((Restore("b", ("teams",)), "refused"))) is not None
    assert explain(start, at_once((Restore("b", ("teams",)), Restored({"teams": (0, 0, 1, 0)})))) is None
    both = Restored({"teams": (0, 0, 1, 0), "people": (0, 0, 1, 0)})
    after = explain(start, at_once((Restore("b", ("teams", "people")), both)))
    assert after is not None
    assert after.tables == EMPTY


def test_a_backup_is_of_one_moment() -> None:
    both = [ADD_LAW, ADD_ANN]
    for rows in (EMPTY, tables(teams=(LAW,)), tables(teams=(LAW,), people=(ANN,))):
        assert explain(state(), at_once(*both, (BackUp(), Saved("b", rows)))) is not None
    assert explain(state(), at_once(*both, (BackUp(), Saved("b", tables(people=(ANN,)))))) is None


def test_what_is_referred_to_is_not_deleted() -> None:
    start = state(teams=(LAW, ART), people=(ANN,))
    assert explain(start, at_once((Delete("teams", "1"), "referenced"), (Delete("teams", "2"), 1))) is not None
    assert explain(start, at_once((Delete("teams", "1"), 1))) is None
    assert explain(start, at_once((Delete("teams", "2"), 0))) is None
    assert explain(start, at_once((Delete("teams", "1"), 1), (Delete("people", "7"), 1))) is not None


def test_a_count_is_one_of_those_that_were_committed() -> None:
    def count(seen: int) -> tuple[Operation, Any]:
        return Read("count", lambda state: len(state.tables["teams"])), seen

    several = (write("teams", LAW, ART), told(2))
    assert explain(state(), at_once(several, count(0), count(2))) is not None
    assert explain(state(), at_once(several, count(1))) is None
    assert explain(state(), in_turn(several, count(0))) is None
