"""What people see: tables that fit 80 columns, and sentences."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_STATES = {"succeeded": "green", "failed": "red", "refused": "red", "duplicate": "yellow", "running": "cyan"}
_COUNTS = ("read", "inserted", "updated", "unchanged", "rejected")
ROWS_SHOWN = 12
_MEGABYTE = 1024 * 1024


def grid(*columns: str, title: str | None = None, numbers: Iterable[str] = (), whole: Iterable[str] = ()) -> Table:
    """A table; columns of ``numbers`` stand on the right, and those that are ``whole`` are never broken."""
    right, kept = set(numbers), set(whole) | set(numbers)
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(
            name, justify="right" if name in right else "left", no_wrap=name in kept, overflow="fold",
            header_style="dim",
        )  # fmt: skip
    return table


def cell(value: Any) -> Text:
    """A value as it is: nothing in it is markup, and nothing tells the terminal what to do."""
    text = "" if value is None else str(value)
    return Text("".join(each if each.isprintable() else repr(each)[1:-1] for each in text))


def state(name: str) -> Text:
    """A state, in its colour."""
    return Text(name, _STATES.get(name, ""))


def say(console: Console, text: str) -> None:
    """Print a sentence as it is."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def loads(console: Console, runs: Mapping[str, Mapping[str, Any]]) -> None:
    """Print what became of files, by name: what was read, inserted and rejected, and what else there is to tell."""
    seldom = [name for name in ("updated", "unchanged") if any(run[name] for run in runs.values())]
    counts = ["read", "inserted", *seldom, "rejected"]
    table = grid("file", "run", *counts, numbers=counts)
    for name, run in runs.items():
        table.add_row(cell(name), state(run["state"]), *(f"{run[each]:,}" for each in counts))
    console.print(table)
    for name, run in runs.items():
        if told := told_of(run):
            say(console, f"{name}: {told}")


def told_of(run: Mapping[str, Any]) -> str:
    """What a run tells in words: its note, its error and what to do."""
    error = run.get("error") or {}
    return " ".join(filter(None, (run.get("note"), error.get("detail"), error.get("hint"))))


def runs(console: Console, listed: Sequence[Mapping[str, Any]]) -> None:
    """Print a list of runs."""
    if not listed:
        say(console, "There are no runs yet. Load a file: decant load FILE")
        return
    table = grid("run", "what", "state", "read", "rejected", numbers=("read", "rejected"), whole=("run", "state"))
    for run in listed:
        what = f"{run['kind']} {run['table'] or ''}".strip()
        counts = (f"{run[each]:,}" if run["read"] else "" for each in ("read", "rejected"))
        table.add_row(run["id"], what, state(run["state"]), *counts)
    console.print(table)


def run(console: Console, found: Mapping[str, Any]) -> None:
    """Print all of a run."""
    table = grid("", "", whole=("",))
    table.show_header = False
    source = found["source"] or {}
    facts: dict[str, Any] = {
        "run": found["id"],
        "what": f"{found['kind']} {found['table'] or ''}".strip(),
        "state": state(found["state"]),
        "phase": None if found["ended"] else found["phase"],
        "file": source.get("key"),
        **{name: f"{found[name]:,}" for name in _COUNTS if found["read"]},
        "started": moment(found["started"]),
        "took": None if found["seconds"] is None else f"{found['seconds']:.1f} s",
        "backups": ", ".join((found["result"] or {}).get("backups", [])),
        "note": found["note"],
        "error": (found["error"] or {}).get("detail"),
        "what to do": (found["error"] or {}).get("hint"),
    }
    for name, value in facts.items():
        if value:
            table.add_row(Text(name, "dim"), value if isinstance(value, Text) else cell(value))
    console.print(table)
    if changes := (found["result"] or {}).get("tables"):
        differences(console, found)
        del changes


def rejections(console: Console, rows: Sequence[Mapping[str, Any]], *, several: bool = False) -> None:
    """Print rejected rows: a line for each reason. ``several``: of several tables, which are named then."""
    ahead = ("table",) if several else ()
    table = grid(*ahead, "row", "line", "code", "what is wrong", "value", numbers=("row", "line"), whole=("code",))
    for row in rows:
        place = [*((cell(row["table"]),) if several else ()), str(row["row"]), cell(row["line"])]
        for reason in row["reasons"]:
            style = "dim strike" if row.get("corrected_by") else ""
            wrong = Text.assemble((str(cell(reason["message"])), style))
            table.add_row(*place, reason["code"], wrong, cell(_brief(reason["value"])))
            place = [""] * len(place)
    console.print(table)


def check(console: Console, report: Mapping[str, Any], shown: int) -> None:
    """Print what a check found in a file, as many as ``shown`` bad rows of it."""
    name = report["file"].rpartition("/")[2]
    if report["error"] and not report["read"]:
        console.print(Text.assemble((f"{name}: ", "bold"), ("can't be loaded. ", "red")), soft_wrap=True)
        say(console, f"  {report['error']['detail']}\n  → {report['error']['hint']}")
        return
    bad = report["rejected"]
    verdict = (f"{bad:,} bad", "red") if bad else ("all good", "green")
    table = f" for {report['table']}"
    console.print(Text.assemble((name, "bold"), f": {report['read']:,} rows{table}, ", verdict), soft_wrap=True)
    if bad:
        rejections(console, report["rejections"][:shown])
        if bad > shown:
            say(console, f"  … and {bad - shown:,} more rows; --all shows them.")
    if report["error"]:
        say(console, f"  {report['error']['detail']} {report['error']['hint']}")


def backups(console: Console, listed: Sequence[Mapping[str, Any]]) -> None:
    """Print a list of backups."""
    if not listed:
        say(console, "There are no backups yet. Make one of all tables: decant backup")
        return
    table = grid("backup", "table", "rows", "size", "checked", numbers=("rows", "size"), whole=("backup",))
    for each in listed:
        checked = "pinned" if each["pinned"] else "yes" if each["verified"] else "no"
        table.add_row(each["id"], each["table"], f"{each['rows']:,}", size(each["bytes"]), checked)
    console.print(table)


def differences(console: Console, found: Mapping[str, Any], *, would: bool = False) -> None:
    """Print what a restore or a drill changed in each table, or ``would`` change."""
    changes = ("inserted", "updated", "deleted", "unchanged")
    headings = ("would insert", "would update", "would delete", "unchanged") if would else changes
    table = grid("table", "in the backup", *headings, numbers=("in the backup", *headings))
    for each in found["result"]["tables"]:
        counts = each.get("differences", each)
        table.add_row(each["table"], f"{each['rows']:,}", *(f"{counts.get(name, 0):,}" for name in changes))
    console.print(table)


def metric(console: Console, answer: Mapping[str, Any], shown: int | None = ROWS_SHOWN) -> None:
    """Print a metric, the first rows of it; None: all."""
    rows = answer["rows"]
    beside = {name: value for name, value in answer.items() if name not in ("metric", "year", "columns", "rows")}
    figures = "".join(f", {name} {value}" for name, value in beside.items())
    more = f", the first {shown} of {len(rows)} rows" if shown is not None and len(rows) > shown else ""
    numbers = [name for name in answer["columns"] if rows and isinstance(rows[0][name], int | float)]
    table = grid(*answer["columns"], title=f"{answer['metric']}, {answer['year']}{figures}{more}", numbers=numbers)
    for row in rows[:shown]:
        table.add_row(*(cell(row[name]) for name in answer["columns"]))
    console.print(table)
    if not rows:
        say(console, "  No rows in this year.")


def tables(console: Console, listed: Sequence[Mapping[str, Any]]) -> None:
    """Print the tables with their columns."""
    for each in listed:
        key = ", ".join(each["primary_key"])
        console.print(Text.assemble((each["name"], "bold"), f"  {each['rows']:,} rows, key {key}"), soft_wrap=True)
        refers = {name: k["table"] for k in each["foreign_keys"] for name in k["columns"]}
        columns = grid("column", "type", "", "")
        columns.show_header = False
        for column in each["columns"]:
            required = "required" if column["required"] else "optional"
            to = f"→ {refers[column['name']]}" if column["name"] in refers else ""
            columns.add_row(f"  {column['name']}", column["type"], required, to)
        console.print(columns)


def rows(console: Console, columns: Sequence[str], listed: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of a table."""
    numbers = [name for name in columns if listed and isinstance(listed[0][name], int | float)]
    table = grid(*columns, numbers=numbers)
    for row in listed:
        table.add_row(*(cell(row[name]) for name in columns))
    console.print(table)


def moment(text: str | None) -> str | None:
    """A moment of the API as people read it."""
    return None if text is None else f"{text[:10]} {text[11:19]} UTC"


def size(number: int) -> str:
    """A size as people read it."""
    if number < 10 * 1024:
        return f"{number:,} B"
    return f"{number / 1024:,.0f} KB" if number < 10 * _MEGABYTE else f"{number / _MEGABYTE:,.0f} MB"


def _brief(value: str | None) -> str | None:
    return value if value is None or len(value) <= 40 else f"{value[:39]}…"
