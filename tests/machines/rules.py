"""Where an answer may differ from what Schemathesis expects of the document alone, and why; here and nowhere else.

Schemathesis imports this module as its hooks (schemathesis.toml). Its own checks of accepted and refused data are
wrapped: what none of the rules below excuses is a failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema_rs
import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

Rule = Callable[[Any, Response], bool]

# What rows are rejected for that are themselves as the document says: it depends on those that are there already.
_OF_OTHER_ROWS = {"primary-key", "foreign-key"}
_PROBLEM = "urn:decant:problem:"
_NO_CALENDAR = re.compile(r'"0000-|:60(?:[.Zz+-]|")|[+-](?:1[4-9]|2[0-9]):?[0-9]{2}"')


def key_came_with_another_request(_: Case[Any], response: Response) -> bool:
    """An Idempotency-Key is refused with another request than its first: no schema knows what was sent before."""
    return response.status_code == 422 and "The Idempotency-Key has been used" in _document(response).get("detail", "")


def rows_depend_on_those_that_are_there(_: Case[Any], response: Response) -> bool:
    """Rows whose key is taken, or whose parent is not there, are rejected: no schema knows what the tables hold."""
    codes = {each["code"] for each in _rejections(response)}
    return response.status_code == 422 and bool(codes) and codes <= _OF_OTHER_ROWS


def rows_are_those_of_another_table(case: Case[Any], response: Response) -> bool:
    """The body of a path with {table} may be rows of any table in OpenAPI; here it has to be those of that one."""
    table = case.path_parameters.get("table") if case.path_parameters else None
    if response.status_code != 422 or _operation(case) != "post_rows":
        return False
    return not _is_valid(case, {"type": "array", "items": _row(str(table))}, case.body)


def corrections_depend_on_the_run(case: Case[Any], response: Response) -> bool:
    """What a run's corrections look like depends on which of its rows were rejected, and on how many tables it had."""
    return _operation(case) == "post_replay" and response.status_code in (400, 422)


def parameters_exclude_one_another(case: Case[Any], response: Response) -> bool:
    """A file of all rejected rows (redirect, xlsx) has no pages, and no JSON: OpenAPI relates no parameters."""
    given = case.query or {}
    return _operation(case) == "list_rejections" and (
        (response.status_code == 406 and "redirect" in given and given.get("format") == "json")
        or (response.status_code == 400 and _blamed(response) <= {"limit", "after"} and bool(_blamed(response)))
    )


def filter_is_of_another_table(case: Case[Any], response: Response) -> bool:
    """Rows are filtered by columns of their table; OpenAPI gives all tables' columns to one path."""
    if response.status_code != 400 or _operation(case) != "list_rows":
        return False
    schema = _schemas(case).get(f"Row.{(case.path_parameters or {}).get('table')}", {"properties": {}})
    names = {name.rsplit("__", 1)[0] for name in _blamed(response)}
    return bool(names) and not names & set(schema["properties"])


def token_is_none_of_an_answer(_: Case[Any], response: Response) -> bool:
    """The token of a next page is opaque: one that is taken from no answer may be refused."""
    return response.status_code == 400 and _blamed(response) == {"after"}


def backup_has_no_such_part(_: Case[Any], response: Response) -> bool:
    """How many files a backup has depends on its size."""
    return response.status_code == 400 and _blamed(response) == {"part"}


def name_leads_to_no_table(case: Case[Any], response: Response) -> bool:
    """A file that names no table is routed by its own name, which may be that of none."""
    return _document(response).get("type") == f"{_PROBLEM}unknown-table" and not _body(case).get("table")


def moment_is_of_no_calendar(case: Case[Any], response: Response) -> bool:
    """RFC 3339 has leap seconds, the year 0 and zones a day away from UTC; Postgres and Python have not."""
    given = json.dumps([case.body, case.query], default=str)
    return response.status_code in (400, 422) and _NO_CALENDAR.search(given) is not None


def too_many_rows_in_all(case: Case[Any], response: Response) -> bool:
    """JSON Schema bounds the rows of each table, and the API those of all of them."""
    return response.status_code == 413 and _operation(case) == "post_batch"


def path_has_a_line_break(case: Case[Any], response: Response) -> bool:
    """The emulator finds no line break in the wildcards of the authorizer's policy, and denies; AWS's are anything."""
    parts = "".join(map(str, (case.path_parameters or {}).values()))
    return response.status_code == 401 and ("\n" in parts or "%0A" in parts.upper())


MAY_BE_REFUSED: tuple[Rule, ...] = (
    key_came_with_another_request,
    rows_depend_on_those_that_are_there,
    rows_are_those_of_another_table,
    corrections_depend_on_the_run,
    parameters_exclude_one_another,
    filter_is_of_another_table,
    token_is_none_of_an_answer,
    backup_has_no_such_part,
    name_leads_to_no_table,
    moment_is_of_no_calendar,
    too_many_rows_in_all,
    path_has_a_line_break,
)


def good_rows_go_in_beside_bad_ones(_: Case[Any], response: Response) -> bool:
    """Of a batch with bad rows the good ones go in: 207, with the bad ones and their reasons."""
    return response.status_code == 207 and bool(_rejections(response))


def cells_count_as_text(case: Case[Any], response: Response) -> bool:
    """A cell of another JSON type counts as the text that a file would have: "5" is the number 5, 5 the text "5"."""
    if response.status_code != 201 or _operation(case) not in ("post_rows", "post_batch"):
        return False
    table = (case.path_parameters or {}).get("table")
    body = _body(case)
    by_table = {str(table): body} if table else body
    return isinstance(by_table, Mapping) and all(
        _is_valid(case, {"type": "array", "items": _row(name)}, [_retyped(case, name, row) for row in rows])
        for name, rows in by_table.items()
    )


MAY_BE_TAKEN: tuple[Rule, ...] = (good_rows_go_in_beside_bad_ones, cells_count_as_text)
# Bad data that is refused as nothing but bad credentials should be.
MAY_BE_DENIED: tuple[Rule, ...] = (path_has_a_line_break,)


@schemathesis.check
def good_data_is_accepted(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """What is as the document says is accepted, but for the rules above."""
    if any(rule(case, response) for rule in MAY_BE_REFUSED):
        return None
    return positive_data_acceptance(ctx, response, case)


@schemathesis.check
def bad_data_is_refused(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """What is not as the document says is refused, but for the rules above."""
    if any(rule(case, response) for rule in (*MAY_BE_TAKEN, *MAY_BE_DENIED)):
        return None
    return negative_data_rejection(ctx, response, case)


def _operation(case: Case[Any]) -> str:
    return str(case.operation.definition.raw["operationId"])


def _body(case: Case[Any]) -> Any:
    return case.body


def _document(response: Response) -> dict[str, Any]:
    try:
        read = json.loads(response.content)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _rejections(response: Response) -> list[dict[str, Any]]:
    """Why rows of a batch were rejected; none where the answer is about something else."""
    document = _document(response)
    return document["rejections"] if {"run", "read", "rejections"} <= set(document) else []


def _blamed(response: Response) -> set[str]:
    """The parameters that a problem is about."""
    return {each["parameter"] for each in _document(response).get("errors", ()) if "parameter" in each}


def _row(table: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/Row.{table}"}


def _schemas(case: Case[Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = case.operation.schema.raw_schema["components"]["schemas"]
    return found


def _is_valid(case: Case[Any], schema: dict[str, Any], value: Any) -> bool:
    components = {"components": {"schemas": _schemas(case)}}
    return bool(jsonschema_rs.Draft202012Validator({**components, **schema}).is_valid(value))


def _retyped(case: Case[Any], table: str, row: Any) -> Any:
    """A row with each cell in the JSON type of its column, where it has a text that can be one."""
    if not isinstance(row, dict):
        return row
    properties = _schemas(case).get(f"Row.{table}", {}).get("properties", {})
    return {name: next(_readings(properties.get(name, {}), cell), cell) for name, cell in row.items()}


def _readings(schema: Mapping[str, Any], cell: Any) -> Iterator[Any]:
    wanted = {each.get("type") for each in schema.get("anyOf", [schema])}
    if "string" in wanted and isinstance(cell, (bool, int, float)):
        yield json.dumps(cell)
    if "integer" in wanted and isinstance(cell, str) and cell.strip().lstrip("+-").isdecimal():
        yield int(cell)
