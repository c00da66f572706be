"""The body of a request, read as strictly as JSON can be: nothing in it is guessed, dropped or rounded."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from chalicelib.errors import BadRequest, TooLarge, UnsupportedMedia

# Lambda takes events of 6 MB; a body stands in one as a JSON string, in which quotes take two bytes.
MOST_BYTES = 5_000_000
_DEEPEST = 32

_JSON_TYPE = re.compile(r"application/(?:json|[a-z0-9.-]+\+json)", re.IGNORECASE)


def read_json(body: bytes, content_type: str | None, encoding: str | None) -> Any:
    """Read a JSON text. Numbers come as they are written, as text: ``1.0`` and ``1e3`` are not the same as 1 and 1000.

    ``content_type`` and ``encoding`` are the request's headers. Raises BadRequest, UnsupportedMedia and TooLarge.
    """
    _check_media(content_type, encoding)
    if len(body) > MOST_BYTES:
        raise TooLarge(
            f"The body has {len(body)} bytes.",
            hint=f"It may have {MOST_BYTES}; send fewer rows at once, or upload a file through /uploads.",
        )
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8: byte {error.start + 1} is wrong.") from error
    if "\ufffd" in text:
        # API Gateway puts it in the place of bytes that are not UTF-8, and they would be lost without a word.
        raise BadRequest(
            "The body holds the character U+FFFD, which stands for bytes that are not UTF-8.",
            hint=r"Send UTF-8; where U+FFFD itself is meant, write \ufffd.",
        )
    if not text.strip():
        raise BadRequest("The body is empty.", hint="Send JSON.")
    try:
        read = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=_no_constant, object_pairs_hook=_unique_keys
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"The body is not JSON: {error.msg} at {where}.") from error
    except RecursionError as error:
        raise _too_deep() from error
    _check_depth(read)
    return read


def _check_media(content_type: str | None, encoding: str | None) -> None:
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedMedia(f"The body is encoded as {encoding!r}.", hint="Send it plain.")
    if content_type is None:
        return
    media, *parameters = (part.strip() for part in content_type.split(";"))
    charsets = [each.split("=", 1)[-1].strip('" ').lower() for each in parameters if each.lower().startswith("charset")]
    if not _JSON_TYPE.fullmatch(media) or any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise UnsupportedMedia(
            f"The body is announced as {content_type!r}.", hint="Send JSON with 'Content-Type: application/json'."
        )


def _check_depth(read: Any) -> None:
    level = [read] if isinstance(read, (list, dict)) else []
    for _ in range(_DEEPEST):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, (list, dict))
        ]
    if level:
        raise _too_deep()


def _too_deep() -> BadRequest:
    return BadRequest(f"The body nests arrays and objects deeper than {_DEEPEST}.")


def _no_constant(name: str) -> NoReturn:
    raise BadRequest(f"The body holds {name}, which JSON does not have.", hint="Use null for a missing value.")


def _unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for index, key in enumerate(keys) if key in keys[:index])
        raise BadRequest(f"An object in the body has the key {twice!r} twice.", hint="Keep one of them.")
    return read
