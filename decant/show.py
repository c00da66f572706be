"""What people see: tables that fit 80 columns, and sentences."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_STATES = {"succeeded": "green", "failed": "red", "refused": "red", "duplicate": "yellow", "running": "cyan"}
COUNTS = ("read", "inserted", "updated", "unchanged", "rejected")
ROWS_SHOWN = 12
# Below that many columns tables are no help.
_NARROW = 60
_MEGABYTE = 1024 * 1024


def grid(*columns: str, numbers: Iterable[str] = (), whole: Iterable[str] = ()) -> Table:
    """A table; columns of ``numbers`` stand on the right, and those that are ``whole`` are never broken."""
    right, kept = set(numbers), set(whole) | set(numbers)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(
            name, justify="right" if name in right else "left", no_wrap=name in kept, overflow="fold",
            header_style="dim",
        )  # fmt: skip
    return table


def put(console: Console, table: Table) -> None:
    """Print a table; where it is too narrow for one, each row as lines of its own."""
    if console.width >= _NARROW or not table.show_header:
        console.print(table)
        return
    for row in zip(*(column.cells for column in table.columns), strict=True):
        for column, value in zip(table.columns, row, strict=True):
            if str(value):
                console.print(Text.assemble((f"{column.header}: ", "dim"), value), soft_wrap=True)
        console.print()


def cell(value: Any) -> Text:
    """A value as it is: nothing in it is markup, and nothing tells the terminal what to do."""
    text = "" if value is None else str(value)
    return Text("".join(each if each.isprintable() else repr(each)[1:-1] for each in text))


def counted(number: int, what: str = "row") -> str:
    """A number of things, in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


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
    put(console, table)
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
    put(console, table)


def run(console: Console, found: Mapping[str, Any], reasons: Sequence[Mapping[str, Any]]) -> None:
    """Print all of a run, and why it rejected rows."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    source = found["source"] or {}
    facts: dict[str, Any] = {
        "run": found["id"],
        "what": f"{found['kind']} {found['table'] or ''}".strip(),
        "state": state(found["state"]),
        "phase": None if found["ended"] else found["phase"],
        "file": source.get("key"),
        **{name: f"{found[name]:,}" for name in COUNTS if found[name]},
        "started": moment(found["started"]),
        "took": None if found["seconds"] is None else f"{found['seconds']:.1f} s",
        "backups": ", ".join((found["result"] or {}).get("backups", [])),
        "note": found["note"],
        "error": (found["error"] or {}).get("detail"),
        "what to do": (found["error"] or {}).get("hint"),
    }
    for name, value in facts.items():
        if value:
            table.add_row(name, value if isinstance(value, Text) else cell(value))
    put(console, table)
    if reasons:
        console.print()
        told = grid("table", "column", "code", "rows", numbers=("rows",), whole=("table", "code"))
        for each in reasons:
            told.add_row(each["table"], cell(each["column"]), each["code"], f"{each['rows']:,}")
        put(console, told)
    if (found["result"] or {}).get("tables"):
        differences(console, found, would=found["kind"] == "drill" or bool(found["result"].get("dry_run")))


def rejections(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rejected rows: a line for each reason. Tables and lines are told where rows alone don't."""
    several = len({row["table"] for row in rows}) > 1
    lines = any(row["line"] not in (None, row["row"]) for row in rows)
    ahead: list[str] = [*(("table",) if several else ()), "row", *(("line",) if lines else ())]
    table = grid(*ahead, "code", "what is wrong", "value", numbers=("row", "line"), whole=("code",))
    for row in rows:
        place: list[Text | str] = [cell(row[name]) for name in ahead]
        for reason in row["reasons"]:
            style = "dim strike" if row.get("corrected_by") else ""
            wrong = Text.assemble((str(cell(reason["message"])), style))
            table.add_row(*place, reason["code"], wrong, cell(_brief(reason["value"])))
            place = [""] * len(place)
    put(console, table)


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
    console.print(Text.assemble((name, "bold"), f": {counted(report['read'])}{table}, ", verdict), soft_wrap=True)
    if bad:
        rejections(console, report["rejections"][:shown])
        if bad > shown:
            say(console, f"  … and {counted(bad - shown)} more; --all shows them.")
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
    put(console, table)


def differences(console: Console, found: Mapping[str, Any], *, would: bool = False) -> None:
    """Print what a restore or a drill changed in each table, or ``would`` change."""
    changes = ("inserted", "updated", "deleted", "unchanged")
    headings = ("insert", "update", "delete", "leave") if would else changes
    if would:
        say(console, "A restore would, of these rows:")
    table = grid("table", "saved", *headings, numbers=("saved", *headings), whole=("table",))
    for each in found["result"]["tables"]:
        counts = each.get("differences", each)
        table.add_row(each["table"], f"{each['rows']:,}", *(f"{counts.get(name, 0):,}" for name in changes))
    put(console, table)
    for each in found["result"]["tables"]:
        for note in each.get("notes", ()):
            say(console, f"{each['table']}: {note}")


def metric(console: Console, answer: Mapping[str, Any], shown: int | None = ROWS_SHOWN) -> None:
    """Print a metric, the first rows of it; None: all."""
    rows = answer["rows"]
    beside = {name: value for name, value in answer.items() if name not in ("metric", "year", "columns", "rows")}
    figures = "".join(f", {name} {value}" for name, value in beside.items())
    more = f", the first {shown} of {len(rows)} rows" if shown is not None and len(rows) > shown else ""
    numbers = [name for name in answer["columns"] if rows and isinstance(rows[0][name], int | float)]
    console.print(Text(f"{answer['metric']}, {answer['year']}{figures}{more}", "bold"), soft_wrap=True)
    table = grid(*answer["columns"], numbers=numbers)
    for row in rows[:shown]:
        table.add_row(*(cell(row[name]) for name in answer["columns"]))
    put(console, table)
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
        put(console, columns)


def rows(console: Console, columns: Sequence[str], listed: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of a table."""
    numbers = [name for name in columns if listed and isinstance(listed[0][name], int | float)]
    table = grid(*columns, numbers=numbers)
    for row in listed:
        table.add_row(*(cell(row[name]) for name in columns))
    put(console, table)


def moment(text: str | None) -> str | None:
    """A moment of the API as people read it."""
    return None if text is None else f"{text[:10]} {text[11:19]} UTC"


def size(number: int) -> str:
    """A size as people read it."""
    if number < 10 * 1024:
        return f"{number:,} B"
    return f"{number / 1024:,.0f} KB" if number < 10 * _MEGABYTE else f"{number / _MEGABYTE:,.0f} MB"


def _brief(value: str | None) -> str | None:
    return value if value is None or len(value) <= 24 else f"{value[:23]}…"
