"""Source rows ─▶ valid rows and rejected rows, by the dictionary: one engine for files, batches and restores.

It is columnar: each rule is one pass of Arrow compute over a column, and only rows at fault are looked at one by one.
What can only be told from all rows of a source together (duplicate keys, references within the source) or from the
table (keys that are taken) is told by ``staging``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.datatypes import Integer
from chalicelib.dictionary.model import Column, ForeignKey, Table
from chalicelib.load.rows import Reason, ReasonCode, RejectedRow, SourceChunk

ROW = "decant_row"
LINE = "decant_line"
FAULTY = "decant_faulty"
# So many keys of a parent are remembered; of one that has more, they are asked for again.
_MOST_ASKED = 1_000_000


class ParentKeys(Protocol):
    """Tells which keys a parent table lacks."""

    def lacking(self, key: ForeignKey, values: pa.Table) -> pa.Table:
        """Those of the distinct ``values`` (columns as ``key.columns``) that no row of the parent has."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A chunk after validation.

    ``staged`` has every row, in order, typed, with ROW, LINE and FAULTY before the table's columns; a cell that breaks
    a rule is null in it. ``rejected`` are the faulty rows, by row number, with every reason found so far.
    """

    staged: pa.Table
    rejected: list[RejectedRow]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A chunk whose cells are read: its rows, typed, a cell that breaks a rule null; why, by index into the chunk."""

    chunk: SourceChunk
    rows: pa.Table
    reasons: dict[int, list[Reason]]


class Validator:
    """Checks the chunks of one source against one table. It remembers which parent keys it has asked for."""

    def __init__(self, table: Table, parents: ParentKeys) -> None:
        self._table = table
        self._references = [_Reference(key, parents) for key in table.foreign_keys if key.parent != table.name]

    def check(self, chunk: SourceChunk) -> Checked:
        """Find every fault of every row that can be told from the row and its parents."""
        return self.finish(self.parse(chunk))

    def parse(self, chunk: SourceChunk) -> Parsed:
        """Read the cells, and find every fault of every row that can be told from the row."""
        reasons: dict[int, list[Reason]] = defaultdict(list)
        for index, faults in chunk.faults.items():
            reasons[index].extend(faults)
        columns = {}
        for column in self._table.columns:
            text = chunk.cells.column(column.name).combine_chunks()
            values = column.type.parse(text)
            found = [fault for fault in _cell_faults(column, text, values) if not _told(reasons, fault, column.name)]
            for index, reason in found:
                reasons[index].append(reason)
            told = [index for index, faults in chunk.faults.items() for fault in faults if fault.column == column.name]
            columns[column.name] = _without(values, [*told, *(index for index, _ in found)])
        return Parsed(chunk, pa.table(columns), reasons)

    def asks(self, parsed: Parsed) -> bool:
        """Whether ``finish`` has to ask for parents of these rows."""
        return any(reference.asks(parsed.rows) for reference in self._references)

    def finish(self, parsed: Parsed) -> Checked:
        """Find the faults of their references as well."""
        chunk, reasons = parsed.chunk, parsed.reasons
        for reference in self._references:
            for index, reason in reference.faults(parsed.rows):
                reasons[index].append(reason)
        marks = np.zeros(len(chunk), np.bool_)
        marks[list(reasons)] = True
        ahead = {ROW: chunk.rows, LINE: chunk.lines, FAULTY: pa.array(marks)}
        staged = pa.table(ahead | dict(zip(parsed.rows.column_names, parsed.rows.columns, strict=True)))
        return Checked(staged, self._rejected(chunk, reasons))

    def _rejected(self, chunk: SourceChunk, reasons: Mapping[int, list[Reason]]) -> list[RejectedRow]:
        numbers = chunk.rows.to_numpy()
        indexes = sorted(reasons, key=numbers.__getitem__)
        taken = pa.array(indexes, pa.int64())
        rows = numbers[indexes].tolist()
        order = {name: position for position, name in enumerate(self._table.column_names)}
        return [
            RejectedRow(
                row=row,
                line=line,
                cells=cells,
                reasons=sorted(reasons[index], key=lambda reason: order.get(reason.column or "", len(order))),
            )
            for index, row, line, cells in zip(
                indexes, rows, chunk.lines.take(taken).to_pylist(), chunk.cells.take(taken).to_pylist(), strict=True
            )
        ]


def _cell_faults(column: Column, text: pa.Array, values: pa.Array) -> Iterator[tuple[int, Reason]]:
    present = pc.is_valid(text)
    if column.required:
        yield from _where(pc.invert(present), text, column, ReasonCode.CONSTRAINT_ERROR, "is required, and blank here")
    wrong_type = pc.and_(present, pc.is_null(values))
    yield from _where(wrong_type, text, column, ReasonCode.TYPE_ERROR, f"takes {column.type.expects}")
    for broken, rule in _constraints(column, values):
        yield from _where(broken, text, column, ReasonCode.CONSTRAINT_ERROR, rule)


def _constraints(column: Column, values: pa.Array) -> Iterator[tuple[pa.Array, str]]:
    """Each constraint of a column: where it is broken, and what it says. A bound of the type itself says so."""
    native = column.type.bounds if isinstance(column.type, Integer) else (None, None)
    if column.minimum is not None:
        beyond = "is too small for the column: " if column.minimum == native[0] else ""
        yield (
            pc.less(values, _scalar(column, column.minimum)),
            f"{beyond}takes {_shown(column, column.minimum)} or more",
        )
    if column.maximum is not None:
        beyond = "is too big for the column: " if column.maximum == native[1] else ""
        yield (
            pc.greater(values, _scalar(column, column.maximum)),
            f"{beyond}takes {_shown(column, column.maximum)} or less",
        )
    if column.enum:
        known = pc.is_in(values, pa.array(column.enum, column.type.arrow))
        listed = ", ".join(_shown(column, value) for value in column.enum)
        yield pc.and_(pc.is_valid(values), pc.invert(known)), f"takes one of {listed}"
    if column.pattern is not None:
        matches = pc.match_substring_regex(values, f"^(?:{column.pattern})$")
        yield pc.invert(matches), f"takes text of the form {column.pattern}"
    if column.min_length is not None:
        yield pc.less(pc.utf8_length(values), column.min_length), f"takes at least {column.min_length} characters"
    if column.max_length is not None:
        yield pc.greater(pc.utf8_length(values), column.max_length), f"takes at most {column.max_length} characters"


def _where(mask: pa.Array, text: pa.Array, column: Column, code: ReasonCode, rule: str) -> Iterator[tuple[int, Reason]]:
    """A reason for each row where the mask is true; it may be null, as what is compared with null is."""
    if not pc.any(mask).as_py():
        return
    indexes = pc.indices_nonzero(mask)
    for index, cell in zip(indexes.to_pylist(), text.take(indexes).to_pylist(), strict=True):
        yield index, Reason(column.name, code, f"{column.name} {rule}", cell)


def _told(reasons: Mapping[int, list[Reason]], fault: tuple[int, Reason], column: str) -> bool:
    """Whether the source told already that the cell is absent or no single value, or that the row is none."""
    index, _ = fault
    told = reasons.get(index, ())
    return any(reason.column == column or (reason.column is None and _no_row(reason)) for reason in told)


def _no_row(reason: Reason) -> bool:
    return reason.code is ReasonCode.TYPE_ERROR


def _without(values: pa.Array, indexes: list[int]) -> pa.Array:
    if not indexes:
        return values
    broken = np.zeros(len(values), np.bool_)
    broken[indexes] = True
    return pc.if_else(pa.array(broken), None, values)


def _scalar(column: Column, value: Any) -> pa.Scalar:
    return pa.scalar(value, column.type.arrow)


def _shown(column: Column, value: Any) -> str:
    return str(column.type.render(value))


class _Reference:
    """One foreign key, and what is known so far of the parent's keys."""

    def __init__(self, key: ForeignKey, parents: ParentKeys) -> None:
        self._key = key
        self._parents = parents
        self._asked: pa.Array | None = None
        self._lacking: pa.Array | None = None

    def asks(self, typed: pa.Table) -> bool:
        """Whether these rows have keys that no rows before them had."""
        return self._full() or bool(pc.any(self._new(_joined(typed.select(self._key.columns)))).as_py())

    def faults(self, typed: pa.Table) -> Iterator[tuple[int, Reason]]:
        """The rows whose parent is not there."""
        keys = _joined(typed.select(self._key.columns))
        self._ask(typed.select(self._key.columns), keys)
        unknown = pc.and_(pc.is_valid(keys), pc.is_in(keys, self._lacking))
        if not pc.any(unknown).as_py():
            return
        indexes = pc.indices_nonzero(unknown)
        cells = typed.select(self._key.columns).take(indexes)
        columns, named = ", ".join(self._key.columns), ", ".join(self._key.references)
        for index, *values in zip(indexes.to_pylist(), *(column.to_pylist() for column in cells.columns), strict=True):
            shown = ", ".join(map(str, values))
            message = f"{columns} refers to {named} {shown}, which {self._key.parent} does not have"
            yield index, Reason(self._key.columns[0], ReasonCode.FOREIGN_KEY, message, shown)

    def _full(self) -> bool:
        """Whether nothing was asked for, or so much that it is better forgotten."""
        return self._asked is None or len(self._asked) > _MOST_ASKED

    def _new(self, keys: pa.Array) -> pa.Array:
        given = pc.is_valid(keys)
        return given if self._asked is None else pc.and_(given, pc.invert(pc.is_in(keys, self._asked)))

    def _ask(self, values: pa.Table, keys: pa.Array) -> None:
        """Ask for the keys of this chunk that no chunk before had."""
        if self._full():
            self._asked = self._lacking = None
        new = self._new(keys)
        if self._asked is not None and not pc.any(new).as_py():
            return
        fresh = pc.unique(pc.filter(keys, new))
        distinct = values.filter(new).group_by(list(self._key.columns)).aggregate([])
        lacking = _joined(self._parents.lacking(self._key, distinct)) if len(fresh) else fresh
        self._asked = fresh if self._asked is None else pa.concat_arrays([self._asked, fresh])
        self._lacking = lacking if self._lacking is None else pa.concat_arrays([self._lacking, lacking])


def _joined(values: pa.Table) -> pa.Array:
    """One array of comparable keys; null where a part of the key is, for then Postgres does not check it either."""
    columns = [values.column(name).combine_chunks() for name in values.column_names]
    if len(columns) == 1:
        return columns[0]
    texts = [pc.cast(each, pa.string()) for each in columns]
    # With its length ahead, no part can be taken for the end of one and the beginning of the next.
    parts = [part for text in texts for part in (pc.cast(pc.utf8_length(text), pa.string()), text)]
    return pc.binary_join_element_wise(*parts, ":")
