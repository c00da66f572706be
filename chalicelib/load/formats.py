"""Which source reads a file, by the end of its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

from chalicelib.dictionary.model import Table
from chalicelib.errors import FileCode, FileError
from chalicelib.load.csv_source import CsvSource
from chalicelib.load.rows import Source
from chalicelib.load.workbook_check import MAX_WORKBOOK
from chalicelib.load.workbook_source import WorkbookSource

_CSV = {".csv"}
_WORKBOOKS = {".xlsx", ".xlsm", ".xls", ".xlsb"}


def is_csv(name: str) -> bool:
    """Whether a file is CSV by its name."""
    return _suffix(name) in _CSV


def source_of(name: str, table: Table, content: BinaryIO, tables: Sequence[str] = ()) -> Source:
    """The rows of a file for a table; the caller closes ``content``. Raises FileError when no source reads it.

    ``tables`` are all names of tables that sheets may have: one that is called after another table is not read.
    """
    suffix = _suffix(name)
    if suffix in _CSV:
        return CsvSource(table, content)
    if suffix in _WORKBOOKS:
        whole = content.read(MAX_WORKBOOK + 1)
        if len(whole) > MAX_WORKBOOK:
            raise FileError(
                FileCode.DANGEROUS_WORKBOOK,
                f"The workbook is bigger than {MAX_WORKBOOK:,} bytes.",
                hint="Save its rows as CSV, which may be of any size.",
            )
        return WorkbookSource(table, whole, tables)
    raise FileError(
        FileCode.UNKNOWN_FORMAT,
        f"The file {name} is neither .csv nor .xlsx.",
        hint="Save it as an Excel workbook (.xlsx) or as CSV UTF-8 and drop it again.",
    )


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
