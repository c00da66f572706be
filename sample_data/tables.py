"""The rows of the three sample tables, like the real ones in shape, made from a seed.

In 2021 one department hires nobody (it does hire in 2022), and two departments above the mean hire the same number.
Some hires fall within hours of the year's edges, so that a time zone other than UTC changes the metrics. These
properties need some 500 employees; with fewer, the rows are still well formed.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from sample_data.dice import Dice
from sample_data.words import (
    DEPARTMENTS,
    FAMILY_NAMES,
    GIVEN_NAMES,
    GRADED_JOBS,
    GRADES,
    PARTICLES,
    RARE_FAMILY_NAMES,
    SINGLE_JOBS,
)

Value: TypeAlias = str | int | None
Row: TypeAlias = list[Value]

COLUMNS = {
    "departments": ("id", "department"),
    "jobs": ("id", "job"),
    "hired_employees": ("id", "name", "datetime", "department_id", "job_id"),
}
JOBS = len(GRADED_JOBS) * len(GRADES) + len(SINGLE_JOBS)
IDLE_DEPARTMENT = 10
YEAR = "2021"
MISSING_SHARE = 0.035
_NAME, _DATETIME, _DEPARTMENT, _JOB = 1, 2, 3, 4

EDGE_MOMENTS = (
    "2020-12-31T15:20:11Z",
    "2020-12-31T19:05:40Z",
    "2020-12-31T22:47:03Z",
    "2020-12-31T23:59:59Z",
    "2021-01-01T00:00:00Z",
    "2021-01-01T04:10:27Z",
    "2021-03-31T23:59:59Z",
    "2021-04-01T00:00:00Z",
    "2021-06-30T23:59:59Z",
    "2021-07-01T00:00:00Z",
    "2021-09-30T23:59:59Z",
    "2021-10-01T00:00:00Z",
    "2021-12-31T15:00:01Z",
    "2021-12-31T18:22:45Z",
    "2021-12-31T20:00:00Z",
    "2021-12-31T21:13:30Z",
    "2021-12-31T22:09:17Z",
    "2021-12-31T23:30:00Z",
    "2021-12-31T23:59:59Z",
    "2022-01-01T00:00:00Z",
    "2022-01-01T00:00:01Z",
    "2022-01-01T01:38:52Z",
    "2022-01-01T03:07:06Z",
    "2022-01-01T04:59:59Z",
)

# Department ids as often as they are drawn: some far above the mean, some far below.
_DRAWS = [1] * 9 + [2] * 4 + [3] * 8 + [4] * 5 + [5] * 10 + [6] * 2 + [7] * 8 + [8] * 11 + [9] * 3 + [11] * 6 + [12] * 5
_DRAWS_OF_OTHER_YEARS = [*_DRAWS, *[IDLE_DEPARTMENT] * 5]


def sample_tables(seed: int, employees: int) -> dict[str, list[Row]]:
    """Return the rows of each table, ordered by id from 1; None is a missing cell."""
    dice = Dice(seed)
    departments: list[Row] = [[number, name] for number, name in enumerate(DEPARTMENTS, 1)]
    titles = [f"{title} {grade}" for title in GRADED_JOBS for grade in GRADES] + list(SINGLE_JOBS)
    jobs: list[Row] = [[number, title] for number, title in enumerate(dice.shuffled(titles), 1)]
    hired = [_employee(number, moment, dice) for number, moment in enumerate(_moments(employees, dice), 1)]
    _blank_some(hired, dice)
    _tie_two_departments(hired)
    return {"departments": departments, "jobs": jobs, "hired_employees": hired}


def person(dice: Dice) -> str:
    """Return a name of two words, sometimes of more, sometimes with a mark that must be quoted or escaped somewhere."""
    given, family = dice.pick(GIVEN_NAMES), dice.pick(FAMILY_NAMES)
    kind = dice.random()
    if kind < 0.03:
        return f"{given} {dice.pick(RARE_FAMILY_NAMES)}"
    if kind < 0.06:
        return f"{given} {dice.pick(GIVEN_NAMES)} {family}"
    if kind < 0.08:
        return f"{given} {dice.pick(PARTICLES)} {family}"
    if kind < 0.085:
        return f"{given} {dice.pick(GIVEN_NAMES)} {dice.pick(PARTICLES)} {family} {dice.pick(FAMILY_NAMES)}"
    if kind < 0.087:
        return f'{given} "{given[:2]}" {family}'
    return f"{given} {family}"


def _moments(count: int, dice: Dice) -> list[str]:
    moments = list(EDGE_MOMENTS[:count])
    while len(moments) < count:
        again = len(moments) > len(EDGE_MOMENTS) and dice.chance(0.3)
        moments.append(
            moments[len(EDGE_MOMENTS) + dice.below(len(moments) - len(EDGE_MOMENTS))] if again else _moment(dice)
        )
    return dice.shuffled(moments)


def _moment(dice: Dice) -> str:
    kind = dice.random()
    start, days = datetime(2021, 1, 1, tzinfo=UTC), 365
    if kind < 0.015:
        start, days = datetime(2020, 12, 1, tzinfo=UTC), 31
    elif kind < 0.14:
        start, days = datetime(2022, 1, 1, tzinfo=UTC), 45
    return (start + timedelta(seconds=dice.below(days * 86400))).strftime("%Y-%m-%dT%H:%M:%SZ")


def _employee(number: int, moment: str, dice: Dice) -> Row:
    draws = _DRAWS if moment.startswith(YEAR) else _DRAWS_OF_OTHER_YEARS
    return [number, person(dice), moment, dice.pick(draws), 1 + dice.below(JOBS)]


def _blank_some(hired: list[Row], dice: Dice) -> None:
    candidates = [row for row in hired if row[_DATETIME] not in EDGE_MOMENTS]
    chosen = dice.shuffled(candidates)[: round(len(hired) * MISSING_SHARE)]
    for position, row in enumerate(chosen):
        row[(_NAME, _DATETIME, _DEPARTMENT, _JOB)[position % 4]] = None


def _tie_two_departments(hired: list[Row]) -> None:
    """Move hires of the year so that the second and the third department hire the same number.

    An odd one goes to the department that hired least.
    """
    rows = [row for row in hired if None not in row and str(row[_DATETIME]).startswith(YEAR)]
    ranking = [department for department, _ in Counter(row[_DEPARTMENT] for row in rows).most_common()]
    if len(ranking) < 4:
        return
    second, third, last = ranking[1], ranking[2], ranking[-1]
    movable = [row for row in rows if row[_DEPARTMENT] == second]
    surplus = len(movable) - sum(row[_DEPARTMENT] == third for row in rows)
    for row in movable[: surplus % 2]:
        row[_DEPARTMENT] = last
    for row in movable[surplus % 2 : surplus % 2 + surplus // 2]:
        row[_DEPARTMENT] = third
