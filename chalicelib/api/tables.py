"""Tables: what the dictionary says of them, their rows, and new rows for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalice.app import Response

from chalicelib.access.principal import Scope
from chalicelib.api.answers import described_table
from chalicelib.api.blueprint import Blueprint
from chalicelib.api.ingest import Batch, write_batch
from chalicelib.api.parameters import AFTER, FORMAT, LIMIT, WRITING
from chalicelib.api.request import ApiRequest
from chalicelib.api.responses import answer_response, csv_response, json_response
from chalicelib.api.row_page import parse_filters, read_page
from chalicelib.dictionary.datatypes import Number
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote
from chalicelib.errors import BadRequest
from chalicelib.load.options import OnConflict
from chalicelib.ports import Transaction
from chalicelib.wiring import services

tables = Blueprint(__name__)

_PAGING = {"limit": LIMIT, "after": AFTER, "format": FORMAT}


@tables.get("/tables", answers={200: "Tables"})
def list_tables(_request: ApiRequest) -> Response:
    """Tell the tables of the data dictionary, with their row counts."""
    dictionary = services().dictionary
    with services().database.transaction() as transaction:
        told = [table_object(transaction, table) for table in dictionary.tables]
    return json_response({"tables": told, "dictionary": dictionary.digest})


@tables.get("/tables/{table}", answers={200: "Table", 404: "Problem"})
def get_table(_request: ApiRequest, table: str) -> Response:
    """Tell the columns, keys and row count of a table."""
    found = services().dictionary.table(table)
    with services().database.transaction() as transaction:
        return json_response(table_object(transaction, found))


@tables.get("/tables/{table}/rows", query=_PAGING, filters=True, csv=True, answers={200: "Rows", 404: "Problem"})
def list_rows(request: ApiRequest, table: str) -> Response:
    """List rows in the order of the primary key. Columns filter: column=value, column__gte=value, gt, lt, lte, eq."""
    found = services().dictionary.table(table)
    filters = parse_filters(found, {name: text for name, text in request.query.items() if name not in _PAGING})
    form, limit = request.format, request.number("limit", 100, 1, 1000)
    with services().database.transaction() as transaction:
        page = read_page(transaction, found, filters, limit=limit, after=request.query.get("after"))
    if form == "csv":
        numeric = [column.name for column in found.columns if isinstance(column.type, Number)]
        return csv_response(table, found.column_names, page.rows, request.next_link(page.next), numeric=numeric)
    return json_response({"rows": page.rows, "next": page.next})


@tables.post("/tables/{table}/rows", scope=Scope.WRITE, query=WRITING, body="RowsOfTable",
             answers={201: "BatchAnswer", 207: "BatchAnswer", 422: "BatchAnswer", 404: "Problem"})  # fmt: skip
def post_rows(request: ApiRequest, table: str) -> Response:
    """Write 1 to 1000 rows, a JSON array of objects, into a table. Each row is held against the dictionary."""
    found = services().dictionary.table(table)
    batch = Batch({found.name: row_array(request.json())}, **writing_options(request), by_table=False)
    return answer_response(write_batch(services(), lambda _: batch, request.idempotency_key))


@tables.post("/batch", scope=Scope.WRITE, query=WRITING, body="RowsOfTables",
             answers={201: "TablesAnswer", 207: "TablesAnswer", 422: "TablesAnswer", 404: "Problem"})  # fmt: skip
def post_batch(request: ApiRequest) -> Response:
    """Write 1 to 1000 rows in all into several tables, parents first, in one transaction."""
    batch = Batch(rows_by_table(request.json()), **writing_options(request), by_table=True)
    return answer_response(write_batch(services(), lambda _: batch, request.idempotency_key))


def table_object(transaction: Transaction, table: Table) -> dict[str, Any]:
    """A table as the dictionary has it, and how many rows it has."""
    return described_table(table, transaction.run(f"SELECT count(*) FROM public.{quote(table.name)}")[0][0])


def row_array(body: Any) -> list[object]:
    """The rows of one table. What the elements are is for the validator to say."""
    if not isinstance(body, list):
        raise BadRequest("The body is not a JSON array.", hint='Send the rows as [{"column": value, …}, …].')
    return body


def rows_by_table(body: Any) -> Mapping[str, list[object]]:
    """The rows of several tables. Raises NotFound for a table that the dictionary lacks."""
    if not isinstance(body, dict) or not all(isinstance(rows, list) for rows in body.values()):
        raise BadRequest("The body is not an object of arrays.", hint='Send {"table": [{"column": value, …}, …], …}.')
    return {services().dictionary.table(name).name: rows for name, rows in body.items()}


def writing_options(request: ApiRequest) -> dict[str, Any]:
    """How the query wants rows to be written."""
    return {
        "on_conflict": OnConflict(request.choice("on_conflict", [each.value for each in OnConflict])),
        "atomic": request.choice("mode", ("partial", "atomic")) == "atomic",
    }
