"""errors.md and rejection-codes.md, from the catalogue of errors."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.api.description.catalogue import Entry, file_errors, problems, rejections
from chalicelib.api.problems import problem_urn
from infra.reference.markdown import block, code, document, table

_PROBLEM = """{{
  "type": "{type}",
  "title": "{title}",
  "status": {status},
  "detail": "{detail}",
  "instance": "/api/metrics/hires"
}}"""


def errors_document() -> str:
    """What the API and runs tell when something goes wrong."""
    shown = next(entry for entry in problems() if entry.code == "not-found")
    example = _PROBLEM.format(
        type=problem_urn(shown.code), title=shown.title, status=shown.status, detail=shown.example
    )
    return document(
        "Errors",
        "An error of the API is a problem document (RFC 9457): `type` is stable, `detail` says what happened and "
        "what to do, `errors` lists the fields, parameters or rows at fault. A run that failed has the same codes in "
        "`error.code`. Codes of rejected rows are in [rejection-codes.md](rejection-codes.md).",
        block(example, "json"),
        "## Problems",
        f"`type` is `{problem_urn('<code>')}`.",
        _entries(problems()),
        "## Files that can't be loaded",
        "The run of the file fails with the code, no row is loaded, and the object stays.",
        _entries(file_errors()),
    )


def rejections_document() -> str:
    """Why rows are rejected."""
    rows = [[code(each.code), f"{each.title}. {each.cause}", each.cure, code(each.example)] for each in rejections()]
    return document(
        "Rejection codes",
        "A bad row does not stop a file or batch: it is rejected with every reason it has, and the good ones go in. "
        "The words are those of the Frictionless standards. `GET /runs/{run}/rejections` lists the rows, "
        "`GET /runs/{run}/reasons` counts the reasons, and `POST /runs/{run}/replay` takes them corrected.",
        table(["code", "cause", "cure", "a message"], rows),
    )


def _entries(entries: Iterable[Entry]) -> str:
    rows = [
        [code(each.code), str(each.status), f"{each.title}. {each.cause}", each.cure, each.example] for each in entries
    ]
    return table(["code", "status", "cause", "cure", "an example"], rows)
