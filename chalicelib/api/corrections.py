"""Corrected rows for the rejected ones of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.api.ingest import Batch
from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.errors import BadRequest, Conflict, Unprocessable
from chalicelib.load.options import OnConflict
from chalicelib.ports import Run, RunKind, Transaction

_ROW = "row"
_MOST_DIGITS = 15


def correction(
    dictionary: Dictionary, run: Run, body: Any, *, on_conflict: OnConflict, atomic: bool
) -> Callable[[Transaction], Batch]:
    """Read corrected rows as a batch, which is made whole in the transaction that writes it.

    The body is an array for a run of one table, else an object of arrays by table. Where every element has the field
    ``row``, the number of a rejected row, the other fields are put over its cells as they came, and a row that goes
    in marks that one as corrected. Where none has it, the elements are whole rows. A table with a column of that name
    takes whole rows alone.

    The transaction raises Unprocessable when a number is not that of a rejected row which still waits to be corrected.
    """
    rows = _by_table(dictionary, run, body)
    numbers = {name: found for name in rows if (found := _numbers(dictionary.table(name), rows[name])) is not None}
    if numbers and len(numbers) < len(rows):
        raise _mixed()
    batch = Batch(
        rows,
        on_conflict,
        atomic,
        by_table=run.table is None,
        kind=RunKind.REPLAY,
        replaces=run.id,
        numbers=numbers or None,
    )

    def complete(transaction: Transaction) -> Batch:
        whole = {
            name: _merged(transaction, run, dictionary.table(name), found, rows[name])
            for name, found in numbers.items()
        }
        return replace(batch, rows=whole or rows)

    return complete


def _by_table(dictionary: Dictionary, run: Run, body: Any) -> Mapping[str, list[Any]]:
    if run.kind not in (RunKind.LOAD, RunKind.BATCH, RunKind.REPLAY) or not run.state.final:
        raise Conflict(
            f"The run {run.id} is a {run.kind.value} that is {run.state.value}.",
            hint="Rows can be corrected of a load, a batch or a replay that has ended.",
        )
    if run.table is not None and isinstance(body, list):
        return {run.table: body}
    if run.table is None and isinstance(body, dict) and all(isinstance(each, list) for each in body.values()):
        return {dictionary.table(name).name: rows for name, rows in body.items()}
    expected = "an array of rows" if run.table is not None else "an object of arrays, one for each table"
    raise BadRequest(f"The body is not {expected}.", hint='A corrected row is {"row": number, "column": value, …}.')


def _numbers(table: Table, elements: Sequence[Any]) -> list[int] | None:
    """The numbers of the rows that are corrected; None when the elements are whole rows."""
    named = [isinstance(each, dict) and _ROW in each for each in elements]
    if _ROW in table.column_names or not any(named):
        return None
    if not all(named):
        raise _mixed()
    texts = [each[_ROW] for each in elements]
    if not all(isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
               for text in texts):  # fmt: skip
        raise BadRequest("The field row is not everywhere a number.", hint="It is the number of a rejected row.")
    numbers = [int(text) for text in texts]
    if len(set(numbers)) < len(numbers):
        raise BadRequest("A row is corrected twice.", hint="Send one correction for each rejected row.")
    return numbers


def _merged(
    transaction: Transaction, run: Run, table: Table, numbers: Sequence[int], elements: Sequence[Mapping[str, Any]]
) -> list[object]:
    found = transaction.run(
        """SELECT row, cells, corrected_by FROM decant.rejections
        WHERE run = :run AND table_name = :table AND row = ANY(CAST(:rows AS bigint[])) ORDER BY row FOR UPDATE""",
        run=run.id,
        table=table.name,
        rows=list(numbers),
    )
    cells = {row: cells for row, cells, corrected_by in found if corrected_by is None}
    corrected = {row: corrected_by for row, _, corrected_by in found if corrected_by is not None}
    wrong = [
        {
            "table": table.name,
            "row": number,
            "message": f"has been corrected by run {corrected[number]}" if number in corrected else "was not rejected",
        }
        for number in numbers
        if number not in cells
    ]
    if wrong:
        raise Unprocessable(
            f"{len(wrong)} of these rows don't wait to be corrected.",
            hint=f"GET /runs/{run.id}/rejections lists those that do.",
            errors=wrong,
        )
    return [
        {**_known(table, cells[number]), **{name: value for name, value in element.items() if name != _ROW}}
        for number, element in zip(numbers, elements, strict=True)
    ]


def _known(table: Table, cells: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cells.get(name) for name in table.column_names}


def _mixed() -> BadRequest:
    return BadRequest(
        "Some rows have the field row and some have not.", hint="Send corrections and whole rows one after the other."
    )
