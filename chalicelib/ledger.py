"""The ledger in Postgres: what became of each run, written in the transaction that wrote its rows."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from chalicelib.dictionary.names import quote_all
from chalicelib.ports import Counts, Run, RunKind, RunState, Source, Transaction

_COUNTS = tuple(each.name for each in fields(Counts))
# The columns of an entry that is read: what a file was made of, and how it was to be loaded, is only asked for.
_READ = (
    *("id", "kind", "table_name", "state", "dictionary", "started", "ended", "note", "error", "result"),
    *("bucket", "key", "version", "etag", "object_order"),
    *_COUNTS,
)
_SELECT = f"SELECT {quote_all(_READ)} FROM decant.runs"


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object in the intake bucket.

    ``order`` sorts the versions of one key by age. It is empty, which sorts first, when no event told it: a replay of
    a version, whenever it was made, is no newer version.
    """

    bucket: str
    key: str
    version: str | None
    etag: str
    order: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One run that has come to its end. ``content`` is the digest of a file whose rows stand by this run.

    ``ended`` is None until the ledger has it.
    """

    id: str
    kind: RunKind
    table: str | None
    state: RunState
    dictionary: str
    counts: Counts
    started: dt.datetime
    source: ObjectVersion | None = None
    content: str | None = None
    on_conflict: str | None = None
    note: str | None = None
    error: Mapping[str, Any] | None = field(default=None)
    result: Mapping[str, Any] | None = field(default=None)
    ended: dt.datetime | None = None

    def to_run(self) -> Run:
        """The run as callers see it."""
        source = self.source
        return Run(
            id=self.id,
            kind=self.kind,
            table=self.table,
            state=self.state,
            dictionary=self.dictionary,
            phase="done",
            progress=self.counts.read,
            source=None if source is None else Source(source.bucket, source.key, source.version),
            counts=self.counts,
            created=self.started,
            started=self.started,
            ended=self.ended,
            note=self.note,
            error=self.error,
            result=self.result,
        )


def record(transaction: Transaction, entry: LedgerEntry) -> None:
    """Write the entry. A second one of the same id, or the same standing content, is an IntegrityViolation."""
    row = _row(entry)
    values = ", ".join(f":{name}" for name in row)
    transaction.run_prepared(f"INSERT INTO decant.runs ({quote_all([*row])}) VALUES ({values})", **row)


def recorded(transaction: Transaction, run: str) -> LedgerEntry | None:
    """What the ledger has of a run that has come to its end; None while it has not."""
    rows = transaction.run(f"{_SELECT} WHERE id = :id", id=run)
    return _entry(rows[0]) if rows else None


def forget_failure(transaction: Transaction, run: str) -> None:
    """Forget that a run failed, as it is taken up again. It has written nothing; one that did is left as it is."""
    transaction.run("DELETE FROM decant.runs WHERE id = :id AND state = :failed", id=run, failed=RunState.FAILED.value)


def recorded_since(transaction: Transaction, moment: dt.datetime, *, after: str, limit: int = 500) -> list[LedgerEntry]:
    """The runs that ended since a moment, by id, from behind the run ``after``."""
    rows = transaction.run(
        f"{_SELECT} WHERE id > :after AND ended >= :moment ORDER BY id LIMIT {limit:d}",
        after=after,
        moment=moment,
    )
    return [_entry(row) for row in rows]


def _row(entry: LedgerEntry) -> dict[str, Any]:
    """What is written of an entry, by column. When it ended the server tells."""
    source = entry.source
    return {
        "id": entry.id,
        "kind": entry.kind.value,
        "table_name": entry.table,
        "state": entry.state.value,
        "bucket": source.bucket if source else None,
        "key": source.key if source else None,
        "version": source.version if source else None,
        "etag": source.etag if source else None,
        "object_order": source.order if source else None,
        "sha256": entry.content,
        "on_conflict": entry.on_conflict,
        "content_stands": entry.content is not None and entry.state is RunState.SUCCEEDED,
        "dictionary": entry.dictionary,
        **asdict(entry.counts),
        "note": entry.note,
        "error": None if entry.error is None else json.dumps(entry.error),
        "result": None if entry.result is None else json.dumps(entry.result),
        "started": entry.started,
    }


def _entry(columns: Sequence[Any]) -> LedgerEntry:
    """The entry that the columns ``_READ`` tell."""
    row = dict(zip(_READ, columns, strict=True))
    source = None
    if row["bucket"] is not None:
        source = ObjectVersion(row["bucket"], row["key"], row["version"], row["etag"], row["object_order"])
    return LedgerEntry(
        id=row["id"],
        kind=RunKind(row["kind"]),
        table=row["table_name"],
        state=RunState(row["state"]),
        dictionary=row["dictionary"],
        counts=Counts(**{name: row[name] for name in _COUNTS}),
        started=row["started"],
        source=source,
        note=row["note"],
        error=row["error"],
        result=row["result"],
        ended=row["ended"],
    )


def standing_content(transaction: Transaction, table: str, content: str, on_conflict: str) -> str | None:
    """The run by which the same content stands in the table, if there is one."""
    rows = transaction.run(
        """SELECT id FROM decant.runs
        WHERE table_name = :table AND sha256 = :content AND on_conflict = :on_conflict AND content_stands""",
        table=table,
        content=content,
        on_conflict=on_conflict,
    )
    return rows[0][0] if rows else None


def forget_content(transaction: Transaction, table: str, content: str, on_conflict: str) -> None:
    """Let the same content be loaded again, as a replay wants it."""
    transaction.run(
        """UPDATE decant.runs SET content_stands = false
        WHERE table_name = :table AND sha256 = :content AND on_conflict = :on_conflict AND content_stands""",
        table=table,
        content=content,
        on_conflict=on_conflict,
    )


def forget_contents(transaction: Transaction, table: str) -> None:
    """Let whatever was loaded into the table be loaded again, as rows of it may be gone."""
    transaction.run(
        "UPDATE decant.runs SET content_stands = false WHERE table_name = :table AND content_stands", table=table
    )


def newer_load(transaction: Transaction, source: ObjectVersion) -> str | None:
    """The run that loaded a newer version of the same object, if there is one."""
    rows = transaction.run(
        """SELECT id FROM decant.runs
        WHERE bucket = :bucket AND key = :key AND object_order > :object_order AND state = 'succeeded'
        ORDER BY object_order DESC LIMIT 1""",
        bucket=source.bucket,
        key=source.key,
        object_order=source.order,
    )
    return rows[0][0] if rows else None


def settled_objects(transaction: Transaction, bucket: str, keys: Sequence[str]) -> set[tuple[str, str]]:
    """Which of these objects, as (key, etag), some run has brought to its end."""
    rows = transaction.run(
        "SELECT key, etag FROM decant.runs WHERE bucket = :bucket AND key = ANY(CAST(:keys AS text[]))",
        bucket=bucket,
        keys=list(keys),
    )
    return {(key, etag) for key, etag in rows}
