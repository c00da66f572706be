"""The geometry of the console's charts, run by node where there is one."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

CHART = Path(__file__).parents[2] / "chalicelib" / "console" / "source" / "chart.js"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node here; browsers run the module in the browser tests")

_rows = st.lists(
    st.fixed_dictionaries(
        {
            "label": st.text("abc ", min_size=1, max_size=60),
            "values": st.lists(st.integers(0, 10_000), min_size=4, max_size=4),
        }
    ),
    max_size=30,
)
_charts = st.fixed_dictionaries(
    {"rows": _rows, "width": st.integers(280, 1600), "line": st.none() | st.floats(0, 20_000)}
)


def called(function: str, *inputs: list[Any]) -> list[Any]:
    """What a function of the module gives for each list of arguments; node takes longer to start than to work."""
    work = f"console.log(JSON.stringify({json.dumps(inputs)}.map((given) => {function}(...given))));"
    command = [str(NODE), "--input-type=module", "--eval", f"{CHART.read_text()}\n{work}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    results: list[Any] = json.loads(told.stdout)
    return results


@settings(max_examples=4, deadline=None)
@given(st.lists(_charts, min_size=8, max_size=12))
def test_bars_are_as_long_as_what_they_tell_and_stay_in_the_picture(given_charts: list[dict[str, Any]]) -> None:
    for given_chart, chart in zip(given_charts, called("barChart", *([each] for each in given_charts)), strict=True):
        rows, line, bars = given_chart["rows"], given_chart["line"], chart["bars"]
        most = max([1.0, line or 0, *(sum(row["values"]) for row in rows)])
        unit = (chart["right"] - chart["left"]) / most
        for row, bar in zip(rows, bars, strict=True):
            assert bar["total"] == sum(row["values"])
            assert [each["width"] for each in bar["segments"]] == pytest.approx([each * unit for each in row["values"]])
            ends = [chart["left"], *(each["x"] + each["width"] for each in bar["segments"])]
            assert [each["x"] for each in bar["segments"]] == pytest.approx(ends[:-1])
            assert ends[-1] <= chart["right"] + 1e-6 <= given_chart["width"]
            assert bar["y"] + bar["height"] <= chart["bottom"] < chart["height"]
        assert all(one["y"] + one["height"] < other["y"] for one, other in pairwise(bars))
        assert chart["line"] == (None if line is None else pytest.approx(chart["left"] + line * unit))


def test_an_axis_has_round_whole_numbers() -> None:
    assert called("ticks", [0], [1], [5], [267], [1_000_000]) == [
        [0],
        [0, 1],
        [0, 1, 2, 3, 4, 5],
        [0, 100, 200],
        [0, 200_000, 400_000, 600_000, 800_000, 1_000_000],
    ]


def test_rows_that_agree_are_added_up_in_the_order_they_come() -> None:
    rows = [{"a": "x", "q": 1, "r": 2}, {"a": "y", "q": 5, "r": 0}, {"a": "x", "q": 3, "r": 4}]
    [groups] = called("grouped", [rows, "a", ["q", "r"]])
    assert [(each["label"], each["values"], len(each["rows"])) for each in groups] == [
        ("x", [4, 6], 2),
        ("y", [5, 0], 1),
    ]


def test_a_name_that_is_too_long_is_shortened() -> None:
    [chart] = called("barChart", [{"rows": [{"label": "x" * 200, "values": [1]}], "width": 400}])
    [bar] = chart["bars"]
    assert bar["shown"].endswith("…")
    assert len(bar["shown"]) * 8 <= 400
