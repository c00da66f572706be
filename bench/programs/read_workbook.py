"""The bare read of every cell of a workbook's first sheet: `read_workbook fastexcel|calamine|openpyxl FILE`."""

from __future__ import annotations

import json
import sys
import time

kind, path = sys.argv[1:]


def with_fastexcel() -> int:
    """Read into Arrow."""
    import fastexcel

    sheet = fastexcel.read_excel(path).load_sheet(0, header_row=None)
    return int(sheet.to_arrow().num_rows)


def with_calamine() -> int:
    """Read row by row."""
    import python_calamine

    book = python_calamine.CalamineWorkbook.from_path(path)
    return sum(1 for _ in book.get_sheet_by_index(0).iter_rows())


def with_openpyxl() -> int:
    """Read row by row."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    return sum(1 for _ in book.worksheets[0].iter_rows(values_only=True))


read = {"fastexcel": with_fastexcel, "calamine": with_calamine, "openpyxl": with_openpyxl}[kind]
__import__({"calamine": "python_calamine"}.get(kind, kind))
begun = time.perf_counter()
rows = read()
print(json.dumps({"seconds": time.perf_counter() - begun, "rows": rows}))
