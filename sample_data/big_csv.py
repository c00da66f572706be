"""Employees by the million, for benchmarks."""

import csv
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import TypeAlias

from sample_data.dice import Dice
from sample_data.tables import JOBS, person
from sample_data.words import DEPARTMENTS

Cells: TypeAlias = list[str]

_DAYS = [f"{year}-{month:02}-{day:02}" for year in (2020, 2021, 2022) for month in range(1, 13) for day in range(1, 29)]
_TIMES = [f"T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z" for n in range(86400)]
_LINES_PER_WRITE = 10_000


def write_employees_csv(path: Path, rows: int, bad_share: float = 0.0, seed: int = 1) -> int:
    """Write this many employees to a headerless CSV file, in bounded memory, and return how many of the rows are bad.

    Good rows have the ids of their positions (1 to `rows`), and refer to departments and jobs of the sample tables.
    Exactly round(rows * bad_share) rows are bad, spread at random, each with one fault: a missing field, a type, an
    unknown parent, the key of an earlier good row, a cell too few or too many.
    """
    bad = round(rows * bad_share)
    with path.open("w", encoding="utf-8", newline="") as file:
        batch: list[str] = []
        for line in _lines(rows, bad, Dice(seed)):
            batch.append(line)
            if len(batch) == _LINES_PER_WRITE:
                file.write("".join(batch))
                batch.clear()
        file.write("".join(batch))
    return bad


def _lines(rows: int, bad: int, dice: Dice) -> Iterator[str]:
    random = dice.random
    names = [_quoted(person(dice)) for _ in range(5000)]
    days, times = len(_DAYS), len(_TIMES)
    departments, jobs, people = len(DEPARTMENTS), JOBS, len(names)
    last_good = 0
    for number in range(1, rows + 1):
        name = names[int(random() * people)]
        moment = _DAYS[int(random() * days)] + _TIMES[int(random() * times)]
        department, job = 1 + int(random() * departments), 1 + int(random() * jobs)
        # Selection sampling (Knuth, volume 2, 3.4.2, algorithm S): exactly `bad` rows, each as likely as any other.
        if bad and random() * (rows - number + 1) < bad:
            bad -= 1
            yield _faulty([str(number), name, moment, str(department), str(job)], last_good, dice)
        else:
            last_good = number
            yield f"{number},{name},{moment},{department},{job}\n"


def _faulty(cells: Cells, last_good: int, dice: Dice) -> str:
    faults = _FAULTS if last_good else _FAULTS[1:]
    return ",".join(dice.pick(faults)(cells, last_good)) + "\n"


def _replaced(column: int, text: str) -> Callable[[Cells, int], Cells]:
    return lambda cells, _: [*cells[:column], text, *cells[column + 1 :]]


_FAULTS: tuple[Callable[[Cells, int], Cells], ...] = (
    lambda cells, last_good: [str(last_good), *cells[1:]],
    lambda cells, _: cells[:-1],
    lambda cells, _: [*cells, "more"],
    lambda cells, _: [f"{cells[0]}.5", *cells[1:]],
    _replaced(0, "2147483648"),
    _replaced(1, ""),
    _replaced(2, ""),
    _replaced(2, "2021-02-30T00:00:00Z"),
    _replaced(2, "27/07/2021"),
    _replaced(3, ""),
    _replaced(3, "999"),
    _replaced(4, ""),
    _replaced(4, "999"),
    _replaced(4, "1e3"),
)


def _quoted(text: str) -> str:
    target = StringIO()
    csv.writer(target, lineterminator="").writerow([text])
    return target.getvalue()
