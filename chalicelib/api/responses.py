"""Answers: JSON, CSV, redirects."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from chalice.app import Response

from chalicelib.idempotency import Answer
from chalicelib.load.harmless import harmless

JSON = "application/json"
CSV = "text/csv"
SVG = "image/svg+xml"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# Lambda answers with 6 MB at most, and the answer travels as a JSON string, in which quotes take two bytes.
MOST_BYTES = 3_000_000

_SURROGATE = re.compile("[\ud800-\udfff]")


def json_text(value: Any) -> str:
    """JSON that UTF-8 can carry, lone surrogates too; a value that JSON has no type for is told as its text."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON."""
    return Response(json_text(value), {"Content-Type": JSON, **(headers or {})}, status)


class RunResponse(Response):
    """An answer about a run that the request set off; None: it set none off."""

    def __init__(self, body: str, headers: Mapping[str, str], status: int, run: str | None) -> None:
        super().__init__(body, dict(headers), status)
        self.run = run


def answer_response(answer: Answer, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a request, which may have been given before."""
    return RunResponse(answer.body, {"Content-Type": JSON, **(headers or {})}, answer.status, answer.run)


def download_response(url: str, seconds: int, *, redirect: bool, **told: str | None) -> Response:
    """Lead to a URL that is good for so many seconds, or tell it to who can't follow: see ``parameters.REDIRECT``.

    What else is ``told`` of the file is in that answer alone.
    """
    if redirect:
        return Response("", {"Location": url}, 303)
    return json_response({"url": url, "expires_in": seconds, **told})


def csv_response(
    name: str,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    headers: Mapping[str, str] | None = None,
    *,
    numeric: Collection[str] = (),
) -> Response:
    """Answer with a CSV file (RFC 4180) of that name, which a browser downloads.

    Texts are made harmless, but for those of the ``numeric`` columns, which are numbers that JSON shows as text.
    """
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(columns)
    writer.writerows([_cell(row[column], column in numeric) for column in columns] for row in rows)
    content = sink.getvalue().encode("utf-8", "backslashreplace").decode()
    disposition = f'attachment; filename="{name}.csv"'
    return Response(
        content, {"Content-Type": f"{CSV}; charset=utf-8", "Content-Disposition": disposition, **(headers or {})}
    )


def svg_response(name: str, picture: str) -> Response:
    """Answer with an SVG file of that name. Should it ever hold a script, a browser that shows it runs none."""
    headers: dict[str, str | list[str]] = {
        "Content-Type": f"{SVG}; charset=utf-8",
        "Content-Disposition": f'inline; filename="{name}.svg"',
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    }
    return Response(picture, headers)


def fitting(items: Sequence[Any]) -> Sequence[Any]:
    """As many of the items, from the first, as one answer has room for; one at least."""
    room = MOST_BYTES
    for index, item in enumerate(items):
        room -= len(json_text(item).encode())
        if room < 0:
            return items[: max(index, 1)]
    return items


def _cell(value: Any, numeric: bool) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return harmless(value) if isinstance(value, str) and not numeric else value
