"""The metrics against a real server: every trap, and an independent computation over any rows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.errors import NotFound
from chalicelib.metrics.compute import MetricAnswer, compute
from chalicelib.metrics.registry import METRICS, find_metric, metrics_of
from tests.conftest import TestDatabase

NAMES = ("alpha", "Beta", "ALPHA", "ábaco", "Ábaco", "Zeta", "_x", "beta gamma", "ñandú", "Nandu")
Hire = tuple[dt.datetime, int, int]


def fill(database: TestDatabase, departments: Sequence[str], jobs: Sequence[str], hires: Sequence[Hire]) -> None:
    with database.database.transaction() as transaction:
        transaction.run("DELETE FROM hired_employees")
        for table, column, names in (("departments", "department", departments), ("jobs", "job", jobs)):
            transaction.run(f"DELETE FROM {table}")
            for number, name in enumerate(names, 1):
                transaction.run(f"INSERT INTO {table} (id, {column}) VALUES (:id, :name)", id=number, name=name)
        for number, (moment, department, job) in enumerate(hires):
            transaction.run(
                "INSERT INTO hired_employees VALUES (:id, 'A', CAST(:moment AS timestamptz), :department, :job)",
                id=number, moment=moment, department=department, job=job,
            )  # fmt: skip


def told(database: TestDatabase, name: str, year: int = 2021, zone: str = "UTC") -> MetricAnswer:
    with database.database.transaction() as transaction:
        transaction.run(f"SET LOCAL timezone = '{zone}'")
        return compute(transaction, find_metric(database.dictionary, name), year)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


EDGES = [
    (at("2020-12-31T23:59:59.999999+00:00"), 1, 1),
    (at("2021-01-01T00:00:00+00:00"), 1, 1),
    (at("2021-03-31T23:59:59.999999+00:00"), 1, 1),
    (at("2021-04-01T00:00:00+00:00"), 1, 1),
    (at("2021-07-01T02:00:00+02:00"), 1, 1),
    (at("2021-12-31T19:00:00-05:00"), 1, 1),
    (at("2021-12-31T23:59:59.999999+00:00"), 1, 1),
]


@pytest.mark.parametrize("zone", ["UTC", "America/Bogota", "Pacific/Kiritimati"])
def test_quarters_and_years_are_those_of_utc_whatever_the_session_s_zone(postgres: TestDatabase, zone: str) -> None:
    fill(postgres, ["D"], ["J"], EDGES)
    rows = told(postgres, "hires-by-quarter", zone=zone).rows
    assert rows == [{"department": "D", "job": "J", "Q1": 2, "Q2": 1, "Q3": 1, "Q4": 1}]
    assert told(postgres, "departments-above-mean", zone=zone).figures["hires"] == 5


@pytest.mark.parametrize("year", [1, 2020, 9999])
def test_every_year_that_a_moment_may_have_can_be_asked_for(postgres: TestDatabase, year: int) -> None:
    moments = [dt.datetime(year, 1, 1, tzinfo=dt.UTC), dt.datetime(year, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC)]
    fill(postgres, ["D"], ["J"], [(moment, 1, 1) for moment in moments])
    assert told(postgres, "hires-by-quarter", year).rows == [
        {"department": "D", "job": "J", "Q1": 1, "Q2": 0, "Q3": 0, "Q4": 1}
    ]


def test_departments_without_hires_count_as_zero_in_the_mean(postgres: TestDatabase) -> None:
    hires = [(at("2021-05-05T00:00:00+00:00"), 1, 1)] * 3 + [(at("2020-05-05T00:00:00+00:00"), 2, 1)] * 50
    fill(postgres, ["A", "B", "C"], ["J"], hires)
    answer = told(postgres, "departments-above-mean")
    assert answer.figures == {"mean": 1.0, "departments": 3, "hires": 3}
    assert answer.rows == [{"id": 1, "department": "A", "hired": 3}]


def test_ties_are_in_the_order_of_the_ids(postgres: TestDatabase) -> None:
    moment = at("2021-05-05T00:00:00+00:00")
    fill(postgres, ["Z", "Y", "X", "W"], ["J"], [(moment, each, 1) for each in (3, 3, 1, 1, 2, 2, 2)])
    found = [(row["id"], row["hired"]) for row in told(postgres, "departments-above-mean").rows]
    assert found == [(2, 3), (1, 2), (3, 2)]


def test_the_mean_is_told_when_no_department_is_above_it(postgres: TestDatabase) -> None:
    fill(postgres, ["A", "B"], ["J"], [])
    assert told(postgres, "departments-above-mean").figures == {"mean": 0.0, "departments": 2, "hires": 0}
    fill(postgres, [], [], [])
    answer = told(postgres, "departments-above-mean")
    assert (answer.rows, answer.figures) == ([], {"mean": None, "departments": 0, "hires": 0})


@st.composite
def companies(draw: st.DrawFn) -> tuple[list[str], list[str], list[Hire]]:
    departments = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6))
    jobs = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4))
    moment = st.datetimes(dt.datetime(2020, 12, 30), dt.datetime(2022, 1, 2), timezones=st.just(dt.UTC))
    hire = st.tuples(moment, st.integers(1, len(departments)), st.integers(1, len(jobs)))
    return departments, jobs, draw(st.lists(hire, max_size=25))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(company=companies())
def test_they_equal_an_independent_computation(
    postgres: TestDatabase, company: tuple[list[str], list[str], list[Hire]]
) -> None:
    departments, jobs, hires = company
    fill(postgres, departments, jobs, hires)
    of_year = [(moment, department, job) for moment, department, job in hires if moment.year == 2021]
    quarters: dict[tuple[str, str], list[int]] = {}
    for moment, department, job in of_year:
        pair = quarters.setdefault((departments[department - 1], jobs[job - 1]), [0, 0, 0, 0])
        pair[(moment.month - 1) // 3] += 1
    by_quarter = [tuple(row.values()) for row in told(postgres, "hires-by-quarter").rows]
    assert {(row[0], row[1]): list(row[2:]) for row in by_quarter} == quarters
    assert len(by_quarter) == len(quarters)
    keys = [(str(row[0]).lower(), str(row[1]).lower()) for row in by_quarter]
    assert keys == sorted(keys)

    counted = Counter(department for _, department, _ in of_year)
    mean = len(of_year) / len(departments)
    above = [(number, counted[number]) for number in range(1, len(departments) + 1) if counted[number] > mean]
    answer = told(postgres, "departments-above-mean")
    assert answer.figures["mean"] == pytest.approx(mean, abs=1e-12)
    assert [(row["id"], row["hired"]) for row in answer.rows] == sorted(above, key=lambda each: (-each[1], each[0]))


def test_a_metric_is_there_for_the_tables_that_it_needs(postgres: TestDatabase) -> None:
    assert tuple(metrics_of(postgres.dictionary)) == METRICS
    with pytest.raises(NotFound, match="hires-by-quarter"):
        find_metric(postgres.dictionary, "nosuch")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_query_has_the_columns_that_its_metric_describes(postgres: TestDatabase, metric: Any) -> None:
    fill(postgres, ["A", "B"], ["J"], [(at("2021-05-05T00:00:00+00:00"), 1, 1)])
    with postgres.database.transaction() as transaction:
        row = transaction.run(metric.sql, year=2021)[0]
    kinds = {"string": str, "integer": int}
    for column, value in zip((*metric.columns, *metric.figures), row, strict=True):
        assert column.type == "number" or isinstance(value, kinds[column.type]) or int(value) == value
