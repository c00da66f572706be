"""Workbooks as people's programs write them, and as nobody should: which rows they hold, and what can't be read."""

from __future__ import annotations

import datetime as dt
import io
import random
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from chalicelib.errors import FileError
from chalicelib.load import formats, workbook_archive, workbook_check, workbook_pieces, workbook_reader
from chalicelib.load.workbook_markup import Rewriter, Unusual
from chalicelib.load.workbook_rows import read_rows
from chalicelib.load.workbook_source import WorkbookSource
from chalicelib.load.workbook_styles import Styles
from sample_data.workbook import BlankCell, ErrorCell, workbook_bytes, zip_bytes
from tests.pairs import pairs

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = "xl/worksheets/sheet1.xml"
PAIRS = pairs("integer")
GOOD: list[tuple[int, str | None, str | None, list[str]]] = [(1, "1", "a", [])]


def rows(content: bytes) -> list[tuple[int, str | None, str | None, list[str]]]:
    """The row of the sheet, both cells and the codes of what is wrong."""
    return [
        (chunk.lines[index].as_py(), cells["id"], cells["label"],
         [reason.code.value for reason in chunk.faults.get(index, ())])
        for chunk in WorkbookSource(PAIRS, content).chunks() for index, cells in enumerate(chunk.cells.to_pylist())
    ]  # fmt: skip


def book(*sheet: list[Any], **others: list[list[Any]]) -> bytes:
    return workbook_bytes({"Sheet1": list(sheet), **others})


def raw(cells: str, before: str = "", extra: dict[str, bytes] | None = None) -> bytes:
    """A workbook whose sheet has this XML in its ``sheetData``, and other parts besides."""
    return with_parts({SHEET: sheet(cells, before), **(extra or {})})


def sheet(cells: str, before: str = "") -> bytes:
    return f'{before}<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData></worksheet>'.encode()


def with_parts(parts: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(book([1, "a"]))) as archive:
        return zip_bytes({name: archive.read(name) for name in archive.namelist()} | parts)


def bomb(mebibytes: int) -> bytes:
    """A workbook whose sheet unpacks to so much, of sound markup: a good row and blank ones. Only its size is odd."""
    with zipfile.ZipFile(io.BytesIO(book([1, "a"]))) as archive:
        others = {name: archive.read(name) for name in archive.namelist() if name != SHEET}
    begin, end = sheet(ROW + "|").split(b"|")
    out = io.BytesIO(zip_bytes(others))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open(SHEET, "w") as file:
        file.write(begin)
        for _ in range(mebibytes):
            file.write(b"<row/>" * (2**20 // 6))
        file.write(end)
    return out.getvalue()


def cell(reference: str, value: object, style: str = "") -> str:
    return f'<c r="{reference}"{style}><v>{value}</v></c>'


SHARED = ' t="s"'
NO_DATES = Styles(frozenset(), epoch_1904=False)

ROW = '<row r="1"><c r="A1"><v>1.0</v></c><c r="B1" t="inlineStr"><is><t>a</t></is></c></row>'


def by_openpyxl(change: Any) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.active.append([1, "a"])
    change(workbook)
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def fails(content: bytes) -> str:
    with pytest.raises(FileError) as caught:
        rows(content)
    assert caught.value.hint
    return caught.value.code


def test_rows_keep_the_numbers_of_the_sheet_and_blank_ones_are_none() -> None:
    found = rows(book([], ["label", "ID"], [BlankCell(), "  "], ["a", 1.0], [], ["b", " 2 "]))
    assert found == [(4, "1", "a", []), (6, "2", "b", [])]


@pytest.mark.parametrize("value", ["", " ", None])
def test_a_blank_column_at_the_left_does_not_shift_the_others(value: str | None) -> None:
    assert rows(book([value, "a"], [value, "b"])) == [(1, None, "a", []), (2, None, "b", [])]


def test_a_block_that_stands_apart_is_read_as_it_is() -> None:
    assert rows(book([], [None, None, None, 1.0, "a"])) == [(2, "1", "a", [])]


def test_cells_too_many_are_told_of_their_row_or_of_the_file_when_every_row_has_them() -> None:
    assert rows(book([1, "a", " "], [2, "b", "x", 7])) == [(1, "1", "a", []), (2, "2", "b", ["extra-cell"])]
    assert fails(book([1, "a", "x"], [2, "b", "y"])) == "wrong-columns"


UNCOMPUTED = ["<f>1+1</f>", "<f>1+1</f><v></v>", "<f>1+1</f><v/>", '<f t="shared" si="0"/>', "<f/><v></v>"]


@pytest.mark.parametrize("kind", ["", ' t="n"', ' t="b"', ' t="e"', ' t="s"', ' s="1"'])
@pytest.mark.parametrize("formula", UNCOMPUTED)
@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_formula_that_was_never_computed_is_no_value(formula: str, kind: str, quote: str) -> None:
    other = cell("B2", 5).replace('"', quote)
    content = raw(ROW + f'<row r="2"><c r="A2"{kind}>{formula}</c>{other}</row>')
    assert rows(content)[1] == (2, "(formula without a value)", "5", ["type-error"])
    [faults] = [list(chunk.faults.values()) for chunk in WorkbookSource(PAIRS, content).chunks()]
    assert faults[0][0].message == "the formula was not computed: open the file in a spreadsheet program and save it"


@pytest.mark.parametrize("formula", UNCOMPUTED)
def test_a_formula_that_came_to_an_empty_text_is_blank(formula: str) -> None:
    content = raw(ROW + f'<row r="2"><c r="A2" t="str">{formula}</c>{cell("B2", 5)}</row>')
    assert rows(content)[1] == (2, None, "5", [])


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#VALUE!"])
def test_an_error_is_no_value_of_any_column(error: str) -> None:
    cells: list[list[Any]] = [
        [1, "a"],
        [2, ErrorCell(error)],
        [ErrorCell(error), "c"],
        [ErrorCell(error)],
        [5, "e", ErrorCell(error)],
    ]
    wrong = [error, ["type-error"]]
    assert rows(book(*cells)) == [
        (1, "1", "a", []),
        (2, "2", *wrong),
        (3, error, "c", ["type-error"]),
        (4, error, None, ["type-error"]),
        (5, "5", "e", ["extra-cell"]),
    ]


def test_errors_far_down_the_sheet_and_behind_a_header_are_told_of_their_row() -> None:
    filler = [[number, "x"] for number in range(70_000)]
    found = rows(book(["label", "id"], *[[label, number] for number, label in filler], [ErrorCell("#N/A"), 70_001]))
    assert [row for row in found if row[3]] == [(70_002, "70001", "#N/A", ["type-error"])]


def test_truth_values_and_numbers_are_their_text_exact_up_to_2_to_the_53rd() -> None:
    assert rows(book([2**53 - 1, True], [-0.0, False])) == [(1, "9007199254740991", "true", []), (2, "-0", "false", [])]
    assert rows(raw(f'<row r="1">{cell("A1", "1E3")}{cell("B1", "1.50")}</row>')) == [(1, "1000", "1.5", [])]


@pytest.mark.parametrize("change", [
    lambda workbook: workbook.active.merge_cells("A2:B5"),
    lambda workbook: workbook.create_sheet("notes").append(["x", "y", "z"]),
    lambda workbook: [workbook.create_sheet(f"more {n}") for n in range(200)],
    lambda workbook: setattr(workbook.create_sheet("old", 0), "sheet_state", "hidden"),
    lambda workbook: workbook.active.cell(900, 20).__setattr__("number_format", "0.00"),
])  # fmt: skip
def test_merged_cells_other_and_hidden_sheets_and_formats_cost_nothing(change: Any) -> None:
    assert rows(by_openpyxl(change)) == GOOD


def test_a_hidden_sheet_is_not_read_unless_it_is_named_as_the_table() -> None:
    def hide(name: str) -> bytes:
        def change(workbook: Any) -> None:
            hidden = workbook.create_sheet(name, 0)
            hidden.append([9, "z"])
            hidden.sheet_state = "hidden"

        return by_openpyxl(change)

    assert rows(hide("secret")) == GOOD
    assert rows(hide(" Pairs")) == [(1, "9", "z", [])]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31)), min_size=30, max_size=60))
def test_a_date_cell_is_its_moment_to_the_second(moments: list[dt.datetime]) -> None:
    moments = [moment.replace(microsecond=0) for moment in moments]
    found = [label for _, _, label, _ in rows(book(*[[1, moment] for moment in moments]))]
    assert found == [str(moment) for moment in moments]


@pytest.mark.parametrize(
    ("serial", "text"),
    [("1", "1900-01-01 00:00:00"), ("59", "1900-02-28 00:00:00"), ("60", "1900-02-29 00:00:00"),
     ("60.75", "1900-02-29 18:00:00"), ("61", "1900-03-01 00:00:00"),
     ("44404.66814814815", "2021-07-27 16:02:08"), ("44404.5000001", "2021-07-27 12:00:00.009"),
     ("2958465.9999", "9999-12-31 23:59:51.360"), ("1899", "1905-03-13 00:00:00")],
)  # fmt: skip
def test_serials_of_1900(serial: str, text: str) -> None:
    assert rows(raw(f'<row r="1">{cell("A1", 1)}{cell("B1", serial, " s=" + chr(34) + "1" + chr(34))}</row>')) == [
        (1, "1", text, [])
    ]


@pytest.mark.parametrize(("serial", "text"), [
    ("2958466", "2958466"), ("-1.50", "-1.5"), ("1e20", "1" + "0" * 20), ("none", "none"),
])  # fmt: skip
def test_a_date_cell_in_no_calendar_is_the_number_that_it_holds(serial: str, text: str) -> None:
    dated = cell("B1", serial, ' s="1"')
    assert rows(raw(f'<row r="1">{cell("A1", 1)}{dated}</row>')) == [(1, "1", text, [])]


def test_29_february_1900_may_be_computed() -> None:
    computed = '<c r="B1" s="1"><f>60*(1>0)</f><v>60</v></c>'
    assert rows(raw(f'<row r="1">{cell("A1", 1)}{computed}</row>')) == [(1, "1", "1900-02-29 00:00:00", [])]


def test_a_shared_text_is_no_date_whatever_its_number() -> None:
    texts = ["1900-02-28 as text"] * 61
    items = "".join(f"<si><t>{text}</t></si>" for text in texts)
    shared = {"xl/sharedStrings.xml": f"<sst>{items}</sst>".encode()}
    content = raw(f'<row r="1">{cell("A1", 1)}{cell("B1", 60, SHARED)}</row>', extra=shared)
    assert rows(content) == [(1, "1", texts[60], [])]


@pytest.mark.parametrize("odd", ["", "<!-- not the usual form -->"])
@pytest.mark.parametrize(("written", "shown"), [
    ("_x0001_0", "\x010"), ("_x0001_foo", "\x01foo"), ("_x0001_", "\x01"), ("_x0002_0", "\x020"),
    ("_x005F_x0001_0", "_x0001_0"), ("_x0041_", "A"),
])  # fmt: skip
def test_a_text_with_an_escaped_character_is_that_text_and_never_another_cell_s(
    written: str, shown: str, odd: str
) -> None:
    texts = {"xl/sharedStrings.xml": b"<sst><si><t>of another cell</t></si></sst>"}
    inline = f'<c r="B1" t="inlineStr"><is><t>{written}</t></is></c>'
    computed = f'<c r="B2" t="str"><f>A1</f><v>{written}</v></c>'
    row = f'<row r="1">{cell("A1", 1)}{inline}</row><row r="2">{cell("A2", 2)}{computed}</row>'
    last = f'<row r="3">{cell("A3", 3)}{cell("B3", 0, SHARED)}</row>'
    found = [label for _, _, label, _ in rows(raw(odd + row + last, extra=texts))]
    assert found == [shown, written, "of another cell"]


def test_the_epoch_of_1904() -> None:
    def change(workbook: Any) -> None:
        workbook.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
        workbook.active["B1"] = dt.datetime(2021, 7, 27, 16, 2, 8)

    assert rows(by_openpyxl(change)) == [(1, "1", "2021-07-27 16:02:08", [])]


@pytest.mark.parametrize("reference", ["A1:XFD1048576", "A1", "A1:A2", "C3:D4"])
def test_a_false_dimension_changes_nothing(reference: str) -> None:
    content = sheet(ROW).replace(b"<sheetData>", f'<dimension ref="{reference}"/><sheetData>'.encode())
    assert rows(with_parts({"xl/worksheets/sheet1.xml": content})) == GOOD


def test_cells_may_leave_their_place_unsaid_or_come_with_a_prefix() -> None:
    bare = "<row><c><v>1</v></c><c t='inlineStr'><is><t>a</t></is></c></row>"
    prefixed = f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData>{bare.replace("</", "</~").replace("<", "<x:")}'
    prefixed = prefixed.replace("<x:/~", "</x:") + "</x:sheetData></x:worksheet>"
    assert rows(raw(bare)) == GOOD
    assert rows(with_parts({"xl/worksheets/sheet1.xml": prefixed.encode()})) == GOOD


def test_a_long_blank_tail_and_parts_that_lead_elsewhere_cost_nothing() -> None:
    tail = "".join(f'<row r="{n}"><c r="A{n}" s="1"/></row>' for n in range(1_000_000, 1_048_577))
    assert rows(raw(ROW + tail, extra={"../../evil.xml": b"<a/>", "/etc/evil": b"x"})) == GOOD


@pytest.mark.parametrize("far", [
    f'<row r="1048576">{cell("XFD1048576", 1)}</row>',
    "<row r='1048576'>" + "<c/>" * 16_383 + "<c><v>1</v></c></row>",
    '<row r="9"><c s="1" r="XFD1048576"><v>1</v></c></row>',
    '<row r="9"><c\n r = "XFD1048576"><v>1</v></c></row>',
    '<row r="9"><c r="&#88;FD1048576"><v>1</v></c></row>',
    '<row r="9"><c r="xfd1048576"><v>1</v></c></row>',
    f'<!-- {" " * 2**20} --><row r="9">{cell("XFD1048576", 1)}</row>',
])  # fmt: skip
def test_a_cell_far_to_the_right_is_refused_before_room_is_made_for_all_between(far: str) -> None:
    assert fails(raw(ROW + far)) == "dangerous-workbook"


def test_cells_far_down_are_rows_like_others() -> None:
    far = f'<row r="1048575">{cell("ZZ1048575", 1)}</row><row r="1048576">{cell("B1048576", 2)}</row>'
    assert rows(raw(ROW + far)) == [*GOOD, (1048575, None, None, ["extra-cell"]), (1048576, None, "2", [])]


@pytest.mark.parametrize("cells", [
    cell("ZZZZZZZ99999999999", 1), cell("XFE1", 1), cell("A0", 1), cell("A1048577", 1),
    "<c r='A1' t='zzz'><v>1</v></c>",
    "<c r='A1' t='s'><v>99</v></c>", "<c r='A1'><v>1</v>",
])  # fmt: skip
def test_cells_that_no_sheet_can_have_are_told(cells: str) -> None:
    assert fails(raw(f'<row r="1">{cells}</row>')) == "not-a-workbook"
    assert fails(raw(f'<row r="4294967295">{cells}</row>')) == "not-a-workbook"


def test_a_document_type_is_refused_before_its_entities_grow() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    laughs = f'<!DOCTYPE l [<!ENTITY e0 "ha">{entities}]>'
    assert fails(raw(ROW.replace("<t>a", "<t>&e11;"), laughs)) == "dangerous-workbook"


@pytest.mark.parametrize("before", ["", '<?xml version="1.0"?>', "<?xml version='1.0'?>"])
def test_blanks_ahead_of_a_comment_cost_no_more_than_others(before: str) -> None:
    def cost(blanks: int) -> float:
        content = raw(ROW, before + " " * blanks + "<!-- -->")
        begun = time.process_time()
        assert rows(content) == GOOD
        return time.process_time() - begun

    # What grows with the square of the blanks would take 64 times as long; what else there is to do takes some of it.
    assert min(cost(32_000) for _ in range(3)) < 30 * max(min(cost(4_000) for _ in range(3)), 0.01)


@pytest.mark.parametrize("content", [
    lambda: bomb(60),
    lambda: with_parts({f"xl/{n}.bin": b"" for n in range(10_001)}),
], ids=["bomb", "entries"])  # fmt: skip
def test_an_archive_that_would_grow_too_much_is_refused_by_its_directory(content: Callable[[], bytes]) -> None:
    with pytest.raises(FileError, match="would unpack to") as caught:
        rows(content())
    assert caught.value.code == "dangerous-workbook"


def test_an_archive_is_refused_one_byte_or_part_above_each_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    content = book([1, "a"])
    unpacked = workbook_check.unpacked_size(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = len(archive.namelist())
    monkeypatch.setattr(workbook_check, "_MAX_RATIO", 0)
    for limit, most in (("_RATIO_COUNTS_FROM", unpacked), ("MAX_UNPACKED", unpacked), ("_MAX_ENTRIES", parts)):
        with monkeypatch.context() as patch:
            patch.setattr(workbook_check, limit, most)
            assert rows(content) == GOOD
            patch.setattr(workbook_check, limit, most - 1)
            with pytest.raises(FileError, match="would unpack to"):
                rows(content)


def test_a_workbook_is_read_up_to_the_size_that_the_readme_tells_and_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert f"a workbook may have up to {workbook_check.MAX_WORKBOOK // 2**20} MB" in readme
    content = book([1, "a"])
    monkeypatch.setattr(formats, "MAX_WORKBOOK", len(content))
    [chunk] = formats.source_of("a.xlsx", PAIRS, io.BytesIO(content)).chunks()
    assert chunk.cells.to_pylist() == [{"id": "1", "label": "a"}]
    longer = io.BytesIO(content + b"x" * 1000)
    with pytest.raises(FileError, match=f"bigger than {len(content):,} bytes") as caught:
        formats.source_of("a.xlsx", PAIRS, longer)
    assert (caught.value.code, longer.tell()) == ("dangerous-workbook", len(content) + 1)
    assert "CSV" in (caught.value.hint or "")


@pytest.mark.parametrize("name", [
    "[content_types].XML", "xl/Styles.xml", "XL/WORKBOOK.XML", "xl/sharedstrings.xml", "xl/worksheets/Sheet1.xml",
])  # fmt: skip
def test_two_parts_of_one_name_are_refused(name: str) -> None:
    assert fails(with_parts({name: b"<a/>"})) == "not-a-workbook"


def test_the_parts_without_rows_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(io.BytesIO(book([1, "a"]))) as archive:
        small = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml")
        size = sum(len(archive.read(name)) for name in small)
    monkeypatch.setattr(workbook_archive, "MAX_SMALL_PARTS", size)
    assert rows(book([1, "a"])) == GOOD
    monkeypatch.setattr(workbook_archive, "MAX_SMALL_PARTS", size - 1)
    assert fails(book([1, "a"])) == "dangerous-workbook"


def test_an_archive_that_lies_about_its_size_is_damaged() -> None:
    content = raw(ROW + " " * 10_000_000)
    [size] = [each.file_size for each in zipfile.ZipFile(io.BytesIO(content)).infolist() if each.file_size > 10**7]
    lying = content.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != content
    assert fails(lying) == "not-a-workbook"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not-a-workbook"),
        (b"1,a\n", "not-a-workbook"),
        (b"PK\x03\x04", "not-a-workbook"),
        (book([1, "a"])[:-40], "not-a-workbook"),
        (zip_bytes({"a.txt": b""}), "not-a-workbook"),
        (zip_bytes({"[Content_Types].xml": b"<a/>"}), "not-a-workbook"),
        (zip_bytes({"xl/workbook.bin": b"", "[Content_Types].xml": b"<a/>"}), "old-workbook"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"Workbook", "old-workbook"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"), "encrypted-file"),
        (book(), "empty-file"),
        (book([" ", None], [BlankCell()]), "empty-file"),
        (book(["id", "name"], [1, "a"]), "wrong-columns"),
        (raw(ROW, "<?xml version='1.0' encoding='none-such'?>"), "not-a-workbook"),
    ],
)
def test_what_can_not_be_read_is_told(content: bytes, code: str) -> None:
    assert fails(content) == code


@pytest.mark.parametrize("seed", range(8))
def test_damage_is_a_file_error_or_none_at_all(seed: int) -> None:
    chance = random.Random(seed)
    with zipfile.ZipFile(io.BytesIO(book([1, "a"], [2, dt.datetime(2021, 1, 1)]))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(40):
        name = chance.choice(list(parts))
        damaged = bytearray(parts[name])
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.choice(b'0123456789<>"/ArstcvZ\xff')
        try:
            rows(zip_bytes(parts | {name: bytes(damaged)}))
        except FileError as error:
            assert error.hint  # noqa: PT017


CELLS = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "a", "<&>\"'", "\n x", "x\r\ny", "\U0001f600", "_x0041_", "60"]).map(str),
    st.integers(-(2**53), 2**53),
    st.integers(-(2**40), 2**40).map(lambda number: number / 64),
    st.booleans(),
    st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31)),
    st.sampled_from(["#N/A", "#DIV/0!"]).map(ErrorCell),
    st.just(BlankCell()),
)
SHEETS = st.lists(st.lists(CELLS, max_size=4), min_size=1, max_size=25)


def all_of(content: bytes) -> list[tuple[Any, ...]]:
    """Every row with its faults."""
    return [
        (chunk.rows[index].as_py(), chunk.lines[index].as_py(), cells, list(chunk.faults.get(index, ())))
        for chunk in WorkbookSource(PAIRS, content).chunks()
        for index, cells in enumerate(chunk.cells.to_pylist())
    ]


def outcome(content: bytes) -> list[tuple[Any, ...]] | str:
    """Every row with its faults, or the code of what is wrong with the whole."""
    try:
        return all_of(content)
    except FileError as error:
        return error.code


def written_oddly(content: bytes) -> bytes:
    """The same workbook as no usual program writes it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"):
        parts[name] = re.sub(rb'="([^"<>]*)"', rb"='\1'", parts[name]).replace(b"><", b">\n<!-- <row r='1'> --><")
    return zip_bytes(parts)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sheet=SHEETS, size=st.integers(1, 400))
def test_neither_the_size_of_the_pieces_nor_the_form_of_the_markup_changes_a_row(
    sheet: list[list[Any]], size: int
) -> None:
    content = book(*sheet)
    whole = outcome(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbook_pieces, "_PIECE", size)
        patch.setattr(workbook_pieces, "_READ", size)
        patch.setattr(workbook_pieces, "_HEAD_SIZE", 4096)
        assert outcome(content) == whole
        assert outcome(written_oddly(content)) == whole


@settings(max_examples=40, deadline=None)
@given(SHEETS)
def test_cells_are_what_openpyxl_reads(sheet: list[list[Any]]) -> None:
    content = book([None, None], *sheet, ["last", "row"])
    texts = {(line, column): cells[name] for _, line, cells, _ in all_of(content)
             for column, name in enumerate(("id", "label"))}  # fmt: skip
    read = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    for line, row in enumerate(read.iter_rows(max_col=2, values_only=True), 1):
        for column, found in enumerate(row):
            told = texts.get((line, column))
            if isinstance(found, int | float) and not isinstance(found, bool):
                assert told is not None
                assert float(told) == float(f"{found:.15g}" if found % 1 else found)
            elif not isinstance(found, dt.datetime):
                assert (told or "") == ("" if found is None else _text(found))


def _text(found: Any) -> str:
    return str(found).lower() if isinstance(found, bool) else unescape(str(found)).replace("\r\n", "\n").strip()


def test_a_part_written_in_another_way_far_down_the_sheet_costs_no_row() -> None:
    rest = "".join(f'<row r="{n}">{cell(f"A{n}", n)}</row>' for n in range(2, 60_000))
    odd = "<row r='60000'><c r='A60000'><v>60000</v></c></row><row><c><v>60001</v></c></row>"
    found = rows(raw(ROW + rest + odd))
    assert [line for line, *_ in found] == list(range(1, 60_002))
    assert [cells for _, cells, *_ in found] == [str(n) for n in range(1, 60_002)]


@pytest.mark.parametrize("far", [
    f'<row r="3">{cell("A3", 3)}</row><row r="2">{cell("A2", 2)}</row>',
    f'<row r="3">{cell("A3", 3)}</row><row r="3">{cell("A3", 2)}</row>',
    f'<row r="3">{cell("A3", 3)}{cell("A1048576", 2)}</row>',
    f'<row r="3">{cell("R1048576", 2)}</row>',
])  # fmt: skip
def test_cells_that_stand_elsewhere_than_their_rows_are_not_lost_but_told(far: str) -> None:
    assert fails(raw(ROW + far)) == "not-a-workbook"


@pytest.mark.parametrize("others", [
    '<c r="B12"/>', '<c r="B12"><v></v></c>', '<c r="B12" t="str"><v>a></v></c>',
    '<c r="B12" t="inlineStr"><is></is></c>', '<c r="B12" t="str"><f>A1</f><v></v></c>', '<c r="B12" t="d"><v></v></c>',
])  # fmt: skip
def test_no_cell_beside_it_hides_one_that_the_reader_loses(others: str) -> None:
    lost = f'<row r="21">{cell("A10", 10)}{cell("A21", 21)}</row>'
    assert fails(raw(f'<row r="12">{cell("A12", 12)}{others}</row>{lost}')) == "not-a-workbook"


@pytest.mark.parametrize("blank", [
    "", ' t="n"', ' t="b"', ' t="e"', ' t="str"', ' t="d"', ' s="1"', ' s="1" t="b"',
])  # fmt: skip
@pytest.mark.parametrize("value", [
    "", "<v></v>", '<v xml:space="preserve"></v>',
])  # fmt: skip
def test_blank_values_are_not_taken_for_lost_ones(blank: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(workbook_reader, "rewritten")
    assert rows(raw(f'<row r="1">{cell("A1", 1)}<c r="B1"{blank}>{value}</c></row>')) == [(1, "1", None, [])]


@given(st.lists(st.integers(1, 2**20), min_size=1, max_size=5, unique=True).map(sorted), st.integers(1, 2**20))
def test_cells_stand_in_their_rows_and_in_no_other(numbers: list[int], other: int) -> None:
    for column, place in (("A", 0), ("P", 15), ("AA", 26), ("ZZ", 701)):
        markup = "".join(f'<row r="{n}">{cell(f"{column}{n}", n)}</row>' for n in numbers)
        found = read_rows(markup.encode(), NO_DATES)
        assert found.lines.tolist() == numbers
        assert found.columns.tolist() == [place] * len(numbers)
    if other != numbers[-1]:
        with pytest.raises(Unusual):
            read_rows(f'<row r="{numbers[-1]}">{cell(f"A{other}", 1)}</row>'.encode(), NO_DATES)


def test_sheets_may_be_wide() -> None:
    [(_, _, cells, faults)] = all_of(book([1, "a"]))
    assert (cells, faults) == ({"id": "1", "label": "a"}, [])
    names = [f"{chr(65 + n // 26 - 1) if n >= 26 else ''}{chr(65 + n % 26)}" for n in range(60)]
    wide = "".join(cell(f"{name}2", number) for number, name in enumerate(names))
    [first, second] = all_of(raw(ROW + f'<row r="2">{wide}</row>'))
    assert (first[3], second[2]) == ([], {"id": "0", "label": "1"})
    assert [reason.value for reason in second[3]] == [",".join(str(number) for number in range(2, 60))]


def test_a_long_text_that_many_cells_share_is_given_in_chunks_of_bounded_size() -> None:
    long = "x" * 32_000
    sizes = [chunk.cells.nbytes for chunk in WorkbookSource(PAIRS, book(*[[n, long] for n in range(3_000)])).chunks()]
    assert sum(sizes) > 90 * 2**20
    assert max(sizes) < 40 * 2**20


def test_texts_that_would_grow_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_reader, "MAX_UNPACKED", 10**7)
    assert fails(book(*[[n, "x" * 32_000] for n in range(3_000)])) == "dangerous-workbook"


LONG = "x" * 40_000


@pytest.mark.parametrize("part", [
    f"<row><c t='str'><v>{LONG}</v></c></row>",
    f"<row><c><f>{LONG}</f><v>1</v></c></row>",
    f"<row><c s='{LONG}'><v>1</v></c></row>",
    "<row>" + f"<c><v>{'1' * 60}</v></c>" * 700 + "</row>",
    "<row><c t='inlineStr'><is>" + "<r><t>x</t></r>" * 2_600 + "</is></c></row>",
    f"<!--{LONG}-->",
    f"<?{LONG}?>",
    f"<{LONG}/>",
])  # fmt: skip
def test_what_is_held_of_a_part_in_another_form_is_bounded(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_pieces, "_READ", 1_000)
    monkeypatch.setattr(workbook_pieces, "_LONGEST", 30_000)
    fed: list[int] = []
    feed = Rewriter.feed

    def counted(rewriter: Rewriter, content: bytes, *, final: bool = False) -> bytes:
        fed.append(len(content))
        return feed(rewriter, content, final=final)

    monkeypatch.setattr(Rewriter, "feed", counted)
    assert fails(raw("<row/>" + part)) == "dangerous-workbook"
    assert sum(fed) < 35_000


def test_texts_of_any_form_have_the_same_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_pieces, "_HEAD_SIZE", 1_000)
    monkeypatch.setattr(workbook_pieces, "_READ", 1_000)
    monkeypatch.setattr(workbook_pieces, "_LONGEST", 30_000)
    for texts in (f"<sst><si><t>{LONG}</t></si></sst>", f"<sst ><!-- --><si><t>{LONG}</t></si></sst>"):
        assert fails(raw(ROW, extra={"xl/sharedStrings.xml": texts.encode()})) == "dangerous-workbook"


def test_a_long_sheet_in_another_form_is_no_long_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_pieces, "_READ", 1_000)
    monkeypatch.setattr(workbook_pieces, "_LONGEST", 5_000)
    blank = "<row>" + "<c s='1'/>" * 2_000 + "</row>"
    last = "<row r='9'><c><v>9</v></c><c t='inlineStr'><is><t>last</t></is></c></row>"
    content = sheet(ROW + "<!-- -->" + blank + last).replace(
        b"</sheetData>", b"</sheetData><mergeCells>" + b'<mergeCell ref="D1:E1"/>' * 1_000 + b"</mergeCells>"
    )
    assert rows(with_parts({"xl/worksheets/sheet1.xml": content})) == [*GOOD, (9, "9", "last", [])]


@pytest.mark.parametrize("markup", [
    "<a>" * 200 + "</a>" * 200,
    "".join(f"<a{n}/>" for n in range(11_000)),
    "".join(f"<a b{n}=''/>" for n in range(11_000)),
], ids=["depth", "elements", "attributes"])  # fmt: skip
def test_what_the_parser_of_another_form_keeps_is_bounded(markup: str) -> None:
    assert fails(raw("<!-- -->" + ROW + markup)) == "not-a-workbook"


def test_more_shared_texts_than_memory_holds_are_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_check, "_MAX_TEXTS", 1000)
    with pytest.raises(FileError, match="take 1,") as caught:
        rows(book([1, "x" * 1000]))
    assert "CSV" in (caught.value.hint or "")


def test_the_rows_of_a_workbook_count_by_what_it_unpacks_to() -> None:
    def most_rows(rows: int) -> int:
        return WorkbookSource(PAIRS, workbook_bytes({"pairs": [[n, f"label {n}"] for n in range(rows)]})).most_rows()

    assert 0 < most_rows(10) < 100
    assert 500 < most_rows(5_000) < 5_000


@pytest.mark.parametrize("prefix", ["", "x:"], ids=["usual", "to be rewritten"])
def test_what_was_read_of_a_sheet_tells_how_many_rows_to_expect(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setattr(workbook_pieces, "_HEAD_SIZE", 4096)
    monkeypatch.setattr(workbook_pieces, "_READ", 10_000)
    monkeypatch.setattr(workbook_pieces, "_PIECE", 10_000)
    count = 5_000
    inner = "".join(
        f'<{prefix}row r="{n}"><{prefix}c r="A{n}"><{prefix}v>{n}</{prefix}v></{prefix}c></{prefix}row>'
        for n in range(1, count + 1)
    )
    named = f'xmlns{":x" if prefix else ""}="{MAIN}"'
    document = f"<{prefix}worksheet {named}><{prefix}sheetData>{inner}</{prefix}sheetData></{prefix}worksheet>"
    source = WorkbookSource(PAIRS, with_parts({"xl/worksheets/sheet1.xml": document.encode()}))
    assert source.expected() is None
    told = [(chunk.rows[-1].as_py(), source.expected()) for chunk in source.chunks()]
    assert len(told) > 5
    assert all(expected is not None and 0.8 * count < expected < 1.1 * count for read, expected in told if read > 1_000)
    assert told[-1][1] == pytest.approx(count, rel=0.01)
