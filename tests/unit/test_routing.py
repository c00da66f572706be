"""Which table a file is for, and how it asks to be loaded."""

from __future__ import annotations

import pytest

from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import FileError
from chalicelib.load.options import LoadOptions, OnConflict, file_options
from chalicelib.load.routing import claimed_by, route

_SCHEMA = {"primaryKey": "id", "fields": [{"name": "id", "type": "integer", "constraints": {"required": True}}]}
TABLES = parse_dictionary(
    {"resources": [{"name": name, "schema": _SCHEMA} for name in ("jobs", "jobs_old", "Job2", "hired")]}
)


@pytest.mark.parametrize(
    ("key", "table"),
    [
        ("incoming/jobs.csv", "jobs"),
        ("incoming/JOBS.CSV", "jobs"),
        ("incoming/jobs-2021.csv", "jobs"),
        ("incoming/jobs 2021 (1).xlsx", "jobs"),
        ("incoming/jobs2021.csv", "jobs"),
        ("incoming/jobs_2021.csv", "jobs"),
        ("incoming/jobs_old.csv", "jobs_old"),
        ("incoming/jobs_old_3.csv", "jobs_old"),
        ("incoming/job2.csv", "Job2"),
        ("incoming/jobs/anything.csv", "jobs"),
        ("incoming/Jobs/hired.csv", "jobs"),
        ("incoming/jobs/on-conflict=update/june.csv", "jobs"),
        ("incoming/on_conflict=update/jobs-june.csv", "jobs"),
        ("incoming/jobs", None),
        ("incoming/jobsite.csv", None),
        ("incoming/jobs_new.csv", "jobs"),
        ("incoming/other/jobs.csv", None),
        ("incoming/.csv", None),
        ("incoming/", None),
        ("", None),
    ],
)
def test_a_file_is_for_the_table_of_its_folder_or_of_the_longest_name_it_begins_with(
    key: str, table: str | None
) -> None:
    claimed = claimed_by(TABLES, key)
    assert (claimed.name if claimed else None) == table


def test_a_file_that_no_table_claims_is_told_which_there_are() -> None:
    with pytest.raises(FileError, match="jobs_old") as caught:
        route(TABLES, "incoming/staff.csv")
    assert caught.value.code == "unknown-table"
    assert "'staff.csv'" in caught.value.detail


@pytest.mark.parametrize(
    ("key", "metadata", "options"),
    [
        ("incoming/jobs.csv", {}, LoadOptions()),
        ("incoming/jobs/on-conflict=skip/a.csv", {}, LoadOptions(OnConflict.SKIP)),
        ("incoming/on_conflict=skip/jobs.csv", {}, LoadOptions(OnConflict.SKIP)),
        ("incoming/jobs/a.csv", {"on_conflict": "update", "Max_Rejected": "0"}, LoadOptions(OnConflict.UPDATE, 0.0)),
        ("incoming/jobs/max-rejected=0.05/on-conflict=update/a.csv", {}, LoadOptions(OnConflict.UPDATE, 0.05)),
        ("incoming/jobs/a.csv", {"on-conflict": "update", "max-rejected": "1"}, LoadOptions(OnConflict.UPDATE, 1.0)),
        ("incoming/jobs/a.csv", {"Max-Rejected": "0", "other": "x"}, LoadOptions(max_rejected=0.0)),
        ("incoming/jobs/on-conflict=skip/a.csv", {"on-conflict": "update"}, LoadOptions(OnConflict.UPDATE)),
        ("incoming/jobs/on-conflict=skip.csv", {}, LoadOptions()),
    ],
)
def test_options_stand_in_folders_or_metadata_and_the_metadata_wins(
    key: str, metadata: dict[str, str], options: LoadOptions
) -> None:
    assert file_options(key, metadata) == options


@pytest.mark.parametrize(
    ("key", "metadata"),
    [
        ("incoming/jobs/on-conflict=maybe/a.csv", {}),
        ("incoming/jobs/on-conflict=/a.csv", {}),
        ("incoming/jobs/a.csv", {"on-conflict": "UPDATE"}),
        *[
            ("incoming/jobs/a.csv", {"max-rejected": share})
            for share in ("", "2", "-0.1", "5%", "nan", "1e-1", "\u0660")
        ],
    ],
)
def test_an_option_that_is_none_is_told(key: str, metadata: dict[str, str]) -> None:
    with pytest.raises(FileError) as caught:
        file_options(key, metadata)
    assert caught.value.code == "bad-option"
    assert caught.value.hint


def test_a_share_of_rejections_is_a_limit_that_may_be_reached() -> None:
    assert not LoadOptions().refuses(read=10, rejected=10)
    assert not LoadOptions(max_rejected=0.1).refuses(read=10, rejected=1)
    assert LoadOptions(max_rejected=0.1).refuses(read=10, rejected=2)
    assert LoadOptions(max_rejected=0.0).refuses(read=10, rejected=1)
