"""What is kept of a load in parts while it is at work: its plan, and how far each part has come. In Postgres, so that
a part's rows and the word that it has done them are committed together.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from chalicelib.ledger import ObjectVersion
from chalicelib.load.csv_source import Layout
from chalicelib.load.options import LoadOptions, OnConflict
from chalicelib.load.parts import Ahead, Scanned, Shape
from chalicelib.load.record_scan import State
from chalicelib.ports import RunKind, Transaction


class Step(StrEnum):
    """What the parts of a load have to do next: each is scanned, then each is loaded, then all are published."""

    SCAN = "scan"
    LOAD = "load"
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True)
class Plan:
    """What does not change while a file is loaded in parts. ``dictionary`` is the digest of the one it began with."""

    table: str
    source: ObjectVersion
    options: LoadOptions
    shape: Shape
    kind: RunKind
    started: dt.datetime
    dictionary: str
    again: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class Split:
    """A load in parts: its plan, its step, how many parts have yet to do that, and the rows that were staged."""

    run: str
    plan: Plan
    step: Step
    pending: int
    round: int
    content: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a part has staged.

    ``first_fit`` is the number, in the part, of the first row of the table's width, ``misfit`` what is told of a file
    whose first row this part's first is, if none has it, ``error`` why the part can't be read; both as
    ``DecantError.told`` gives them.
    """

    rows: int = 0
    rejected: int = 0
    first_fit: int | None = None
    misfit: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None


def add(transaction: Transaction, run: str, plan: Plan) -> None:
    """Begin a load in parts, unless the run has begun one before."""
    parts = plan.shape.parts
    made = transaction.run(
        """INSERT INTO decant.splits (run, plan, step, pending) VALUES (:run, CAST(:plan AS jsonb), 'scan', :parts)
        ON CONFLICT DO NOTHING RETURNING run""",
        run=run,
        plan=json.dumps(asdict(plan), default=dt.datetime.isoformat),
        parts=parts,
    )
    if made:
        transaction.run(
            "INSERT INTO decant.parts (run, part) SELECT :run, generate_series(0, CAST(:last AS integer))",
            run=run,
            last=parts - 1,
        )


def find(transaction: Transaction, run: str, *, lock: bool = False) -> Split | None:
    """The load in parts of a run; None when it has none, or it is over. ``lock``: nobody else changes it meanwhile."""
    rows = transaction.run(
        f"""SELECT plan, step, pending, round, sha256, rows FROM decant.splits WHERE run = :run
        {"FOR UPDATE" if lock else ""}""",
        run=run,
    )
    if not rows:
        return None
    plan, step, pending, number, content, staged = rows[0]
    return Split(run, _plan(plan), Step(step), pending, number, content, staged)


def at_work(transaction: Transaction, tables: Sequence[str]) -> str | None:
    """The first of these tables that a file is being loaded into in parts; None when there is none."""
    if not tables:
        return None
    rows = transaction.run(
        "SELECT min(plan ->> 'table') FROM decant.splits WHERE plan ->> 'table' = ANY(CAST(:tables AS text[]))",
        tables=list(tables),
    )
    return None if rows[0][0] is None else str(rows[0][0])


def touch(transaction: Transaction, run: str) -> None:
    """Note that somebody goes on with a load in parts, unless somebody else does."""
    transaction.run(
        """UPDATE decant.splits SET touched = clock_timestamp()
        WHERE run = (SELECT run FROM decant.splits WHERE run = :run FOR UPDATE SKIP LOCKED)""",
        run=run,
    )


def take(transaction: Transaction, run: str, part: int) -> tuple[bool, bool] | None:
    """Lock a part for this transaction; tell whether it was scanned, and loaded. None: another worker has it."""
    rows = transaction.run(
        """SELECT outcomes IS NOT NULL, loaded FROM decant.parts WHERE run = :run AND part = :part
        FOR UPDATE SKIP LOCKED""",
        run=run,
        part=part,
    )
    return rows[0] if rows else None


def put_scanned(transaction: Transaction, run: str, part: int, found: Scanned) -> None:
    """Note what the first pass over a part told."""
    transaction.run(
        """UPDATE decant.parts SET outcomes = :outcomes, line_ends = :line_ends, leaves = :leaves
        WHERE run = :run AND part = :part""",
        run=run,
        part=part,
        outcomes=found.outcomes,
        line_ends=found.line_ends,
        leaves=found.leaves,
    )


def scanned(transaction: Transaction, run: str) -> list[Scanned]:
    """What the first passes told, in the order of the parts."""
    rows = transaction.run(
        "SELECT outcomes, line_ends, leaves FROM decant.parts WHERE run = :run ORDER BY part", run=run
    )
    return [Scanned(outcomes, line_ends, bytes(leaves)) for outcomes, line_ends, leaves in rows]


def put_ahead(transaction: Transaction, run: str, ahead: list[Ahead]) -> None:
    """Note what is before each part."""
    transaction.run(
        """UPDATE decant.parts p SET state = a.state, lines = a.lines
        FROM unnest(CAST(:states AS text[]), CAST(:lines AS bigint[])) WITH ORDINALITY AS a(state, lines, number)
        WHERE p.run = :run AND p.part = a.number - 1""",
        run=run,
        states=[each.state.value for each in ahead],
        lines=[each.lines for each in ahead],
    )


def ahead_of(transaction: Transaction, run: str, part: int) -> list[Ahead]:
    """What is before a part, and before the next one; of the last, its own alone."""
    rows = transaction.run(
        """SELECT state, lines FROM decant.parts WHERE run = :run AND part IN (:part, CAST(:part AS integer) + 1)
        ORDER BY part""",
        run=run,
        part=part,
    )
    return [Ahead(State(state), lines) for state, lines in rows]


def broken_before(transaction: Transaction, run: str, part: int) -> bool:
    """Whether a part before this one can't be read, which is then what is told of the file."""
    [(found,)] = transaction.run(
        "SELECT EXISTS (SELECT FROM decant.parts WHERE run = :run AND part < :part AND error IS NOT NULL)",
        run=run,
        part=part,
    )
    return bool(found)


def put_loaded(transaction: Transaction, run: str, part: int, made: Loaded) -> None:
    """Note what a part has staged, or why it can't be read."""
    transaction.run(
        """UPDATE decant.parts SET loaded = true, rows = :rows, rejected = :rejected, first_fit = :first_fit,
            misfit = CAST(:misfit AS jsonb), error = CAST(:error AS jsonb)
        WHERE run = :run AND part = :part""",
        run=run,
        part=part,
        rows=made.rows,
        rejected=made.rejected,
        first_fit=made.first_fit,
        misfit=None if made.misfit is None else json.dumps(made.misfit),
        error=None if made.error is None else json.dumps(made.error),
    )


def loaded(transaction: Transaction, run: str) -> list[Loaded]:
    """What the parts have staged, in their order."""
    rows = transaction.run(
        "SELECT rows, rejected, first_fit, misfit, error FROM decant.parts WHERE run = :run ORDER BY part", run=run
    )
    return [Loaded(*row) for row in rows]


def count_down(transaction: Transaction, run: str, rows: int = 0) -> int | None:
    """Note that a part has done its step, with so many rows; how many have yet to. None: the run is over.

    Nobody else counts until the end of the transaction.
    """
    found = transaction.run(
        """UPDATE decant.splits SET pending = pending - 1, rows = rows + :rows, touched = clock_timestamp()
        WHERE run = :run RETURNING pending""",
        run=run,
        rows=rows,
    )
    return int(found[0][0]) if found else None


def go_on(transaction: Transaction, split: Split, step: Step, content: str | None = None) -> None:
    """Begin the next step."""
    transaction.run(
        """UPDATE decant.splits SET step = :step, pending = :pending, sha256 = coalesce(:content, sha256)
        WHERE run = :run""",
        run=split.run,
        step=step.value,
        pending=0 if step is Step.PUBLISH else split.plan.shape.parts,
        content=content,
    )


def begin_again(transaction: Transaction, split: Split) -> None:
    """Have all parts loaded once more."""
    go_on(transaction, split, Step.LOAD)
    transaction.run("UPDATE decant.splits SET round = round + 1, rows = 0 WHERE run = :run", run=split.run)
    transaction.run("UPDATE decant.parts SET loaded = false, error = NULL WHERE run = :run", run=split.run)


def number_rows(transaction: Transaction, run: str) -> None:
    """Note how many rows are before each part, once all are loaded."""
    transaction.run(
        """UPDATE decant.parts p SET rows_before = b.before FROM (
            SELECT part, sum(rows) OVER (ORDER BY part) - rows AS before FROM decant.parts WHERE run = :run
        ) b WHERE p.run = :run AND p.part = b.part""",
        run=run,
    )


def end(transaction: Transaction, run: str) -> None:
    """Forget a load in parts, what it staged too."""
    transaction.run("DELETE FROM decant.splits WHERE run = :run", run=run)
    sweep(transaction)


def sweep(transaction: Transaction) -> None:
    """Forget what runs have left behind that ended while a worker still held a part, which it no longer does."""
    transaction.run(
        """DELETE FROM decant.parts d USING (
            SELECT run, part FROM decant.parts p
            WHERE NOT EXISTS (SELECT FROM decant.splits s WHERE s.run = p.run) FOR UPDATE OF p SKIP LOCKED
        ) f WHERE d.run = f.run AND d.part = f.part"""
    )
    transaction.run("SELECT decant.drop_forgotten_parts()")


def silent(transaction: Transaction, longer_than: dt.timedelta) -> list[str]:
    """The runs of loads in parts that no part has gone on with for so long."""
    rows = transaction.run(
        "SELECT run FROM decant.splits WHERE touched < clock_timestamp() - CAST(:longer_than AS interval)",
        longer_than=f"{longer_than.total_seconds():.0f} s",
    )
    return [run for (run,) in rows]


def _plan(told: Mapping[str, Any]) -> Plan:
    shape, options = told["shape"], told["options"]
    return Plan(
        table=told["table"],
        source=ObjectVersion(**told["source"]),
        options=LoadOptions(OnConflict(options["on_conflict"]), options["max_rejected"]),
        shape=Shape(**{**shape, "layout": Layout(**shape["layout"])}),
        kind=RunKind(told["kind"]),
        started=dt.datetime.fromisoformat(told["started"]),
        dictionary=told["dictionary"],
        again=told["again"],
        note=told["note"],
    )
