"""The metrics there are, and what each takes and tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.dictionary.model import Dictionary
from chalicelib.dictionary.rollup import Rollup
from chalicelib.errors import NotFound


@dataclass(frozen=True, slots=True)
class MetricColumn:
    """A column of a metric's rows, or a figure beside them. ``type`` is that of JSON Schema."""

    name: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One list of bars in a picture: the rows summed ``by`` some columns, called by those of ``labels``.

    The ``most`` longest bars are drawn. ``noun`` is what each stands for; in several it takes an s.
    """

    title: str
    by: tuple[str, ...]
    labels: tuple[str, ...]
    noun: str
    most: int


@dataclass(frozen=True, slots=True)
class Picture:
    """How a metric is drawn: bars stacked of some columns, in panels, each against the figure ``line``, if named.

    ``unit`` is what the columns count, and ``empty`` what a picture without bars tells.
    """

    stack: tuple[str, ...]
    unit: str
    panels: tuple[Panel, ...]
    empty: str
    line: str | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """An aggregate for one calendar year in UTC, kept as SQL in ``<name>.sql``, which takes ``:year``.

    Its query gives ``columns``, then ``figures``, which are the same in every row; a row whose first column is null
    carries figures alone. Where ``alphabetical`` names columns the rows are put in their order, for the order of text
    in Postgres differs from server to server; else they come as the query orders them. ``needs`` are the columns it
    reads, by table, with their types.
    """

    name: str
    title: str
    description: str
    columns: tuple[MetricColumn, ...]
    needs: Mapping[str, Mapping[str, str]]
    picture: Picture
    figures: tuple[MetricColumn, ...] = ()
    alphabetical: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """The query."""
        return Path(__file__).with_name(f"{self.name}.sql").read_text()

    def fits(self, dictionary: Dictionary) -> bool:
        """Whether a dictionary has all that the metric reads."""
        return all(
            table in dictionary and _types(dictionary, table).items() >= columns.items()
            for table, columns in self.needs.items()
        )


# Hires by department and job: what both metrics read in place of the employees, so that they don't grow with them.
ROLLUPS = (Rollup("hires", "hired_employees", "datetime", ("department_id", "job_id")),)

_HIRES = {
    "departments": {"id": "integer", "department": "string"},
    "hired_employees": {"id": "integer", "datetime": "datetime", "department_id": "integer", "job_id": "integer"},
}

METRICS = (
    Metric(
        name="hires-by-quarter",
        title="Hires by quarter",
        description="Employees hired in the year for each department and job, divided by quarter.",
        columns=(
            MetricColumn("department", "string", "Name of the department."),
            MetricColumn("job", "string", "Name of the job."),
            *(MetricColumn(f"Q{n}", "integer", f"Hires in quarter {n}, in UTC.") for n in range(1, 5)),
        ),
        needs=_HIRES | {"jobs": {"id": "integer", "job": "string"}},
        picture=Picture(
            stack=("Q1", "Q2", "Q3", "Q4"),
            unit="hire",
            panels=(
                Panel("Departments", ("department",), ("department",), "department", most=25),
                Panel("Jobs", ("job",), ("job",), "job", most=15),
                Panel("Jobs within departments", ("department", "job"), ("department", "job"), "pair", most=15),
            ),
            empty="Nobody was hired in the year.",
        ),
        alphabetical=("department", "job"),
    ),
    Metric(
        name="departments-above-mean",
        title="Departments above the mean",
        description="Departments that hired more in the year than the mean of all departments, most hires first.",
        columns=(
            MetricColumn("id", "integer", "Number of the department."),
            MetricColumn("department", "string", "Name of the department."),
            MetricColumn("hired", "integer", "Hires of the department in the year."),
        ),
        figures=(
            MetricColumn("mean", "number", "Mean of the year's hires over all departments."),
            MetricColumn("departments", "integer", "How many departments there are, with hires or without."),
            MetricColumn("hires", "integer", "Hires of the year, all departments together."),
        ),
        needs=_HIRES,
        picture=Picture(
            stack=("hired",),
            unit="hire",
            panels=(Panel("Departments", ("id", "department"), ("department",), "department", most=40),),
            empty="No department hired more than the mean.",
            line="mean",
        ),
    ),
)


def metrics_of(dictionary: Dictionary) -> list[Metric]:
    """The metrics that can be told from a dictionary's tables."""
    return [metric for metric in METRICS if metric.fits(dictionary)]


def find_metric(dictionary: Dictionary, name: str) -> Metric:
    """The metric of that name. Raises NotFound, also when the dictionary lacks its tables."""
    known = {metric.name: metric for metric in metrics_of(dictionary)}
    if name not in known:
        names = ", ".join(known)
        hint = f"The metrics are {names}." if names else "The data dictionary in use has the tables of none."
        raise NotFound(f"There is no metric {name!r}.", hint=hint)
    return known[name]


def _types(dictionary: Dictionary, table: str) -> dict[str, str]:
    return {column.name: column.type.name for column in dictionary.table(table).columns}
