"""Rows of a table, a page at a time: filtered by columns, in the order of the primary key, from behind a row."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from chalicelib.api.request import TAKEN_FROM_NEXT, bad_parameter
from chalicelib.api.responses import fitting
from chalicelib.dictionary.datatypes import Integer
from chalicelib.dictionary.model import Column, Table
from chalicelib.dictionary.names import quote, quote_all
from chalicelib.errors import BadRequest, NotFound
from chalicelib.ports import Transaction

OPERATORS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on a column."""

    column: Column
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows as JSON shows them, and the token for the page behind them; None: there is none."""

    rows: Sequence[Mapping[str, Any]]
    next: str | None


def parse_filters(table: Table, query: Mapping[str, str]) -> list[Filter]:
    """Filters as ``column=value`` or ``column__operator=value``, the operator one of OPERATORS. Raises BadRequest."""
    return [_filter(table, name, text) for name, text in query.items()]


def read_page(
    transaction: Transaction, table: Table, filters: Sequence[Filter], *, limit: int, after: str | None
) -> RowPage:
    """Read up to ``limit`` rows, fewer when they are big. Raises BadRequest when ``after`` is no page's token."""
    parameters: dict[str, Any] = {}
    conditions = []
    for number, each in enumerate(filters):
        parameters[f"f{number}"] = each.value
        conditions.append(
            f"{quote(each.column.name)} {OPERATORS[each.operator]} {_parameter(each.column, f'f{number}')}"
        )
    if after is not None:
        key = [table.column(name) for name in table.primary_key]
        parameters |= {f"k{number}": value for number, value in enumerate(_read_token(key, after))}
        place = ", ".join(_parameter(column, f"k{number}") for number, column in enumerate(key))
        conditions.append(f"({quote_all(table.primary_key)}) > ({place})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    found = transaction.run(
        f"SELECT {quote_all(table.column_names)} FROM public.{quote(table.name)}{where} "
        f"ORDER BY {quote_all(table.primary_key)} LIMIT {limit + 1}",
        **parameters,
    )
    rows = fitting([_rendered(table, values) for values in found[:limit]])
    return RowPage(rows, _token(table, rows[-1]) if len(rows) < len(found) else None)


def _filter(table: Table, name: str, text: str) -> Filter:
    column_name, operator = name, "eq"
    if name not in table.column_names and "__" in name:
        column_name, operator = name.rsplit("__", 1)
    try:
        column = table.column(column_name)
    except NotFound as error:
        raise bad_parameter(name, f"The parameter {name!r} means nothing here: {error.detail}", error.hint) from None
    if operator not in OPERATORS:
        raise bad_parameter(name, f"{name!r} has the operator {operator!r}.", f"It takes {', '.join(OPERATORS)}.")
    return Filter(column, operator, _value(name, column, text))


def _value(name: str, column: Column, text: str) -> Any:
    try:
        value = column.type.parse(pa.array([text.strip()], pa.string()))[0].as_py()
    except UnicodeEncodeError:
        value = None
    if value is None:
        hint = "In a URL, a + is written as %2B." if " " in text else None
        raise bad_parameter(name, f"{column.name} is compared with {text!r}, and takes {column.type.expects}.", hint)
    return value


def _parameter(column: Column, name: str) -> str:
    # An integer beyond the column's own type is a value to compare with like any other.
    return f"CAST(:{name} AS {'bigint' if isinstance(column.type, Integer) else column.type.postgres})"


def _rendered(table: Table, values: Sequence[Any]) -> dict[str, Any]:
    return {
        column.name: None if value is None else column.type.render(value)
        for column, value in zip(table.columns, values, strict=True)
    }


def _token(table: Table, row: Mapping[str, Any]) -> str:
    key = json.dumps([str(row[name]) for name in table.primary_key])
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _read_token(key: Sequence[Column], token: str) -> list[Any]:
    try:
        texts = json.loads(base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4)))
        return [_value("after", column, text) for column, text in zip(key, texts, strict=True)]
    except (ValueError, TypeError, AttributeError, BadRequest, RecursionError):
        raise bad_parameter("after", f"after is {token!r}.", TAKEN_FROM_NEXT) from None
