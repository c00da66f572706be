"""Cells as the markup of a sheet has them, held against calamine: numbers, dates, texts, and what is no cell at all."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from decimal import Context, Decimal
from typing import Any
from xml.sax.saxutils import quoteattr

import fastexcel
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import FileError
from chalicelib.load import workbook_reader
from chalicelib.load.workbook_markup import Unusual
from chalicelib.load.workbook_pieces import mended
from chalicelib.load.workbook_reader import WorkbookReader
from chalicelib.load.workbook_rows import read_rows
from chalicelib.load.workbook_styles import Styles, date_styles
from chalicelib.load.workbook_values import shown_numbers
from sample_data.workbook import BlankCell, ErrorCell, workbook_bytes, zip_bytes

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DATED = Styles(frozenset([1]), epoch_1904=False)
SHEET, STRINGS, STYLES = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"


def book(rows: str, **parts: str) -> bytes:
    """A workbook with these rows, and these items of shared strings or other parts."""
    with zipfile.ZipFile(io.BytesIO(workbook_bytes({"Sheet1": [["a", dt.datetime(2021, 7, 27)]]}))) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents[SHEET] = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'.encode()
    return zip_bytes(contents | {name: text.encode() for name, text in parts.items()})


def strings(items: str) -> dict[str, str]:
    return {STRINGS: f'<sst xmlns="{MAIN}">{items}</sst>'}


def cells(content: bytes) -> dict[tuple[int, int], str]:
    """What stands in each cell of the first sheet that is not blank, by its row and column from 1."""
    with WorkbookReader(content) as workbook:
        [sheet, *_] = workbook.sheets()
        return {
            (int(line), column): text
            for block in workbook.blocks(sheet)
            for column, texts in enumerate(block.cells.columns, 1)
            for line, text in zip(block.lines, texts.to_pylist(), strict=True)
            if text and text.strip()
        }


def row(*written: str) -> str:
    return f'<row r="1">{"".join(written)}</row>'


@pytest.mark.parametrize(("written", "shown"), [
    ("1e-12", "0.000000000001"), ("1.0", "1"), ("1.50", "1.5"), ("-2.50", "-2.5"), ("007", "7"), ("-007", "-7"),
    (".5", "0.5"), ("+5", "5"), ("0", "0"), ("-0.0", "-0"), ("1E21", "1" + "0" * 21), ("0.30000000000000004", "0.3"),
    ("99.9999999999986", "99.9999999999986"), ("1234567.8901234567", "1234567.89012346"), ("0.1", "0.1"),
    ("9007199254740993", "9007199254740993"), ("123456789012345678901", "123456789012345678901"),
    ("1e", "1e"), ("none", "none"), ("1_0", "1_0"), ("\u0661", "\u0661"), ("-", "-"), ("1-2", "1-2"), ("a1", "a1"),
])  # fmt: skip
def test_a_number_is_written_out_and_what_is_none_stays(written: str, shown: str) -> None:
    assert cells(book(row(f'<c r="A1"><v>{written}</v></c>'))) == {(1, 1): shown}


@pytest.mark.parametrize(("written", "shown"), [
    ("0", "false"), ("false", "false"), ("FALSE", "false"), ("&#48;", "false"), ("\n0", "false"), (" false ", "false"),
    ("1", "true"), ("true", "true"), ("True", "true"), ("&#49;", "true"), ("no", "no"), ("2", "2"), ("00", "00"),
])  # fmt: skip
def test_a_truth_value_is_told_in_one_form_and_what_is_none_stays(written: str, shown: str) -> None:
    assert cells(book(row(f'<c r="A1" t="b"><v>{written}</v></c>'))) == {(1, 1): shown}


@pytest.mark.parametrize("form", ["{}", " {} ", "\n{}\n", "\r\n{}", "&#{code};{rest}", " &#{code};{rest}", "&#10;{}"])
def test_dates_and_the_numbers_of_shared_texts_need_not_stand_bare(form: str) -> None:
    def put(number: str) -> str:
        return form.format(number, code=ord(number[0]), rest=number[1:])

    content = book(row(f'<c r="A1" t="s"><v>{put("1")}</v></c>', f'<c r="B1" s="1"><v>{put("44197")}</v></c>',
                       f'<c r="C1" s="1"><v>{put("none")}</v></c>', '<c r="D1" s="1"><v>44198</v></c>'),
                   **strings("<si><t>a</t></si><si><t>b</t></si>"))  # fmt: skip
    midnight = "2021-01-0{} 00:00:00".format
    assert list(cells(content).values()) == ["b", midnight(1), "none", midnight(2)]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers().map(float) | st.decimals(
    -(10**6), 10**6, places=4).map(float), min_size=1))  # fmt: skip
def test_numbers_keep_fifteen_digits_and_whole_ones_all(numbers: list[float]) -> None:
    written = [repr(number) for number in numbers]
    for text, shown in zip(written, shown_numbers(pa.array(written)).to_pylist(), strict=True):
        exact = Decimal(text)
        assert Decimal(shown) == (exact if exact == exact.to_integral_value() else Context(prec=15).plus(exact))
        assert not set(shown) - set("-.0123456789")
        assert not (("." in shown) and shown.endswith("0"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 59.99) | st.floats(61, 2958465.99) | st.integers(61, 2958465).map(float),
                min_size=1, max_size=50))  # fmt: skip
def test_dates_are_those_that_calamine_reads(days: list[float]) -> None:
    rows = "".join(f'<row r="{n}"><c r="A{n}" s="1"><v>{day!r}</v></c></row>' for n, day in enumerate(days, 1))
    content = book(rows)
    sheet = fastexcel.read_excel(content).load_sheet(0, header_row=None, dtypes="string")
    assert list(cells(content).values()) == sheet.to_arrow().column(0).to_pylist()


FORMATS = ["[h]:mm", "h:mm:ss", "mm:ss.0", "yyyy", '"d"0', "0.00", "[Red]d", "General", "@", "yyyy\\-mm", '0" days"',
           "[$-409]d\\-mmm", "#,##0.00;[Red]\\-#,##0.00", "0.00E+00", "AM/PM", "[ss]", "0;d", "_(d", "0_d", "YYYY", "s",
           "[DBNum1]0", "dd.mm.yyyy;@", '#,##0 "\u20ac"', "0\\d", "_-* #,##0.00_-"]  # fmt: skip


def test_formats_are_of_dates_where_calamine_takes_them_so() -> None:
    own = dict(enumerate(FORMATS, 164))
    used = [*range(50), *own]
    written = "".join(f'<numFmt numFmtId="{key}" formatCode={quoteattr(code)}/>' for key, code in own.items())
    xfs = "".join(f'<xf numFmtId="{key}"/>' for key in used)
    rows = "".join(f'<row r="{n}"><c r="A{n}" s="{n - 1}"><v>44404.5</v></c></row>' for n in range(1, len(used) + 1))
    head = f'<styleSheet xmlns="{MAIN}"><numFmts>{written}</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
    content = book(rows, **{STYLES: f"{head}<cellXfs>{xfs}</cellXfs></styleSheet>"})
    sheet = fastexcel.read_excel(content).load_sheet(0, header_row=None, dtypes="string")
    theirs = sheet.to_arrow().column(0).to_pylist()
    assert list(cells(content).values()) == theirs
    assert date_styles(used, own) == {style for style, text in enumerate(theirs) if text != "44404.5"}


VALUES = st.one_of(
    st.none(), st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8), st.booleans(),
    st.sampled_from(["<&>\"'", "\n x", "\U0001f600", "_x0041_", "&amp;", "]]>", "-->"]), st.integers(-(2**53), 2**53),
    st.integers(-(2**40), 2**40).map(lambda number: number / 64),
    st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31)), st.just(BlankCell()),
    st.sampled_from(["#N/A", "#DIV/0!"]).map(ErrorCell),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(VALUES, max_size=5), max_size=20))
def test_cells_are_what_calamine_reads(sheet: list[list[Any]]) -> None:
    content = workbook_bytes({"Sheet1": [["first"], *sheet]})
    theirs = fastexcel.read_excel(content).load_sheet(0, header_row=None, dtypes="string")
    found, errors = theirs.to_arrow_with_errors()
    read = {
        (line, column): text
        for column, texts in enumerate(found.columns, 1)
        for line, text in enumerate(texts.to_pylist(), 1)
        if text and text.strip()
    }
    ours = cells(content)
    shown = {place for place, text in ours.items() if text in ("#N/A", "#DIV/0!")}
    assert {
        (at + 1, column + 1) for error in (errors.errors if errors else []) for at, column in [error.position]
    } == shown
    assert ours.keys() - shown == read.keys()
    for place, text in read.items():
        cell = ([["first"], *sheet][place[0] - 1])[place[1] - 1]
        assert ours[place] == text.strip() or (isinstance(cell, float) and abs(float(text) - float(ours[place])) < 1e-3)


@pytest.mark.parametrize("written", [
    '<row r="1" spans="1:2" ht="15" customHeight="1"><c r="A1" s="1" t="s"><v>0</v></c><c r="B1" s="0"/></row>',
    '<row r="1">\n<c r="A1" s="0" t="inlineStr"><is><t>x</t></is></c>\n<c r="B1"></c></row>\n',
    '<row r="1"><c r="A1" t="inlineStr"><is><t xml:space="preserve"> x </t></is></c></row><row r="2"/>',
    '<row r="1"><c r="A1" t="str"><f t="shared" ref="A1:A2" si="0">B1&amp;""</f><v>x</v></c></row>',
    '<row r="1"><c r="A1" t="str"><f t="shared" si="0"/><v>x</v></c><c r="B1" t="str"><f>1/0</f></c></row>',
    '  <row r="1"><c r="A1" t="str"><v>x</v></c>\r\n</row>  ',
    '<row r="1"><c r="B1" s="1"/><c r="A1" t="str"><v>x</v></c></row>',
])  # fmt: skip
def test_what_the_usual_programs_write_is_read_as_it_stands(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(workbook_reader, "mended")
    monkeypatch.delattr(workbook_reader, "rewritten")
    found = cells(book(written, **strings("<si><t>x</t></si>")))
    assert {place: text.strip() for place, text in found.items()} == {(1, 1): "x"}


@pytest.mark.parametrize("item", [
    "<si><r><rPr><b/></rPr><t>ab</t></r><r><t xml:space='preserve'> c</t></r></si>",
    "<si><t>ab c</t><rPh sb='0' eb='1'><t>spoken</t></rPh><phoneticPr fontId='1'/></si>",
    "<si><t><![CDATA[ab]]> c</t></si>", "<si><!-- <si> --><t>ab&#32;c</t></si>", "<si ><t>ab c</t></si>",
])  # fmt: skip
def test_a_text_in_parts_is_one_text_and_costs_the_others_nothing(item: str) -> None:
    content = book(row(*(f'<c r="{letter}1" t="s"><v>{n}</v></c>' for n, letter in enumerate("ABC"))),
                   **strings(f"<si><t>first</t></si>{item}<si/>"))  # fmt: skip
    assert cells(content) == {(1, 1): "first", (1, 2): "ab c"}


PRESERVE = ' xml:space="preserve"'


@pytest.mark.parametrize(("markup", "shown"), [
    ("<sst{0}><si><r><t>a </t></r><r><t>b</t></r></si></sst>", "a b"),
    ("<sst{0}><!-- --><si><r><t>a </t></r><r><t>b</t></r></si></sst>", "a b"),
    ("<sst><si{0}><r><t>a </t></r><r><t>b</t></r></si></sst>", "a b"),
    ("<sst><si><r{0}><t>a </t></r><r><t> b</t></r></si></sst>", "a b"),
    ('<sst{0}><si><r xml:space="default"><t>a </t></r><r><t>b</t></r></si></sst>', "ab"),
    ("<sst><si><r><t>a </t></r><r><t>b</t></r></si></sst>", "ab"),
])  # fmt: skip
def test_white_space_is_kept_where_an_element_around_says_so(markup: str, shown: str) -> None:
    content = book(row('<c r="A1" t="s"><v>0</v></c>'), **{STRINGS: markup.format(PRESERVE)})
    assert cells(content) == {(1, 1): shown}


@pytest.mark.parametrize("said", ["worksheet", "row", "c", "is"])
def test_white_space_is_kept_in_the_cells_of_a_sheet_too(said: str) -> None:
    text = "<is><r><t>a </t></r><r><t>b</t></r></is>"
    sheet = f'<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr">{text}</c></row></sheetData></worksheet>'
    assert cells(book("", **{SHEET: sheet})) == {(1, 1): "ab"}
    assert cells(book("", **{SHEET: sheet.replace(f"<{said}", f"<{said}{PRESERVE}", 1)})) == {(1, 1): "a b"}


@pytest.mark.parametrize("kept", [
    "<x:v>9</x:v>", "<v>9</v>", "<is><t>9</t></is>", "<row r='9'><c r='A9'><v>9</v></c></row>", "<c><v>9</v></c>",
    "<si><t>9</t></si>", "<extLst><v>9</v></extLst>",
    "<xm:f>A9</xm:f>",
])  # fmt: skip
def test_what_a_program_keeps_for_itself_in_a_cell_or_row_is_no_value(kept: str) -> None:
    kept = f'<extLst><ext uri="q">{kept}</ext></extLst>'
    inline = f'<c r="B1" t="inlineStr"><is><t>b</t></is>{kept}</c>'
    found = cells(book(row(f'<c r="A1"><v>2</v>{kept}</c>', f'<c r="C1">{kept}</c>', inline, kept)))
    assert found == {(1, 1): "2", (1, 2): "b"}


@pytest.mark.parametrize("elsewhere", ["<x><v>9</v></x>", "<x><is><t>9</t></is></x>"])
def test_a_value_stands_in_its_cell_itself(elsewhere: str) -> None:
    assert cells(book(row(f'<c r="A1"><v>2</v>{elsewhere}</c>'))) == {(1, 1): "2"}


@pytest.mark.parametrize("error", ["#SPILL!", "#CALC!", "#GETTING_DATA", "#N/A"])
def test_every_error_is_told_as_people_see_it(error: str) -> None:
    with WorkbookReader(book(row(f'<c r="B1" t="e"><v>{error}</v></c>'))) as workbook:
        [block] = workbook.blocks(next(workbook.sheets()))
    assert block.errors == {(0, 1): error}


@pytest.mark.parametrize("written", [
    row('<c r="A1"><v>1</v></c>', '<c r="A1"><v>2</v></c>'),
    row('<c r="B1"><v>1</v></c>', '<c r="A1"><v>2</v></c>', '<c r="B1"><v>1</v></c>'),
    row("<c><v>1</v></c>", "<c r='A1' t='inlineStr'><is><t>2</t></is></c>"),
    "<row><c r='A1'><v>1</v></c><c r='A1'><v>1</v></c></row>",
])  # fmt: skip
def test_two_values_at_one_place_are_told(written: str) -> None:
    with pytest.raises(FileError, match=r"two values for the cell [AB]1\."):
        cells(book(written))


def test_a_blank_cell_beside_the_value_of_its_place_is_none() -> None:
    assert cells(book(row('<c r="A1" s="1"/>', '<c r="A1"><v>2</v></c>'))) == {(1, 1): "2"}


@pytest.mark.parametrize("odd", [
    "<x/>", "x", "<c/>", "<v>7</v>", "</c>", "<c r='A1'>", "<row r='1'/>", "<!-- --", "<c r=\"B1\"><v>7</v>",
    '<c r="B1"><v>7</v>x</c', '<c r="B1" t="s"><v>x</v></c>', '<c r="B1"><f>1<v>7</v></c>', "&none;", "\x01", "<is/>",
])  # fmt: skip
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_not_understood_is_never_taken_for_another_cell(odd: str, place: int) -> None:
    parts = ['<c r="A1"><v>1', "</v></c>", '<c r="C1"><v>3</v></c>']
    parts.insert(place, odd)
    try:
        found = cells(book(row(*parts)))
    except FileError as error:
        assert error.hint  # noqa: PT017
    else:
        assert {place: text for place, text in found.items() if place[1] in (1, 3)}.keys() <= {(1, 1), (1, 3)}
        assert found.get((1, 3)) in ("3", None)


MARKUP = (
    '<row r="9" spans="1:3"><c r="A9"><v>1</v></c><c r="B9" t="str"><v>a</v></c>'
    '<c r="C9" t="inlineStr"><is><t>x &amp; y</t></is></c></row>'
    '<row r="10"><c r="A10" s="1"><v>44404.5</v></c><c r="C10" s="2"/><c r="AB10" t="b"><v>1</v></c></row>'
    '<row r="11"/><row r="12"><c r="A12" t="inlineStr"><is><t xml:space="preserve"> z</t></is></c>'
    '<c r="B12" t="e"><v>#N/A</v></c></row>'
)
PIECES = [*'<>/"&cvr19AZ x\n', '<c r="A9"><v>5</v></c>', "</c>", "<v>", "</v>", ' t="s"', "<is>", "<t>", "</t>",
          "</row>", '<row r="10">', "&gt;", ""]  # fmt: skip
EDITS = st.lists(st.tuples(st.integers(0, len(MARKUP)), st.sampled_from([0, 1, 2, 5, 20]), st.sampled_from(PIECES)),
                 min_size=1, max_size=3)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(EDITS)
def test_damaged_markup_is_read_as_a_parser_of_xml_reads_it_or_not_at_all(
    edits: list[tuple[int, int, str]],
) -> None:
    markup = MARKUP
    for begin, length, text in edits:
        markup = markup[:begin] + text + markup[begin + length :]
    try:
        found = table(markup.encode())
    except ValueError:
        return
    assert found == table(mended("sheet", markup.encode()))


def table(markup: bytes) -> dict[tuple[int, int], str]:
    found = read_rows(markup, DATED)
    columns = enumerate(found.table(pa.array(["a"]), DATED).columns)
    return {
        (int(line), column): text
        for column, texts in columns
        for line, text in zip(found.lines, texts.to_pylist(), strict=True)
        if text
    }


@pytest.mark.parametrize("between", ["x", "&none;", "<!-- -->", "]]>", "-->"])
@pytest.mark.parametrize("cells", [
    '<c r="A1"><v>1</v></c>{}', '<c r="A1"/>{}', '<c r="A1"></c>{}', '<c r="A1">{}<v>1</v></c>',
    '<c r="A1"><v>1</v>{}</c>',
    '<c r="A1" t="inlineStr"><is><t>1</t></is></c>{}', '<c r="A1" t="inlineStr"><is><t>1</t></is>{}</c>',
    '<c r="A1" t="inlineStr"><is><t>1</t>{}</is></c>', '<c r="A1" t="inlineStr"><is>{}<t>1</t></is></c>',
    '<c r="A1"><f>1</f>{}<v>1</v></c>', '<c r="A1"><f si="0"/>{}<v>1</v></c>',
])  # fmt: skip
def test_nothing_stands_between_the_tags_of_the_usual_form(cells: str, between: str) -> None:
    table(row(cells.format(""), '<c r="B1"><v>2</v></c>').encode())
    with pytest.raises(Unusual):
        table(row(cells.format(between), '<c r="B1"><v>2</v></c>').encode())


def test_sheets_of_charts_have_no_rows_and_targets_may_begin_at_the_root() -> None:
    links = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    sheets = "".join(f'<s:sheet name="{name}" x:id="{key}"/>' for name, key in [("chart", "c"), ("data", "d")])
    content = book(row('<c r="A1"><v>1</v></c>'), **{
        "xl/workbook.xml": f'<s:workbook xmlns:s="{MAIN}" xmlns:x="{links}"><s:sheets>{sheets}</s:sheets></s:workbook>',
        RELATIONS: f'<R><Relationship Id="c" Type="{links}/chartsheet" Target="chartsheets/sheet1.xml"/>'
        f'<Relationship Id="d" Type="{links}/worksheet" Target="/XL/worksheets/sheet1.xml"/></R>',
    })  # fmt: skip
    with WorkbookReader(content) as workbook:
        assert [sheet.name for sheet in workbook.sheets()] == ["data"]
    assert cells(content) == {(1, 1): "1"}


def test_a_sheet_whose_part_is_not_there_is_told() -> None:
    missing = book(row(), **{RELATIONS: '<R><Relationship Id="rId1" Type="x/worksheet" Target="../../sheet.xml"/></R>'})
    with pytest.raises(FileError, match=r"xl/workbook\.xml is damaged"):
        cells(missing)
