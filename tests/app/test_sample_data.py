"""The metrics over the sample files, loaded as they are dropped, against plain Python over the same files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.wiring import use
from tests import oracle
from tests.app.conftest import Api, empty, make_api
from tests.aws import played_aws
from tests.conftest import TestDatabase, sample_data


@pytest.fixture(scope="module", params=["csv", "xlsx"])
def sampled(request: pytest.FixtureRequest, app_database: TestDatabase) -> Iterator[Api]:
    """The API after the three sample files of one format were dropped, one after the other."""
    with pytest.MonkeyPatch.context() as patch, played_aws(patch):
        empty(app_database)
        api = make_api(app_database)
        with use(api.services):
            for table in ("departments", "jobs", "hired_employees"):
                name = f"{table}.{request.param}"
                api.drop(f"incoming/{name}", (sample_data() / name).read_bytes())
                api.work()
            yield api


def test_each_file_was_read_whole(sampled: Api) -> None:
    runs = sampled.get("/runs").json_body["runs"]
    assert {run["state"] for run in runs} == {"succeeded"}
    for run in runs:
        assert run["read"] == run["inserted"] + run["rejected"] > 0


@pytest.mark.parametrize("year", range(2020, 2024))
def test_hires_by_quarter_are_those_of_the_files(sampled: Api, year: int) -> None:
    told = sampled.get(f"/metrics/hires-by-quarter?year={year}").json_body
    assert told["rows"] == oracle.hires_by_quarter(sample_data(), year)


@pytest.mark.parametrize("year", range(2020, 2024))
def test_departments_above_the_mean_are_those_of_the_files(sampled: Api, year: int) -> None:
    told = sampled.get(f"/metrics/departments-above-mean?year={year}").json_body
    mean, rows = oracle.departments_above_mean(sample_data(), year)
    assert told["mean"] == pytest.approx(mean, abs=1e-9)
    assert told["rows"] == rows
