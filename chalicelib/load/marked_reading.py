"""Workbooks of anybody's, read by openpyxl to be written again; not those that would cost too much."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openpyxl
from openpyxl.utils import range_boundaries

from chalicelib.errors import DecantError
from chalicelib.load.workbook_check import BROKEN_ZIP, check_workbook

# Some 50,000 rows of five columns: 7 s on a whole core and 300 MB, with many marks. See docs/decisions/0541.
MOST_UNPACKED = 12 * 2**20
_MARKUP = (".xml", ".rels", ".vml")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ENCODING = re.compile(rb"""^<\?xml[^>]*\bencoding=["']([^"']*)""", re.IGNORECASE)
# openpyxl makes an object for each cell that is merged.
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\b[^>]*\bref\s*=\s*["']([^"']*)""")
_MOST_MERGED = 100_000
_SPELT = b"x005F_"
_TEXT = re.compile(rb"<(?:\w+:)?t(?:\s[^>]*)?>[^<]*<")
# What openpyxl raises for parts that it takes for something else, as far as its readers and writers tell.
_UNUSABLE = (*BROKEN_ZIP, AttributeError, IndexError, KeyError, SyntaxError, TypeError)


class NotMarkable(DecantError):
    """The workbook can't be given back itself; its rejected rows can."""


def read_workbook(content: bytes) -> Any:
    """The workbook, with all that openpyxl keeps of it. Raises NotMarkable."""
    check_workbook(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MOST_UNPACKED:
            raise NotMarkable(f"It unpacks to {unpacked:,} bytes, and up to {MOST_UNPACKED:,} are marked.")
        with _told():
            parts = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    for name, part in parts.items():
        _check(name, part)
    with _told(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl's, of what it does not keep
        return openpyxl.load_workbook(io.BytesIO(_kept_as_spelt(content, parts)), rich_text=True)


def written(workbook: Any) -> bytes:
    """The workbook as a file. Raises NotMarkable."""
    target = io.BytesIO()
    with _told():
        workbook.save(target)
    return target.getvalue()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except _UNUSABLE as error:
        raise NotMarkable(f"It is not as openpyxl wants it ({error!r}).") from error


def _check(name: str, part: bytes) -> None:
    """Raise NotMarkable for a part with a document type, which may unfold, and for one that merges very many cells."""
    markup = part.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not (name.lower().endswith(_MARKUP) or markup.startswith((b"<", *_UTF_16))):
        return
    said = _ENCODING.match(markup)
    strange = said is not None and said[1].lower() not in (b"utf-8", b"us-ascii", b"ascii")
    if strange or markup[:1] not in (b"<", b"") or _DOCTYPE.search(markup):
        raise NotMarkable(f"Its part {name} is written as no spreadsheet program writes it.")
    if sum(map(_area, _MERGED.findall(markup))) > _MOST_MERGED:
        raise NotMarkable(f"It has more than {_MOST_MERGED:,} merged cells.")


def _kept_as_spelt(content: bytes, parts: dict[str, bytes]) -> bytes:
    """The workbook, such that openpyxl writes its texts as they were.

    It leaves out each ``x005F_`` that it reads, by which a ``_`` is spelt that begins no spelling, and puts none back:
    the text ``_x0041_`` would come out as ``A``.
    """
    if not any(_SPELT in part for part in parts.values()):
        return content
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            if name.lower().endswith(".xml") and _SPELT in part:
                part = _TEXT.sub(lambda match: match[0].replace(_SPELT, b"xx005F_005F_"), part)
            archive.writestr(name, part)
    return target.getvalue()


def _area(span: bytes) -> int:
    """How many cells a span has; more than may be when it is none that a program writes."""
    try:
        left, top, right, bottom = range_boundaries(span.decode())
        return int((right - left + 1) * (bottom - top + 1))
    except (TypeError, ValueError):
        return _MOST_MERGED + 1
