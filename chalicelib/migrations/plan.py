"""What turns the tables of one dictionary into those of another, or why that is refused. Nothing is run here.

What is allowed can't refuse a row that is there: a new table, a new column that may be blank, a wider type or rule.
Every statement may be run again, so that a migration that was interrupted is simply run once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.dictionary.datatypes import DataType, Integer, Number
from chalicelib.dictionary.ddl import (
    check_constraint,
    checks,
    create_table,
    foreign_key_constraint,
    foreign_key_indexes,
    foreign_key_name,
    index_foreign_keys,
)
from chalicelib.dictionary.model import Column, Dictionary, Table
from chalicelib.dictionary.names import quote, quote_all
from chalicelib.errors import MigrationRefused

_REWRITES = (
    "This rewrites the whole table, and nobody reads or writes it meanwhile: some seconds for each million rows. "
    "Choose a quiet hour for a big one."
)
_CHECKS_ALL = "This reads the whole table, and nobody reads or writes it meanwhile: under a second for a million rows."
_NEW_COLUMN = "Give it another name and keep both columns, until nobody needs the old one."


@dataclass(frozen=True, slots=True)
class Step:
    """One statement, and what a reader of the plan should know of it.

    ``first`` is run before each try of one that leaves something behind when it fails. That is CREATE INDEX
    CONCURRENTLY, which waits for the transactions that are open, and keeps nobody waiting.
    """

    sql: str
    note: str = ""
    first: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The statements of a change, in order, and what no statement tells."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that can't be done: where, what it is, and what to do instead."""

    where: str
    reason: str
    way: str


def change(before: Dictionary | None, after: Dictionary) -> Change:
    """Give what turns the tables of ``before`` (None: there are none) into those of ``after``.

    Raises MigrationRefused, which lists everything that is refused, each with the way to do it.
    """
    old = {table.name: table for table in before.tables} if before else {}
    refused = [*_gone(old, after), *(each for new in after.tables if new.name in old
                                     for each in refusals(old[new.name], new))]  # fmt: skip
    if refused:
        raise MigrationRefused(
            " ".join(f"{each.where}: {each.reason}." for each in refused),
            hint=" ".join(dict.fromkeys(each.way for each in refused)),
            errors=[{"where": each.where, "reason": each.reason, "way": each.way} for each in refused],
        )
    steps: list[Step] = []
    notes: list[str] = []
    for table in after.tables:
        if table.name in old:
            steps += _alter(old[table.name], table)
            notes += _notes(old[table.name], table)
        else:
            steps.append(Step(create_table(table)))
            steps += [Step(statement) for statement in index_foreign_keys(table)]
    return Change(tuple(steps), tuple(notes))


def _gone(old: dict[str, Table], after: Dictionary) -> Iterator[Refusal]:
    for name in old:
        if name not in after:
            yield Refusal(
                f"The table {name}",
                "the dictionary has it no more, and its rows would be lost",
                "A table stays in the dictionary; one that is renamed is a new table, into which its rows are loaded.",
            )


def refusals(before: Table, after: Table) -> Iterator[Refusal]:
    """What of a table's change could lose or break a row that is there."""
    where = f"The table {after.name}"
    if before.primary_key != after.primary_key:
        yield Refusal(
            where, f"its key was ({', '.join(before.primary_key)}) and is ({', '.join(after.primary_key)})",
            "Rows are told apart by the key: make a new table, and load the rows into it.",
        )  # fmt: skip
    new = {column.name for column in after.columns} - {column.name for column in before.columns}
    for key in (key for key in before.foreign_keys if key not in after.foreign_keys):
        yield Refusal(
            where, f"its foreign key ({', '.join(key.columns)}) to {key.parent} is gone or changed",
            "A foreign key stays as it is: make a new table, or a new column for another reference.",
        )  # fmt: skip
    for key in (key for key in after.foreign_keys if key not in before.foreign_keys):
        if new.isdisjoint(key.columns):
            yield Refusal(
                where, f"the foreign key ({', '.join(key.columns)}) to {key.parent} is new, and a row may break it",
                "Make a new column for the reference, and fill it by loading rows with on-conflict=update.",
            )  # fmt: skip
    for column in before.columns:
        if column.name not in after.column_names:
            yield Refusal(
                f"The column {after.name}.{column.name}",
                "the dictionary has it no more, and its values would be lost",
                "A column stays in the dictionary; it may be blank. One that is renamed is a new column.",
            )
    for column in after.columns:
        if column.name not in new:
            yield from _refusals_of_column(after.name, before.column(column.name), column)
        elif column.required:
            yield Refusal(
                f"The column {after.name}.{column.name}", "it is new and required, and the rows that are there lack it",
                "Add it without `required`.",
            )  # fmt: skip


def _refusals_of_column(table: str, before: Column, after: Column) -> Iterator[Refusal]:
    where = f"The column {table}.{after.name}"
    if not _holds_all(before.type, after.type):
        yield Refusal(where, f"it was {before.type.postgres} and is {after.type.postgres}", _NEW_COLUMN)
        return
    if after.required and not before.required:
        yield Refusal(where, "it is required now, and a row may have it blank", "Leave `required` out.")
    minimum = after.minimum is None or (before.minimum is not None and after.minimum <= before.minimum)
    maximum = after.maximum is None or (before.maximum is not None and after.maximum >= before.maximum)
    shortest = (after.min_length or 0) <= (before.min_length or 0)
    longest = after.max_length is None or (before.max_length is not None and after.max_length >= before.max_length)
    enum = not after.enum or (bool(before.enum) and set(after.enum) >= set(before.enum))
    for wider, rule in (
        (minimum, "minimum"), (maximum, "maximum"), (shortest, "minLength"), (longest, "maxLength"), (enum, "enum")
    ):  # fmt: skip
        if not wider:
            yield Refusal(where, f"its {rule} is narrower, and a row may break it", f"Leave the {rule} as it was.")


def _holds_all(before: DataType, after: DataType) -> bool:
    """Whether a column of the type ``after`` holds every value of ``before``, as the same value."""
    if isinstance(before, Integer) and isinstance(after, Integer):
        return after.wide or not before.wide
    if isinstance(before, Number) and isinstance(after, Number):
        return after.scale == before.scale and after.precision >= before.precision
    return before == after


def _alter(before: Table, after: Table) -> list[Step]:
    """One ALTER TABLE for all, so that the lock is taken and the table rewritten once; then what only reads."""
    name = f"public.{quote(after.name)}"
    clauses: list[str] = []
    note = ""
    rewritten = False
    for column in after.columns:
        quoted = quote(column.name)
        if column.name not in before.column_names:
            clauses.append(f"ADD COLUMN IF NOT EXISTS {quoted} {column.type.postgres}")
            continue
        old = before.column(column.name)
        if old.type != column.type:
            clauses.append(f"ALTER COLUMN {quoted} TYPE {column.type.postgres}")
            rewritten = rewritten or isinstance(column.type, Integer)
            note = _REWRITES if rewritten else _CHECKS_ALL
        if old.required and not column.required:
            clauses.append(f"ALTER COLUMN {quoted} DROP NOT NULL")
    was, shall = checks(before), checks(after)
    changed = {name: condition for name, condition in shall.items() if was.get(name) != condition}
    references = {
        foreign_key_name(after, key): key for key in after.foreign_keys if key not in before.foreign_keys
    }  # fmt: skip
    dropped = [*(name for name in was if name not in shall), *changed, *references]
    clauses += [f"DROP CONSTRAINT IF EXISTS {quote(each)}" for each in dropped]
    # NOT VALID holds from now on for what is written; the rows that are there are read later, without the lock.
    clauses += [f"ADD {check_constraint(*each)} NOT VALID" for each in changed.items()]
    clauses += [f"ADD {foreign_key_constraint(after, key)} NOT VALID" for key in references.values()]
    if not clauses:
        return []
    steps = [Step(f"ALTER TABLE {name}\n    " + ",\n    ".join(clauses), note)]
    steps += [
        Step(f"ALTER TABLE {name} VALIDATE CONSTRAINT {quote(each)}", "This reads the table beside its users.")
        for each in (*changed, *references)
    ]
    if rewritten:
        steps.append(Step(f"ANALYZE {name}"))
    had = foreign_key_indexes(before)
    for index, key in foreign_key_indexes(after).items():
        if index not in had:
            # An index that an interruption left unfinished is of no use and has the name.
            drop = f"DROP INDEX CONCURRENTLY IF EXISTS public.{quote(index)}"
            create = f"CREATE INDEX CONCURRENTLY {quote(index)} ON {name} ({quote_all(key.columns)})"
            steps.append(Step(create, "This is made beside the table's users.", drop))
    return steps


def _notes(before: Table, after: Table) -> Iterator[str]:
    for column in after.columns:
        if column.name in before.column_names:
            pattern = before.column(column.name).pattern
            if column.pattern not in (None, pattern):
                yield (
                    f"The pattern of {after.name}.{column.name} holds for rows that come from now on; "
                    "the rows that are there are not held against it."
                )
    kept = tuple(name for name in after.column_names if name in before.column_names)
    if after.column_names[: len(kept)] != before.column_names:
        yield f"The columns of {after.name} have another order: files without a header are read in it from now on."
