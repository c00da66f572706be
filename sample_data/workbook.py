"""A small writer of `.xlsx` whose bytes depend on the cells alone.

openpyxl stamps the time into properties and zip entries, and its XML depends on whether lxml is installed. This one has
no properties, gives every zip entry the same date, and writes numbers as `1.0`, with their point, as web sheets do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TypeAlias
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo


@dataclass(frozen=True)
class ErrorCell:
    """A cell that shows an error of the spreadsheet, such as `#N/A`."""

    text: str


@dataclass(frozen=True)
class BlankCell:
    """A cell that stands in the sheet without a value, as formatting leaves it; None is a cell that is not there."""


Cell: TypeAlias = str | int | float | bool | datetime | ErrorCell | BlankCell | None

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_EPOCH = datetime(1899, 12, 30)
_DATE_STYLE = 1


def workbook_bytes(sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> bytes:
    """Return a workbook with these sheets, in their order.

    Numbers are written as floats, naive datetimes as serials of the 1900 epoch with a date format (right from March
    1900 on). An empty row leaves a gap in the row numbers; a sheet has at most 26 columns.
    """
    strings: dict[str, int] = {}
    parts = {f"xl/worksheets/sheet{n}.xml": _sheet(rows, strings) for n, rows in enumerate(sheets.values(), 1)}
    parts = {
        "[Content_Types].xml": _content_types(len(sheets)),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _workbook(list(sheets)),
        "xl/_rels/workbook.xml.rels": _relations(
            [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)]
            + [("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")]
        ),
        "xl/styles.xml": _styles(),
        "xl/sharedStrings.xml": _shared_strings(strings),
        **parts,
    }
    return zip_bytes({name: (_XML + text).encode() for name, text in parts.items()})


def zip_bytes(entries: Mapping[str, bytes]) -> bytes:
    """Return a zip of these entries, in their order.

    The bytes are the same on every day with one build of zlib; other builds may compress the same entries differently.
    """
    target = BytesIO()
    with ZipFile(target, "w") as archive:
        for name, content in entries.items():
            info = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, content, compresslevel=9)
    return target.getvalue()


def _sheet(rows: Sequence[Sequence[Cell]], strings: dict[str, int]) -> str:
    body = "".join(_row(number, cells, strings) for number, cells in enumerate(rows, 1) if cells)
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>'


def _row(number: int, cells: Sequence[Cell], strings: dict[str, int]) -> str:
    written = "".join(
        _cell(f"{chr(ord('A') + column)}{number}", cell, strings)
        for column, cell in enumerate(cells)
        if cell is not None
    )
    return f'<row r="{number}">{written}</row>'


def _cell(reference: str, cell: Cell, strings: dict[str, int]) -> str:
    match cell:
        case bool():
            return f'<c r="{reference}" t="b"><v>{int(cell)}</v></c>'
        case int() | float():
            return f'<c r="{reference}"><v>{float(cell)!r}</v></c>'
        case datetime():
            serial = (cell - _EPOCH).total_seconds() / 86400
            return f'<c r="{reference}" s="{_DATE_STYLE}"><v>{serial!r}</v></c>'
        case ErrorCell(text):
            return f'<c r="{reference}" t="e"><v>{escape(text)}</v></c>'
        case str():
            return f'<c r="{reference}" t="s"><v>{strings.setdefault(cell, len(strings))}</v></c>'
        case _:
            return f'<c r="{reference}"/>'


def _shared_strings(strings: Mapping[str, int]) -> str:
    items = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in strings)
    return f'<sst xmlns="{_MAIN}" uniqueCount="{len(strings)}">{items}</sst>'


def _workbook(names: Sequence[str]) -> str:
    sheets = "".join(f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, 1))
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets>{sheets}</sheets></workbook>'


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_LINKS}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'


def _content_types(sheets: int) -> str:
    parts = {f"/xl/worksheets/sheet{n}.xml": "worksheet" for n in range(1, sheets + 1)}
    parts |= {"/xl/workbook.xml": "sheet.main", "/xl/styles.xml": "styles", "/xl/sharedStrings.xml": "sharedStrings"}
    overrides = "".join(
        f'<Override PartName="{part}" ContentType="{_TYPES}.{kind}+xml"/>' for part, kind in parts.items()
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def _styles() -> str:
    formats = "".join(f'<xf numFmtId="{number}" fontId="0" fillId="0" borderId="0" xfId="0"/>' for number in (0, 22))
    return (
        f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font><sz val="10"/><name val="Arial"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="2">{formats}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
