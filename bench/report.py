"""The tables of docs/benchmarks.md, written between two markers; the prose around them stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench import names
from bench.figures import Series, Works, ratio
from bench.goals import Goal, Verdict
from bench.results import Part, all_works

BEGIN = "<!-- measured: begin; written by make bench -->"
END = "<!-- measured: end -->"


def rewrite(document: str, measured: str) -> str:
    """Give the document with this between its markers. Raises ValueError when it lacks them."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The document lacks the markers {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{measured.strip()}\n\n{END}{after}"


def tables(results: Mapping[str, Part], goals: Sequence[Goal], plot: str) -> str:
    """Write all tables; `plot` is the address of the picture."""
    works = all_works(results)
    return "\n\n".join(
        [
            "### Goals",
            goals_table(goals, works),
            f"![Seconds of each contestant, by piece of work]({plot})",
            "### All contestants",
            contestants_table(works),
            "### Measured when, on what",
            parts_table(results),
            *_remarks(results),
        ]
    )


def goals_table(goals: Sequence[Goal], works: Works) -> str:
    """Tell goal, limit, measured figure and verdict, one line for each goal."""
    lines = []
    for each in goals:
        value, verdict = each.judge(works)
        unit = each.figure.unit
        told = verdict if verdict is not Verdict.MISSED else f"**{verdict}**"
        lines.append((each.title, figure(each.goal, unit), figure(each.limit, unit), figure(value, unit), told))
    return _table(("work", "goal", "never worse than", "measured", ""), lines)


def contestants_table(works: Works) -> str:
    """Tell every series: median, least, most, rounds, peak memory, and its time in terms of ours."""
    heads = ("work", "who", "median", "min to max", "rounds", "peak memory", "its time in terms of ours")
    return _table(heads, [line for work, found in works.items() for line in _contestants(work, found)])


def parts_table(results: Mapping[str, Part]) -> str:
    """Tell when, of which commit and on what each part was measured, and what was absent."""
    heads = ("part", "date", "commit", "lasted", "machine", "skipped")
    lines = []
    for name, part in results.items():
        machine = ", ".join(part.machine.values())
        skipped = "; ".join(f"{peer} ({reason})" for peer, reason in part.skipped.items()) or "–"
        lines.append((name, part.date, part.commit, f"{part.took:.0f} s", machine, skipped))
    return _table(heads, lines)


def figure(value: float | None, unit: str) -> str:
    """Write a figure as people say it; a ratio below a half as so many times as fast."""
    if value is None:
        return "–"
    if unit == "×":
        return f"{value:.2f} ×" if value >= 0.5 or value <= 0 else f"{value:.2f} × ({1 / value:.1f} times as fast)"
    return f"{value:.0f} {unit}" if value >= 20 else f"{value:.2f} {unit}"


def seconds(value: float) -> str:
    """Write a time in the unit that suits it."""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


def _contestants(work: str, found: Mapping[str, Series]) -> Iterator[tuple[str, ...]]:
    ours = found.get(names.OURS)
    for name, series in found.items():
        compared = f"{1 / ratio(ours, series):.2f} ×" if ours and name != names.OURS else "–"
        peak = f"{series.peak:.0f} MB" if series.peak else "–"
        spread = f"{seconds(min(series.seconds))} to {seconds(max(series.seconds))}"
        yield work, name, seconds(series.median), spread, str(len(series.seconds)), peak, compared


def _remarks(results: Mapping[str, Part]) -> Iterator[str]:
    found: dict[str, str] = {}
    for part in results.values():
        found |= part.versions
    if found:
        yield "Versions: " + ", ".join(f"{name} {version}" for name, version in found.items()) + "."
    yield from (f"{name}: {note}" for part in results.values() for name, note in part.notes.items())


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
