"""Rows that a table takes, made from the dictionary alone, for examples that work with any dictionary."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from chalicelib.dictionary.datatypes import Boolean, Date, DateTime, Integer, Number
from chalicelib.dictionary.model import Column, Dictionary, Table

Row = Mapping[str, Any]

_DAY = dt.date(2021, 7, 27)
_MOMENT = dt.datetime(2021, 7, 27, 16, 2, 8, tzinfo=dt.UTC)
# A pattern of plain characters and classes, each perhaps so many times: most that people write.
_PIECE = re.compile(r"(\[[^\]\\^]+\]|\\d|\\w|[A-Za-z0-9 _:/-])(?:\{(\d+)(?:,\d*)?\}|([+*?]))?")
_CLASSES = {r"\d": "0123456789", r"\w": "abcdefghijklmnopqrstuvwxyz"}


def sample_rows(dictionary: Dictionary, table: Table, count: int) -> list[Row]:
    """Some rows with different keys, as JSON shows them; the rows they refer to are those of the same sample."""
    return [_row(dictionary, table, number) for number in range(count)]


def ancestors(dictionary: Dictionary, table: Table) -> Sequence[Table]:
    """The tables that a row of this one needs rows of, parents first, and the table itself as the last."""
    needed = {table.name}
    for each in reversed(dictionary.tables):
        if each.name in needed:
            needed |= set(each.parents)
    return dictionary.in_order(needed)


def _row(dictionary: Dictionary, table: Table, number: int) -> Row:
    row = {column.name: _rendered(column, number) for column in table.columns}
    for key in table.foreign_keys:
        if key.parent == table.name and not any(table.column(name).required for name in key.columns):
            row |= dict.fromkeys(key.columns)
            continue
        parent = row if key.parent == table.name else _row(dictionary, dictionary.table(key.parent), number)
        row |= {mine: parent[theirs] for mine, theirs in zip(key.columns, key.references, strict=True)}
    return row


def _rendered(column: Column, number: int) -> Any:
    value = _value(column, number)
    return None if value is None else column.type.render(value)


def _value(column: Column, number: int) -> Any:
    if column.enum:
        return column.enum[number % len(column.enum)]
    match column.type:
        case Boolean():
            return number % 2 == 0
        case Integer():
            return _within(column, 1 + number, number)
        case Number(scale=scale, precision=precision):
            step = Decimal(number + 1).scaleb(-scale if scale == precision else 0)
            return _within(column, step, Decimal(number).scaleb(-scale))
        case Date():
            return _within(column, _DAY + dt.timedelta(days=number), dt.timedelta(days=number))
        case DateTime():
            return _within(column, _MOMENT + dt.timedelta(hours=number), dt.timedelta(hours=number))
    return _text(column, number)


def _within(column: Column, usual: Any, above: Any) -> Any:
    """The usual value where the column's bounds allow it, else one from the nearest bound."""
    if column.minimum is not None and usual < column.minimum:
        return column.minimum + above
    if column.maximum is not None and usual > column.maximum:
        return column.maximum - above
    return usual


def _text(column: Column, number: int) -> str:
    if column.pattern is not None:
        return _of_pattern(column.pattern, number)
    text = f"{column.name.replace('_', ' ').capitalize()} {number + 1}"
    text = text.ljust(column.min_length or 0, "x")
    if column.max_length is not None and len(text) > column.max_length:
        return str(number + 1).rjust(min(column.max_length, max(column.min_length or 0, 1)), "x")[-column.max_length :]
    return text


def _of_pattern(pattern: str, number: int) -> str:
    """A text of a pattern, its last place another one for each number; for a pattern beyond the usual, its own text."""
    made, place, choices = "", 0, ""
    while place < len(pattern):
        piece = _PIECE.match(pattern, place)
        if piece is None:
            return pattern
        allowed = _CLASSES.get(piece[1]) or (_members(piece[1][1:-1]) if piece[1].startswith("[") else piece[1])
        made += allowed[0] * int(piece[2] or 1)
        if len(allowed) > 1:
            choices, where = allowed, len(made) - 1
        place = piece.end()
    return made[:where] + choices[number % len(choices)] + made[where + 1 :] if choices else made


def _members(inside: str) -> str:
    """The characters of a class such as ``A-Z0-9``."""
    spread = re.sub(r"(.)-(.)", lambda match: "".join(map(chr, range(ord(match[1]), ord(match[2]) + 1))), inside)
    return "".join(dict.fromkeys(spread))
