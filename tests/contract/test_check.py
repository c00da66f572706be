"""What `decant check` reports, held against what loads into empty tables report."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.dictionary.package import parse_dictionary
from chalicelib.load.choice import write
from chalicelib.load.formats import source_of
from chalicelib.load.options import LoadOptions
from chalicelib.load.writer import lock_tables
from decant.checking import check_files
from tests.conftest import MakeDatabase, TestDatabase
from tests.other_dictionary import OTHER

Files = Sequence[tuple[str, str]]


class Undone(Exception):
    """Rolls a transaction back."""


@pytest.fixture(scope="module")
def library(make_database: MakeDatabase) -> Iterator[TestDatabase]:
    with make_database(parse_dictionary(OTHER)) as database:
        yield database


def cells(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


# Mostly good ones, so that rows meet one another.
CODES = cells("AA01", "BB01", "AA01", "BB01", "CC01", "")
BRANCH = st.tuples(
    CODES,
    cells("north", "south", "", "west"),
    cells("", "", "", "AA01", "BB01", "ZZ99"),
    cells("true", "0", "1", "maybe"),
)
TITLE = st.tuples(
    cells("1", "2", "1", "2", "x"), cells("Spring", "Autumn", "X"), cells("", "1999-04-01", "1449-12-31"),
    cells("1.5", "2", "-1"),
)  # fmt: skip
COPY = st.tuples(CODES, cells("1", "2", "1", "0"), cells("1", "2", "3"), cells("", "2020-01-01T00:00:00Z", "soon"))


def file(table: str, row: st.SearchStrategy[tuple[str, ...]]) -> st.SearchStrategy[tuple[str, str]]:
    rows = st.lists(row, min_size=1, max_size=5)
    return st.tuples(st.just(table), rows.map(lambda rows: "".join(",".join(row) + "\n" for row in rows)))


FILE = st.one_of(file("branches", BRANCH), file("titles", TITLE), file("copies", COPY))


@given(files=st.lists(FILE, min_size=2, max_size=4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_check_of_files_reports_what_loading_them_into_empty_tables_would(
    library: TestDatabase, tmp_path: Path, files: Files
) -> None:
    ranks = [table.name for table in library.dictionary.tables]
    files = sorted(files, key=lambda file: ranks.index(file[0]))
    paths = [tmp_path / f"{name}-{number}.csv" for number, (name, _) in enumerate(files)]
    for path, (_, content) in zip(paths, files, strict=True):
        path.write_text(content)
    told = [each.told() for each in check_files(library.dictionary, paths, empty=True)]
    checked = [(each["read"], each["rejected"], each["rejections"]) for each in told]
    assert checked == loaded(library, files)


def loaded(library: TestDatabase, files: Files) -> list[Any]:
    found = []
    with pytest.raises(Undone), library.database.transaction() as transaction:
        for number, (name, content) in enumerate(files):
            table = library.dictionary.table(name)
            lock_tables(transaction, library.dictionary, [table])
            source = source_of("a.csv", table, io.BytesIO(content.encode()))
            counts = write(transaction, table, source, LoadOptions(), run=str(number)).counts
            logged = transaction.run(
                "SELECT row, line, cells, reasons FROM decant.rejections WHERE run = :run ORDER BY row", run=str(number)
            )
            rows = [
                {"table": name, "row": row, "line": at, "cells": cells, "reasons": reasons, "corrected_by": None}
                for row, at, cells, reasons in logged
            ]
            found.append((counts.read, counts.rejected, rows))
        raise Undone
    return found
