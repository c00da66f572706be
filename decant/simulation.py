"""A day of a team: files, corrections, a batch, a backup, an accident, a restore; each held against what is due.

The rows are made up from the data dictionary, with keys of their own. At the end of the day all is as it was.
"""

import csv
import datetime as dt
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from chalicelib.dictionary.model import Dictionary, Table
from decant.checking import check_files
from decant.client import Client, Run, done
from decant.failures import CommandError
from decant.following import Watch, follow
from decant.made_up import BadRow, MadeUp, Row, as_json, overwritten, text_of
from decant.sending import send

_ROWS = 40
_FIRST_KEY, _LAST_KEY = 1_000_000_000, 2_000_000_000
Tell = Callable[[str], None]


@dataclass
class Day:
    """One simulated day on the stack behind ``client``. ``tell`` is told what is done, and what came of it."""

    client: Client
    dictionary: Dictionary
    tell: Tell
    bars: Watch
    rows: int = _ROWS
    checks: list[dict[str, Any]] = field(default_factory=list)
    took: float = 0.0

    @property
    def good(self) -> bool:
        """Whether all was as it should be."""
        return all(check["good"] for check in self.checks)

    def play(self, *, keep: bool) -> None:
        """Play the day; ``keep``: leave the made-up rows in the tables. Raises CommandError when it can't go on."""
        begun = time.monotonic()
        made = MadeUp(self.dictionary, random.SystemRandom().randint(_FIRST_KEY, _LAST_KEY))
        self._chapter("07:30", "The operator looks whether all is well, and backs up what is there.")
        self._expect("parts that are down", 0, sum(state != "ok" for state in self.client.ask("/health").values()))
        before = self._counts()
        morning = done(self.client.order("/backups"))["result"]["snapshot"]
        self.tell(f"{sum(before.values()):,} rows in {len(before)} tables; snapshot {morning}")
        try:
            self._work(made)
        finally:
            if not keep:
                self._chapter("18:00", "The simulation takes its rows away: all tables as in the morning.")
                self._restore(morning)
                self._expect("rows more than in the morning", 0, sum(self._counts().values()) - sum(before.values()))
                # Else the newest backups, which a restore takes, would have the made-up rows.
                done(self.client.order("/backups"))
        self.took = time.monotonic() - begun

    def _work(self, made: MadeUp) -> None:
        bad = self._files(made)
        self._corrections(made, bad)
        self._batch(made)
        self._chapter("13:00", "The operator backs all tables up, and reads the backups back.")
        saved = done(self.client.order("/backups"))["result"]
        for each in saved["backups"]:
            run = self.client.order(f"/backups/{each}/verify")
            self._expect(f"backup of {run['table']}", "succeeded", run["state"])
        metrics = self._metrics()
        if self._accident(made):
            self._rescue(saved["snapshot"])
            self._expect("metrics that differ from those at noon", 0, _differing(metrics, self._metrics()))

    def _files(self, made: MadeUp) -> dict[str, tuple[str, list[BadRow]]]:
        """Load a file for each table, parents first; give the runs that rejected rows, with the bad rows, by table."""
        self._chapter("09:00", "People drop a file for each table; some rows are bad.")
        bad: dict[str, list[BadRow]] = {}
        with tempfile.TemporaryDirectory(prefix="decant-simulation-") as folder:
            files = {}
            for table in self.dictionary.tables:
                good = made.good(table, self.rows)
                bad[table.name] = made.bad(table)
                path = Path(folder) / f"{table.name}-monday.csv"
                _write(path, table, [*good, *(each.row for each in bad[table.name])])
                files[table.name] = path
            reports = {each.table: each.told() for each in check_files(self.dictionary, files.values(), empty=True)}
            with self.bars:
                sent = {name: send(self.client, path, self.bars, name, {"table": name}) for name, path in files.items()}
                runs = follow(self.client, sent, self.bars.show)
        for table in self.dictionary.tables:
            run = runs[table.name]
            self.tell(f"{table.name}: {run['read']} read, {run['inserted']} inserted, {run['rejected']} rejected")
            self._expect(f"rows inserted into {table.name}", self.rows, run["inserted"])
            found = self._rejections(run)
            expected = [_reasons(row) for row in reports[table.name]["rejections"]]
            self._expect(f"what `decant check` told of {table.name}", expected, [_reasons(row) for row in found])
            for row in found[:1]:
                self.tell(f"  such as row {row['row']}: {row['reasons'][0]['message']}")
        return {name: (runs[name]["id"], rows) for name, rows in bad.items() if rows}

    def _corrections(self, made: MadeUp, bad: dict[str, tuple[str, list[BadRow]]]) -> None:
        self._chapter("10:30", "They correct the bad rows, and send them again.")
        for table in self.dictionary.tables:
            if table.name not in bad:
                continue
            run, rows = bad[table.name]
            corrected = made.good(table, len(rows))
            body = [{**as_json(row), "row": self.rows + number} for number, row in enumerate(corrected, start=1)]
            answer = self.client.ask(f"/runs/{run}/replay", "POST", body)
            self.tell(f"{table.name}: {answer['inserted']} of {len(rows)} corrected rows went in")
            self._expect(f"corrected rows of {table.name}", len(rows), answer["inserted"])
            left = [row for row in self._rejections({"id": run}) if row["corrected_by"] is None]
            self._expect(f"rows of {table.name} that wait to be corrected", 0, len(left))

    def _batch(self, made: MadeUp) -> None:
        self._chapter("11:15", "A program posts a batch, some of it bad, and once more, for its answer was lost.")
        table = self.dictionary.tables[-1]
        good, bad = made.good(table, 5), [each for each in made.bad(table) if each.code != "primary-key"]
        body = [as_json(row) for row in (*good, *(each.row for each in bad))]
        key = {"Idempotency-Key": f"simulation-{uuid4().hex}"}
        first, second = (self.client.ask(f"/tables/{table.name}/rows", "POST", body, key) for _ in range(2))
        self.tell(f"{table.name}: {first['inserted']} of {len(body)} rows went in, {first['rejected']} were rejected")
        self._expect("rows of the batch that went in", len(good), first["inserted"])
        codes = sorted({(each.column, each.code) for each in bad})
        told = sorted({(each["column"], each["code"]) for each in first["rejections"]})
        self._expect("reasons of the batch", [list(each) for each in codes], [list(each) for each in told])
        self._expect("the second answer, which is the first", first, second)

    def _accident(self, made: MadeUp) -> bool:
        """Overwrite good rows; tell whether there was something to overwrite."""
        for table in self.dictionary.tables:
            rows = overwritten(table, made.made[table.name][: self.rows])
            if rows is not None:
                self._chapter("14:20", f"An accident: somebody overwrites {len(rows)} rows of {table.name} with #REF!")
                body = [as_json(row) for row in rows]
                answer = self.client.ask(f"/tables/{table.name}/rows", "POST", body, on_conflict="update")
                self.tell(f"{table.name}: {answer['updated']} rows are overwritten")
                self._expect("rows overwritten", len(rows), answer["updated"])
                self._lost = len(rows)
                return True
        return False

    def _rescue(self, snapshot: str) -> None:
        self._chapter("14:40", "The operator asks what a restore would change, and restores.")
        planned = self._restore(snapshot, dry_run=True)
        self.tell(f"It would update {planned} rows")
        self._expect("rows that a restore would change", self._lost, planned)
        self._restore(snapshot)
        self._expect("rows that differ from the backup then", 0, self._restore(snapshot, dry_run=True))

    def _restore(self, snapshot: str, *, dry_run: bool = False) -> int:
        """Restore a snapshot; give how many rows that changes."""
        run = done(self.client.order("/restores", {"snapshot": snapshot, "dry_run": dry_run}))
        changes = run["result"]["tables"]
        return sum(each[name] for each in changes for name in ("inserted", "updated", "deleted"))

    def _metrics(self) -> dict[str, Any]:
        year = dt.datetime.now(dt.UTC).year
        names = [each["name"] for each in self.client.ask("/metrics")["metrics"]]
        return {name: self.client.ask(f"/metrics/{name}", year=year) for name in names}

    def _rejections(self, run: Run) -> list[dict[str, Any]]:
        return list(self.client.pages(f"/runs/{run['id']}/rejections", "rejections"))

    def _counts(self) -> dict[str, int]:
        return {table["name"]: table["rows"] for table in self.client.ask("/tables")["tables"]}

    def _chapter(self, clock: str, text: str) -> None:
        self.tell(f"\n{clock}  {text}")

    def _expect(self, what: str, expected: Any, found: Any) -> None:
        good = expected == found
        self.checks.append({"what": what, "expected": expected, "found": found, "good": good})
        if not good:
            self.tell(f"  ✗ {what}: {_brief(expected)} is due, and found is {_brief(found)}")


def refuse_another_dictionary(client: Client, dictionary: Dictionary) -> None:
    """Raise CommandError when the stack has other tables than those the rows would be made up for."""
    if client.ask("/tables")["dictionary"] != dictionary.digest:
        raise CommandError(
            "The stack has another data dictionary than this checkout, so nobody can make up rows for it.",
            hint="Bring it up from here (decant up), or simulate from its own checkout.",
        )


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _differing(before: dict[str, Any], after: dict[str, Any]) -> int:
    return sum(before[name] != after[name] for name in before)


def _reasons(row: dict[str, Any]) -> list[Any]:
    return [row["row"], *([each["column"], each["code"], each["message"]] for each in row["reasons"])]


def _write(path: Path, table: Table, rows: list[Row]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.column_names)
        writer.writerows([text_of(row[name]) for name in table.column_names] for row in rows)
