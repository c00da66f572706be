"""The benchmark's arithmetic: ratios, verdicts, merging, the rule of the quick run, the written tables."""

from __future__ import annotations

import csv
import json
import statistics
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import fastexcel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import names, plot, report, results
from bench.data import Data
from bench.figures import Sample, Series, Works, ratio
from bench.goals import Goal, Peak, PeakGrowth, Ratio, Seconds, Verdict, goals
from bench.plan import FULL, QUICK
from bench.quick import LEFT_OUT, compare, figures_of
from bench.results import Part

ROOT = Path(__file__).parents[2]
WORK = "work"
seconds = st.floats(1e-4, 1e3)
rounds = st.lists(st.tuples(seconds, seconds), min_size=1, max_size=9)


def series(*values: float, peaks: tuple[float, ...] = ()) -> Series:
    return Series(values, peaks)


def part(works: Works, date: str = "2026-01-01") -> Part:
    return Part(date, "abc", 1.0, {"cores": "2"}, {"Python": "3.11"}, works, {"dlt": "absent"}, {})


def works(ours: float, theirs: float) -> Works:
    return {WORK: {names.OURS: series(ours), "peer": series(theirs)}}


class TestRatio:
    @given(rounds, st.floats(0.1, 10))
    def test_what_slows_whole_rounds_does_not_change_it(self, pairs: list[tuple[float, float]], slower: float) -> None:
        ours, theirs = zip(*pairs, strict=True)
        weights = [slower**number for number in range(len(pairs))]
        slowed = ratio(
            Series(tuple(a * w for a, w in zip(ours, weights, strict=True))),
            Series(tuple(b * w for b, w in zip(theirs, weights, strict=True))),
        )
        assert slowed == pytest.approx(ratio(Series(ours), Series(theirs)))

    def test_one_odd_round_does_not_change_it(self) -> None:
        assert ratio(series(1, 1, 90), series(2, 2, 2)) == 0.5

    def test_unequal_numbers_of_rounds_compare_by_their_medians(self) -> None:
        assert ratio(series(1, 2, 3), series(4)) == 0.5

    @given(st.lists(seconds, min_size=1))
    def test_a_series_tells_its_median_and_its_peak(self, values: list[float]) -> None:
        found = Series.of(Sample(value, value) for value in values)
        assert (found.median, found.peak) == (statistics.median(values), max(values))


class TestVerdict:
    def judge(self, value: float, goal: float = 2, limit: float | None = 3) -> Verdict:
        return Goal("", "", Ratio(WORK, ("peer",)), goal, limit).judge(works(value, 1))[1]

    @pytest.mark.parametrize(
        ("value", "verdict"),
        [(2, Verdict.REACHED), (2.01, Verdict.WITHIN), (3, Verdict.WITHIN), (3.01, Verdict.MISSED)],
    )
    def test_it_tells_goal_from_limit(self, value: float, verdict: Verdict) -> None:
        assert self.judge(value) is verdict

    def test_as_fast_as_allows_for_noise(self) -> None:
        assert self.judge(1.05, goal=1, limit=3) is Verdict.REACHED
        assert self.judge(1.2, goal=1, limit=3) is Verdict.WITHIN

    def test_without_a_limit_the_goal_is_missed(self) -> None:
        assert self.judge(100, limit=None) is Verdict.BEYOND

    def test_what_was_not_measured_is_open(self) -> None:
        assert Goal("", "", Ratio(WORK, ("absent",)), 1, 2).judge(works(1, 1)) == (None, Verdict.OPEN)

    def test_of_several_peers_the_fastest_counts(self) -> None:
        found = {WORK: {names.OURS: series(6), "slow": series(9), "fast": series(2)}}
        assert Ratio(WORK, ("slow", "fast", "absent")).value(found) == 3

    def test_memory_counts_by_its_peak(self) -> None:
        found = {"a": {names.OURS: series(1, 1, peaks=(100, 150))}, "b": {names.OURS: series(1, peaks=(300,))}}
        assert Peak("a").value(found) == 150
        assert PeakGrowth("b", than="a").value(found) == 2

    def test_times_by_themselves_have_a_unit(self) -> None:
        assert Seconds(WORK, scale=1000, unit="ms").value(works(0.5, 1)) == 500


def test_no_limit_is_stricter_than_its_goal() -> None:
    assert all(each.limit is None or each.goal <= each.limit for each in goals())


class TestResults:
    def test_a_file_gives_back_what_was_written(self, tmp_path: Path) -> None:
        file = tmp_path / "results.json"
        kept = {"load": part({WORK: {"a": series(1.5, 2, peaks=(3.5,)), "b": series(4)}})}
        results.write(file, kept)
        assert results.read(file) == kept
        assert json.loads(file.read_text())

    def test_there_are_none_before_the_first(self, tmp_path: Path) -> None:
        assert results.read(tmp_path / "results.json") == {}

    def test_a_part_that_is_measured_again_replaces_only_itself(self) -> None:
        kept = {"b": part(works(1, 1), "old"), "a": part(works(1, 1), "old")}
        merged = results.merge(kept, {"b": part(works(2, 2), "new")}, ("a", "b"))
        assert [(name, each.date) for name, each in merged.items()] == [("a", "old"), ("b", "new")]

    def test_a_part_that_is_gone_is_dropped(self) -> None:
        assert results.merge({"gone": part({})}, {}, ("a",)) == {}

    @pytest.mark.parametrize("name", ["results.json", "quick.json"])
    def test_what_is_recorded_can_be_read(self, name: str) -> None:
        results.read(ROOT / "bench" / name)


class TestQuick:
    FIGURES = (Goal("it", "", Ratio(WORK, ("peer",)), 1, 1), Goal("alone", "", Seconds(WORK), 1, 1))

    @pytest.mark.parametrize(("now", "regressed"), [(1, False), (2, False), (2.01, True)])
    def test_twice_the_recorded_ratio_is_still_no_gross_regression(self, now: float, regressed: bool) -> None:
        assert [each.regressed for each in compare(works(now, 1), works(1, 1), self.FIGURES)] == [regressed]

    def test_a_slower_machine_regresses_in_nothing(self) -> None:
        assert not any(each.regressed for each in compare(works(50, 50), works(1, 1), self.FIGURES))

    @pytest.mark.parametrize(("now", "recorded"), [({}, works(1, 1)), (works(9, 1), {})])
    def test_what_was_not_measured_regresses_in_nothing(self, now: Works, recorded: Works) -> None:
        assert not any(each.regressed for each in compare(now, recorded, self.FIGURES))

    def test_it_measures_less_of_the_same(self) -> None:
        assert {each.part for each in figures_of(QUICK)} == {each.part for each in goals()} - LEFT_OUT
        assert QUICK.big < FULL.big


class TestDocument:
    def test_only_what_stands_between_the_markers_changes(self) -> None:
        document = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
        written = report.rewrite(document, "new")
        assert written.startswith("before\n")
        assert written.endswith("\nafter\n")
        assert "new" in written
        assert "old" not in written
        assert report.rewrite(written, "new") == written

    def test_a_document_without_markers_is_refused(self) -> None:
        with pytest.raises(ValueError, match="markers"):
            report.rewrite("nothing here", "new")

    def test_the_document_has_them(self) -> None:
        report.rewrite((ROOT / "docs" / "benchmarks.md").read_text(), "")

    def test_the_document_names_every_part(self) -> None:
        told = (ROOT / "docs" / "benchmarks.md").read_text()
        assert [each.part for each in goals() if f"| `{each.part}` |" not in told] == []

    def test_a_missed_limit_stands_out(self) -> None:
        table = report.goals_table([Goal("it", "", Ratio(WORK, ("peer",)), 1, 2)], works(5, 1))
        assert "**limit missed**" in table
        assert "5.00 ×" in table

    def test_every_line_of_a_table_has_all_its_cells(self) -> None:
        told = report.tables({"load": part(works(1, 2))}, goals(), "plot.svg")
        tables = [block.splitlines() for block in told.split("\n\n") if block.startswith("|")]
        assert len(tables) == 3
        assert all(len({line.count("|") for line in table}) == 1 for table in tables)

    @pytest.mark.parametrize(
        ("value", "unit", "told"),
        [
            (None, "×", "–"),
            (0.25, "×", "0.25 × (4.0 times as fast)"),
            (1.3, "×", "1.30 ×"),
            (312.4, "MB", "312 MB"),
            (2.345, "ms", "2.35 ms"),
        ],
    )
    def test_figures_are_written_as_people_say_them(self, value: float | None, unit: str, told: str) -> None:
        assert report.figure(value, unit) == told


class TestPlot:
    def test_it_is_a_picture_of_every_work_that_has_a_peer(self) -> None:
        drawn = ElementTree.fromstring(plot.draw({**works(1, 2), "alone": {names.OURS: series(1)}}))
        texts = [each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
        assert WORK in texts
        assert "alone" not in texts

    def test_bars_are_as_long_as_their_medians(self) -> None:
        drawn = ElementTree.fromstring(plot.draw(works(1, 2)))
        ground, ours, theirs = (float(each.attrib["width"]) for each in drawn.iter("{http://www.w3.org/2000/svg}rect"))
        assert theirs == pytest.approx(2 * ours, rel=0.01)
        assert theirs < ground


def test_a_generated_workbook_has_the_rows_of_its_csv_file(tmp_path: Path) -> None:
    data = Data(tmp_path)
    sheet = fastexcel.read_excel(str(data.workbook(300))).load_sheet(0, header_row=None, dtypes="string")
    rows = [[str(cell) for cell in row.values()] for row in sheet.to_arrow().to_pylist()]
    with data.clean(300).open(encoding="utf-8", newline="") as file:
        assert rows == list(csv.reader(file))
