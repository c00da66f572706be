"""Arrow to Avro and back."""

from __future__ import annotations

import io
import json
from typing import Any

import avro.datafile
import avro.io
import fastavro
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.backup import codec
from chalicelib.backup.codec import arrow_schema, read_avro, write_avro
from chalicelib.dictionary.avro import avro_schema
from chalicelib.dictionary.model import Dictionary
from chalicelib.errors import BackupDamaged
from tests.contract.backup_support import stock, tables

SITES, SHELVES = stock().tables


def written(rows: list[dict[str, Any]], table: Any = SHELVES, cut: int = 7) -> io.BytesIO:
    whole = pa.Table.from_pylist(rows, schema=table.arrow)
    sink = io.BytesIO()
    assert write_avro(sink, table, (whole.slice(at, cut) for at in range(0, len(whole), cut))) == len(rows)
    sink.seek(0)
    return sink


@pytest.mark.parametrize("table", [SITES, SHELVES], ids=["sites", "shelves"])
@given(data=st.data())
def test_any_table_comes_back_equal(table: Any, data: st.DataObject) -> None:
    rows = data.draw(tables(table))
    chunks = list(read_avro(written(rows, table), avro_schema(table)))
    assert pa.concat_tables(chunks).equals(pa.Table.from_pylist(rows, schema=table.arrow))


@pytest.mark.parametrize("table", [SITES, SHELVES], ids=["sites", "shelves"])
@given(data=st.data())
def test_fastavro_and_avro_read_the_same_rows(table: Any, data: st.DataObject) -> None:
    rows = data.draw(tables(table, max_size=10))
    file = written(rows, table)
    assert list(fastavro.reader(file)) == rows
    file.seek(0)
    with avro.datafile.DataFileReader(file, avro.io.DatumReader()) as reader:
        assert list(reader) == rows


def test_a_slice_of_a_bigger_table_is_written_from_its_start() -> None:
    rows = [{"code": f"s{n}", "open": None if n % 3 else n % 2 == 0, "since": None} for n in range(100)]
    sliced = pa.Table.from_pylist(rows, schema=SITES.arrow).slice(13, 50)
    sink = io.BytesIO()
    write_avro(sink, SITES, [sliced])
    assert list(fastavro.reader(io.BytesIO(sink.getvalue()))) == rows[13:63]


def test_a_stream_that_can_not_seek_is_read() -> None:
    class Forward(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation("seek")

        def tell(self) -> int:
            raise io.UnsupportedOperation("tell")

    file = Forward(written([{"code": "a"}], SITES).getvalue())
    assert [len(chunk) for chunk in read_avro(file, avro_schema(SITES))] == [1]


def test_no_rows_are_one_empty_chunk() -> None:
    assert list(read_avro(written([]), avro_schema(SHELVES))) == [SHELVES.arrow.empty_table()]


def test_a_big_file_is_read_in_chunks_of_few_rows(dictionary: Dictionary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_CHUNK_ROWS", 5_000)
    jobs = dictionary.table("jobs")
    file = written([{"id": n, "job": f"job {n}"} for n in range(50_000)], jobs, cut=10_000)
    sizes = [len(chunk) for chunk in read_avro(file, avro_schema(jobs))]
    assert sum(sizes) == 50_000
    assert len(sizes) > 4
    assert max(sizes) < 15_000


def test_long_texts_make_small_chunks(dictionary: Dictionary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_CHUNK_BYTES", 1_000_000)
    jobs = dictionary.table("jobs")
    file = written([{"id": n, "job": "x" * 100_000} for n in range(50)], jobs)
    assert max(len(chunk) for chunk in read_avro(file, avro_schema(jobs))) <= 11


def test_the_file_says_how_it_is_written(dictionary: Dictionary) -> None:
    reader = fastavro.reader(written([{"id": 1, "job": "Clerk"}], dictionary.table("jobs")))
    assert reader.metadata["avro.codec"] == "deflate"
    assert json.loads(reader.metadata["avro.schema"]) == avro_schema(dictionary.table("jobs"))


def test_every_column_of_the_dictionary_has_its_arrow_type_in_the_avro_schema(dictionary: Dictionary) -> None:
    for table in (*dictionary.tables, SITES, SHELVES):
        assert arrow_schema(avro_schema(table)) == table.arrow


def test_a_file_of_another_schema_is_refused(dictionary: Dictionary) -> None:
    file = written([{"id": 1, "job": "Clerk"}], dictionary.table("jobs"))
    with pytest.raises(BackupDamaged, match="another schema"):
        list(read_avro(file, avro_schema(dictionary.table("departments"))))


@pytest.mark.parametrize("content", [b"", b"Obj\x01", b"not Avro at all", b"Obj\x01\x02"])
def test_what_is_no_avro_is_refused(content: bytes) -> None:
    with pytest.raises(BackupDamaged, match="can't be read"):
        list(read_avro(io.BytesIO(content), avro_schema(SHELVES)))


@pytest.mark.parametrize("avro_type", ["double", ["string", "null"], {"type": "array", "items": "int"}, None])
def test_a_schema_that_decant_never_wrote_is_refused(avro_type: Any) -> None:
    with pytest.raises(BackupDamaged, match=r"none of Decant's"):
        arrow_schema({"fields": [{"name": "x", "type": avro_type}]})
