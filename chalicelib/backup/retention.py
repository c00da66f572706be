"""Which backups are kept: a pure function of what there is, the policy and the moment.

The periods are counted as restic and borg count them: by those that have a backup, not back from today. So when backups
stop, nothing is thrown away for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.errors import BadRequest
from chalicelib.ports import Backup

# What was made so lately is left alone: somebody may be at work with it.
YOUNG = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """What to keep of each table: the newest ``last``, and the newest of so many days, weeks and months (UTC, ISO)."""

    last: int
    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    def __post_init__(self) -> None:
        if self.last < 1 or min(self.daily, self.weekly, self.monthly) < 0:
            raise BadRequest("A retention policy keeps at least the newest backup, and no negative number of others.")


def retained(
    backups: Iterable[Backup], policy: Policy, now: dt.datetime, held: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Which backups stay, by id, each with the reason; the others may be deleted.

    ``held`` are to be kept whatever the policy says, each with the reason. The backups of one snapshot stay together.
    """
    given = sorted(backups, key=lambda backup: (backup.created, backup.id), reverse=True)
    kept = {backup.id: held[backup.id] for backup in given if held and backup.id in held}
    for table in dict.fromkeys(backup.table for backup in given):
        for backup, reason in _by_policy([each for each in given if each.table == table], policy):
            kept.setdefault(backup.id, reason)
    for backup in given:
        if now - backup.created < YOUNG:
            kept.setdefault(backup.id, "young")
    whole = {backup.snapshot for backup in given if backup.id in kept}
    return kept | {each.id: "snapshot" for each in given if each.snapshot in whole and each.id not in kept}


def _by_policy(newest_first: list[Backup], policy: Policy) -> Iterable[tuple[Backup, str]]:
    for backup in newest_first[: policy.last]:
        yield backup, "last"
    for reason, periods, period in (
        ("daily", policy.daily, _day),
        ("weekly", policy.weekly, _week),
        ("monthly", policy.monthly, _month),
    ):
        newest: dict[object, Backup] = {}
        for backup in newest_first:
            newest.setdefault(period(backup.created.astimezone(dt.UTC)), backup)
        for backup in list(newest.values())[:periods]:
            yield backup, reason


def _day(moment: dt.datetime) -> object:
    return moment.date()


def _week(moment: dt.datetime) -> object:
    return moment.isocalendar()[:2]


def _month(moment: dt.datetime) -> object:
    return moment.year, moment.month
