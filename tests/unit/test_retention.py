"""Which backups are kept: what the policy says, and what no policy may do."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.backup.retention import YOUNG, Policy, retained
from chalicelib.errors import BadRequest
from chalicelib.ports import Backup

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
LAST_ONLY = Policy(1)


def backup(name: str, created: dt.datetime, table: str = "jobs", snapshot: str | None = None) -> Backup:
    return Backup(name, table, snapshot or name, 1, 1, "hash", created, "hash")


def made(*ago: dt.timedelta) -> list[Backup]:
    """Backups of one table, named by their places, the newest first."""
    return [backup(str(place), NOW - each) for place, each in enumerate(ago)]


def days(*numbers: float) -> list[Backup]:
    return made(*(dt.timedelta(days=number) for number in numbers))


@pytest.mark.parametrize(
    ("policy", "given_", "kept"),
    [
        (Policy(2), days(1, 2, 3), {"0": "last", "1": "last"}),
        # Two on one day, and the newer one is that day's.
        (Policy(1, daily=2), days(1, 2, 2.2, 3), {"0": "last", "1": "daily"}),
        # The days are those with a backup: a month without one throws nothing away.
        (Policy(1, daily=3), days(40, 41, 42, 43), {"0": "last", "1": "daily", "2": "daily"}),
        # 2026-11-22 is a Sunday: the week before ends a day after the backup of seven days ago.
        (Policy(1, weekly=2), days(1, 3, 7, 8, 15), {"0": "last", "2": "weekly"}),
        (Policy(1, monthly=3), days(1, 10, 25, 50, 60), {"0": "last", "2": "monthly", "4": "monthly"}),
    ],
    ids=["last", "daily", "gaps", "weekly", "monthly"],
)
def test_the_policy(policy: Policy, given_: list[Backup], kept: dict[str, str]) -> None:
    assert retained(given_, policy, NOW) == kept


def test_what_is_held_stays_with_its_reason() -> None:
    assert retained(days(1, 2, 3), LAST_ONLY, NOW, {"2": "pinned", "gone": "pinned"}) == {"0": "last", "2": "pinned"}


def test_what_is_young_stays() -> None:
    minutes = made(*(dt.timedelta(minutes=number) for number in (10, 20, 59, 60, 61)))
    assert retained(minutes, LAST_ONLY, NOW) == {"0": "last", "1": "young", "2": "young"}


def test_each_table_is_counted_by_itself_and_snapshots_stay_whole() -> None:
    then, before = NOW - dt.timedelta(days=1), NOW - dt.timedelta(days=2)
    pair = [backup("a", before, "jobs", "s"), backup("b", before, "departments", "s")]
    alone = backup("c", then, "jobs")
    older = backup("d", before - dt.timedelta(days=1), "jobs")
    assert retained([*pair, alone, older], LAST_ONLY, NOW) == {"c": "last", "b": "last", "a": "snapshot"}


@pytest.mark.parametrize("numbers", [(0,), (1, -1), (1, 0, -1), (1, 0, 0, -1)])
def test_a_policy_that_would_keep_nothing_is_refused(numbers: tuple[int, ...]) -> None:
    with pytest.raises(BadRequest):
        Policy(*numbers)


policies = st.builds(Policy, st.integers(1, 4), st.integers(0, 4), st.integers(0, 4), st.integers(0, 4))
backups = st.lists(
    st.builds(
        backup,
        st.uuids().map(str),
        st.datetimes(NOW.replace(tzinfo=None) - dt.timedelta(90), NOW.replace(tzinfo=None) + dt.timedelta(1)).map(
            lambda moment: moment.replace(tzinfo=dt.UTC)
        ),
        st.sampled_from(["jobs", "departments"]),
        st.sampled_from("abcdefghijklmnop"),
    ),
    max_size=25,
    unique_by=lambda each: each.id,
)
later = st.timedeltas(dt.timedelta(0), dt.timedelta(days=60))


def remaining(
    given_: list[Backup], policy: Policy, now: dt.datetime, held: dict[str, str] | None = None
) -> list[Backup]:
    kept = retained(given_, policy, now, held)
    return [each for each in given_ if each.id in kept]


@given(backups, policies, later)
def test_the_newest_of_a_table_always_stays(given_: list[Backup], policy: Policy, after: dt.timedelta) -> None:
    kept = retained(given_, policy, NOW + after)
    for table in {each.table for each in given_}:
        newest = max((each for each in given_ if each.table == table), key=lambda each: (each.created, each.id))
        assert newest.id in kept


@given(backups, policies, st.data())
def test_a_pinned_one_always_stays_with_its_snapshot(given_: list[Backup], policy: Policy, data: st.DataObject) -> None:
    pinned = data.draw(st.sets(st.sampled_from(given_))) if given_ else set()
    kept = retained(given_, policy, NOW + YOUNG, {each.id: "pinned" for each in pinned})
    assert all(kept[each.id] == "pinned" for each in pinned)
    assert {each.snapshot for each in given_ if each.id in kept}.isdisjoint(
        each.snapshot for each in given_ if each.id not in kept
    )


@given(backups, policies, later, later)
def test_deleting_in_two_steps_is_deleting_in_one(
    given_: list[Backup], policy: Policy, first: dt.timedelta, second: dt.timedelta
) -> None:
    end = NOW + first + second
    assert remaining(remaining(given_, policy, NOW + first), policy, end) == remaining(given_, policy, end)


@given(backups, policies, st.sampled_from(["last", "daily", "weekly", "monthly"]))
def test_a_policy_that_keeps_more_keeps_at_least_the_same(given_: list[Backup], policy: Policy, name: str) -> None:
    more = replace(policy, **{name: getattr(policy, name) + 1})
    assert set(retained(given_, policy, NOW)) <= set(retained(given_, more, NOW))


@given(backups, policies, later)
def test_time_alone_never_brings_more_to_stay(given_: list[Backup], policy: Policy, after: dt.timedelta) -> None:
    assert set(retained(given_, policy, NOW + after)) <= set(retained(given_, policy, NOW))


@given(backups, policies, st.randoms())
def test_the_order_in_which_they_are_given_does_not_matter(
    given_: list[Backup], policy: Policy, random: Random
) -> None:
    shuffled = random.sample(given_, len(given_))
    assert retained(given_, policy, NOW) == retained(shuffled, policy, NOW)
