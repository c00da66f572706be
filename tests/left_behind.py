"""What work may never leave in the database, however it ended: one list, for the tests that break something.

It is told by plain SQL and shares nothing with the product but the names of tables and schemas.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from tests.conftest import TestDatabase
from tests.plain_metrics import DIFFERENCES

Schema = set[tuple[Any, ...]]

# What a load takes off for a while, or makes: keys, indexes, triggers, and relations of any kind.
_SCHEMA = """
SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) || convalidated
FROM pg_constraint WHERE connamespace IN ('public'::regnamespace, 'decant'::regnamespace)
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname::text, tgenabled::text
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'index', indrelid::regclass::text, indexrelid::regclass::text,
    concat_ws(', ', pg_get_indexdef(indexrelid), indisvalid, indisready)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE relnamespace IN ('public'::regnamespace, 'decant'::regnamespace)
UNION ALL SELECT 'relation', relname::text, relkind::text || CASE relpersistence WHEN 'u' THEN ', unlogged' ELSE '' END,
    relnamespace::regnamespace::text
FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'decant'::regnamespace)
"""
# Each finds no row when all is well; its rows are shown. What a constraint of the ledger holds is not asked for again.
_NONE_OF = {
    "decant.splits still has": "SELECT DISTINCT run FROM decant.splits",
    "decant.parts still has": "SELECT DISTINCT run FROM decant.parts",
    "keys are claimed without an answer": "SELECT key FROM decant.idempotency WHERE status IS NULL",
    "run, rejected rows, and those that are logged": """
        SELECT r.id, r.rejected, count(j.run) FROM decant.runs r LEFT JOIN decant.rejections j ON j.run = r.id
        WHERE r.state = 'succeeded' AND r.kind IN ('load', 'batch', 'replay')
        GROUP BY r.id HAVING r.rejected <> count(j.run)""",
    "the counts of the metrics are not those of the rows": DIFFERENCES,
}
_SESSIONS = """
SELECT pid, state, left(query, 80) FROM pg_stat_activity
WHERE datname = :database AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'
"""
_LOCKS = """
SELECT l.pid, l.locktype, l.mode FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE a.datname = :database AND a.backend_type = 'client backend' AND l.locktype <> 'virtualxid'
"""


def schema_of(database: TestDatabase) -> Schema:
    """What there is of keys, triggers, indexes and relations. Names with a number of the server's own are left out."""
    return {tuple(row) for row in database.query(_SCHEMA) if not str(row[2]).startswith("RI_")}


def left_behind(database: TestDatabase, before: Schema, patience: float = 12.0) -> list[str]:
    """What is left in the database, or gone from it, in words; nothing when all is as it must be between two works.

    ``before`` is its schema when no work had begun. The server takes a moment to see that a client has died: up to
    ``patience`` seconds.
    """
    return [*_held(database, patience), *_changed(database, before), *_rows(database)]


def _changed(database: TestDatabase, before: Schema) -> Iterator[str]:
    now = schema_of(database)
    for missing in sorted(map(str, before - now)):
        yield f"the database has lost {missing}"
    for new in sorted(map(str, now - before)):
        yield f"the database has {new}, which was not there"


def _rows(database: TestDatabase) -> Iterator[str]:
    for fault, query in _NONE_OF.items():
        if rows := database.query(query):
            yield f"{fault}: {rows}"
    with database.as_owner() as owner:  # the app may not read what says which first loads are under way
        if rows := [tuple(row) for row in owner.execute_simple("SELECT table_name FROM decant.first_loads").rows]:
            yield f"the keys of a first load are not put on again: {rows}"


def _held(database: TestDatabase, patience: float) -> Iterator[str]:
    """Sessions that are at work or in a transaction, and locks that are held."""
    deadline = time.monotonic() + patience
    while found := _looked(database):
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    yield from found


def _looked(database: TestDatabase) -> list[str]:
    name = database.app.database
    with database.as_admin() as admin:
        cursor = admin.cursor()

        def ask(query: str) -> list[Any]:
            cursor.execute(query.replace(":database", "%s"), (name,))
            return list(cursor.fetchall())

        return [
            *(f"the session {pid} is still {state}: {query}" for pid, state, query in ask(_SESSIONS)),
            *(f"a lock is held by {pid}: {kind} {mode}" for pid, kind, mode in ask(_LOCKS)),
        ]
