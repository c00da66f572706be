"""Counts of a table's rows by calendar quarter, kept beside the table by its triggers: exact whoever writes.

The counts of a year and of values of the dimensions lie in one row for each *slot*. A statement adds what it changed to
the rows of the first slot that nobody else is writing, and keeps that slot until its transaction ends; so writers never
wait for each other, and a row is updated in place. Who reads adds the slots up. Now and then a writer that has the
first slot moves the others' counts into it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.dictionary.datatypes import Integer
from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.names import quote, quote_all, quote_literal

QUARTERS = ("q1", "q2", "q3", "q4")
# Moments outside, which no dictionary lets in but anybody may write by hand, are in no year that can be asked for.
_FIRST, _END = "0001-01-01 00:00:00+00", "10000-01-01 00:00:00+00"
# One in so many statements moves the counts of other slots into the first.
_FOLD_ONE_IN = 256
_SLOTS = 10_000
# A transaction that serialization has doomed fails in every slot, and must not hold a lock for each.
_SLOTS_TRIED_ALONE = 100


@dataclass(frozen=True, slots=True)
class Rollup:
    """How many rows of ``table`` have their ``moment`` in each quarter (UTC), for all values of ``dimensions``.

    It lives in the table ``decant.<name>``, with the columns year, q1 to q4 and the dimensions: the counts of one year
    and of equal dimensions, blank ones too, are the sums over the rows that have them. A row whose moment is blank or
    outside the years 1 to 9999 is counted nowhere.
    """

    name: str
    table: str
    moment: str
    dimensions: tuple[str, ...]

    def fits(self, dictionary: Dictionary) -> bool:
        """Whether a dictionary has what is counted."""
        if self.table not in dictionary:
            return False
        table = dictionary.table(self.table)
        there = {self.moment, *self.dimensions} <= set(table.column_names)
        return there and table.column(self.moment).type.name == "datetime"


def rollup_statements(dictionary: Dictionary, rollups: Iterable[Rollup], app_role: str) -> list[str]:
    """The statements that make the rollups a dictionary allows, filled from their tables, and drop the others.

    The owner runs them in one transaction. Running them again changes nothing. A rollup that is new, or defined in
    another way than before, is filled while the writers of its table, not the readers, wait.
    """
    statements: list[str] = []
    for rollup in rollups:
        statements += (
            _make(rollup, dictionary.table(rollup.table), app_role) if rollup.fits(dictionary) else _drop(rollup)
        )
    return statements


def _make(rollup: Rollup, table: Table, app_role: str) -> list[str]:
    definition = [*_tables(rollup, table), _count_function(rollup), _rebuild_function(rollup)]
    digest = hashlib.sha256("\0".join(definition).encode()).hexdigest()[:12]
    told = f"Counts of public.{rollup.table}, kept by its triggers; definition {digest}"
    relation, role = _relation(rollup), quote(app_role)
    functions = f"{_function('count', rollup)}(), {_function('rebuild', rollup)}()"
    made = ";\n        ".join(
        [f"LOCK TABLE {_target(rollup)} IN SHARE ROW EXCLUSIVE MODE", f"DROP TABLE IF EXISTS {relation}",
         *_tables(rollup, table), f"COMMENT ON TABLE {relation} IS {quote_literal(told)}",
         f"PERFORM {_function('rebuild', rollup)}()"]
    )  # fmt: skip
    return [
        _count_function(rollup),
        _rebuild_function(rollup),
        # Else anybody could hang the trigger on a table of his own, and count what is not there.
        f"REVOKE ALL ON FUNCTION {functions} FROM PUBLIC",
        f"""DO $rollup$ BEGIN
    IF obj_description(to_regclass({quote_literal(relation)}), 'pg_class') IS DISTINCT FROM {quote_literal(told)} THEN
        {made};
    END IF;
END $rollup$""",
        f"REVOKE ALL ON {relation} FROM {role}",
        f"GRANT SELECT ON {relation} TO {role}",
    ]


def _drop(rollup: Rollup) -> list[str]:
    return [
        f"DROP FUNCTION IF EXISTS {_function('count', rollup)}() CASCADE",  # its triggers too
        f"DROP FUNCTION IF EXISTS {_function('rebuild', rollup)}()",
        f"DROP TABLE IF EXISTS {_relation(rollup)}",
    ]


def _tables(rollup: Rollup, table: Table) -> list[str]:
    """The table and its indexes. Integers are wide, so that a column may be widened without a word to the rollup."""
    columns = [table.column(name) for name in rollup.dimensions]
    dimensions = [
        f"{quote(column.name)} {'bigint' if isinstance(column.type, Integer) else column.type.postgres}"
        for column in columns
    ]
    quarters = [f"{quarter} bigint NOT NULL" for quarter in QUARTERS]
    key = f"UNIQUE NULLS NOT DISTINCT (year, slot, {quote_all(rollup.dimensions)})"
    lines = ", ".join([*dimensions, *quarters, "year smallint NOT NULL", "slot smallint NOT NULL", key])
    # Half of each page is left free, for rows to be updated where they are: no index learns of it, no vacuum is needed.
    return [
        f"CREATE TABLE {_relation(rollup)} ({lines}) WITH (fillfactor = 50)",
        f"CREATE INDEX ON {_relation(rollup)} (slot) WHERE slot > 0",
        # It has no primary key; without this nobody could write the table where all tables are published.
        f"ALTER TABLE {_relation(rollup)} REPLICA IDENTITY FULL",
    ]


def _count_function(rollup: Rollup) -> str:
    """The trigger function: add what a statement changed, seen as a set.

    The slot is a lock that is tried and never waited for. It is there for speed alone: without it two writers would
    only wait for each other. Under REPEATABLE READ and SERIALIZABLE a row that another has changed since the snapshot
    can't be updated; the next slot is tried then. Transition tables have no statistics, and the plan that was made for
    one row stays for a million: a plan that sorts would be slow for these.
    """
    relation = _relation(rollup)
    change = f"""IF TG_OP = 'INSERT' THEN
                {_add(rollup, _counts(rollup, "decant_new"))};
            ELSIF TG_OP = 'DELETE' THEN
                {_add(rollup, _counts(rollup, "decant_old", "-count(*) FILTER (WHERE quarter = {0})"))};
            ELSE
                {_add(rollup, _changes(rollup))};
            END IF"""
    return f"""CREATE OR REPLACE FUNCTION {_function("count", rollup)}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET work_mem = '64MB' SET enable_sort = off AS $count$
DECLARE
    decant_lock CONSTANT integer := {quote_literal(relation)}::regclass::oid::integer;
    decant_alone CONSTANT boolean := current_setting('transaction_isolation') <> 'read committed';
    decant_last CONSTANT smallint := CASE WHEN decant_alone THEN {_SLOTS_TRIED_ALONE} ELSE {_SLOTS} END;
    decant_slot smallint := 0;
    decant_other smallint;
BEGIN
    IF TG_RELID <> {quote_literal(_target(rollup))}::regclass THEN
        RAISE EXCEPTION '% counts the rows of another table', TG_NAME;
    ELSIF TG_OP = 'TRUNCATE' THEN
        TRUNCATE {relation}; -- which older snapshots see as they see the table's own
        RETURN NULL;
    END IF;
    LOOP
        IF NOT pg_try_advisory_xact_lock(decant_lock, decant_slot) THEN
            NULL;
        ELSIF decant_alone THEN
            BEGIN
            {change};
            EXIT;
            EXCEPTION WHEN serialization_failure THEN NULL;
            END;
        ELSE
            {change};
            EXIT;
        END IF;
        IF decant_slot = decant_last THEN
            RAISE EXCEPTION 'no slot of {rollup.name} can be written' USING ERRCODE = 'serialization_failure';
        END IF;
        decant_slot := decant_slot + 1;
    END LOOP;
    IF decant_slot = 0 AND NOT decant_alone AND random() < 1.0 / {_FOLD_ONE_IN} THEN
        FOR decant_other IN SELECT DISTINCT slot FROM {relation} WHERE slot > 0 LOOP
            IF pg_try_advisory_xact_lock(decant_lock, decant_other) THEN
                {_fold(rollup)};
            END IF;
        END LOOP;
    END IF;
    RETURN NULL;
END $count$"""


def _rebuild_function(rollup: Rollup) -> str:
    """A function for the owner that counts anew and hangs the triggers up again; it tells how many counts were wrong.

    The triggers fire under ``session_replication_role = replica`` too, in which migration tools write. Logical
    replication fires no triggers of statements: see decision 0421.
    """
    relation, target, dimensions = _relation(rollup), _target(rollup), quote_all(rollup.dimensions)
    columns = f"year, {dimensions}, {', '.join(QUARTERS)}"
    sums = ", ".join(f"sum({quarter})::bigint AS {quarter}" for quarter in QUARTERS)
    kept = (
        f"SELECT * FROM (SELECT year, {dimensions}, {sums} FROM {relation} GROUP BY year, {dimensions}) AS sums "
        f"WHERE {_any_count()}"
    )
    true = f"SELECT {columns} FROM pg_temp.decant_counts"
    events = (
        ("INSERT", "REFERENCING NEW TABLE AS decant_new "),
        ("UPDATE", "REFERENCING OLD TABLE AS decant_old NEW TABLE AS decant_new "),
        ("DELETE", "REFERENCING OLD TABLE AS decant_old "),
        ("TRUNCATE", ""),
    )
    triggers = "\n    ".join(
        f"CREATE OR REPLACE TRIGGER {name} AFTER {event} ON {target} {rows}"
        f"FOR EACH STATEMENT EXECUTE FUNCTION {_function('count', rollup)}();\n"
        f"    ALTER TABLE {target} ENABLE ALWAYS TRIGGER {name};"
        for event, rows in events
        for name in [quote(f"decant_{rollup.name}_{event.lower()}")]
    )
    return f"""CREATE OR REPLACE FUNCTION {_function("rebuild", rollup)}() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET work_mem = '64MB' AS $rebuild$
DECLARE
    decant_wrong bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'an older snapshot than the lock counts wrong: use READ COMMITTED';
    END IF;
    LOCK TABLE {target} IN SHARE ROW EXCLUSIVE MODE;
    {triggers}
    CREATE TEMP TABLE decant_counts ON COMMIT DROP AS {_counts(rollup, target)};
    SELECT count(*) INTO decant_wrong FROM (
        SELECT DISTINCT year, {dimensions} FROM (
            (({true}) EXCEPT ({kept})) UNION ALL (({kept}) EXCEPT ({true}))
        ) AS differing
    ) AS wrong;
    DELETE FROM {relation};
    INSERT INTO {relation} (slot, {columns}) SELECT 0, {columns} FROM pg_temp.decant_counts ORDER BY year, {dimensions};
    DROP TABLE pg_temp.decant_counts;
    RETURN decant_wrong;
END $rebuild$"""


def _counts(rollup: Rollup, source: str, count: str = "count(*) FILTER (WHERE quarter = {0})") -> str:
    """A query of the counts of a relation's rows; ``count`` is an SQL expression for a quarter's."""
    moment, dimensions = quote(rollup.moment), quote_all(rollup.dimensions)
    counts = ", ".join(f"{count.format(number)} AS {quarter}" for number, quarter in enumerate(QUARTERS, 1))
    # OFFSET 0 lets a row's quarter be told once, not once for each count.
    return (
        f"SELECT year, {dimensions}, {counts} FROM (SELECT date_part('year', {moment})::smallint AS year, "
        f"date_part('quarter', {moment})::smallint AS quarter, * FROM {source} "
        f"WHERE {moment} >= '{_FIRST}' AND {moment} < '{_END}' OFFSET 0) AS counted GROUP BY year, {dimensions}"
    )


def _changes(rollup: Rollup) -> str:
    """What an UPDATE changed; nothing where it changed neither moment nor dimensions."""
    columns = quote_all([rollup.moment, *rollup.dimensions])
    both = (
        f"(SELECT {columns}, true AS came FROM decant_new UNION ALL SELECT {columns}, false FROM decant_old) AS changed"
    )
    counted = _counts(
        rollup, both,
        "count(*) FILTER (WHERE quarter = {0} AND came) - count(*) FILTER (WHERE quarter = {0} AND NOT came)",
    )  # fmt: skip
    return f"SELECT * FROM ({counted}) AS changes WHERE {_any_count()}"


def _add(rollup: Rollup, counts: str, prefix: str = "", slot: str = "decant_slot") -> str:
    """Add counts to the rows of a slot."""
    columns = f"year, {quote_all(rollup.dimensions)}, {', '.join(QUARTERS)}"
    sums = ", ".join(f"{quarter} = kept.{quarter} + EXCLUDED.{quarter}" for quarter in QUARTERS)
    return (
        f"{prefix}INSERT INTO {_relation(rollup)} AS kept (slot, {columns}) SELECT {slot}, {columns} FROM ({counts}) "
        f"AS added ON CONFLICT (year, slot, {quote_all(rollup.dimensions)}) DO UPDATE SET {sums}"
    )


def _fold(rollup: Rollup) -> str:
    """Move the counts of another slot into the first, in one statement: nobody sees them in both or in none."""
    relation = _relation(rollup)
    gone = f"WITH gone AS (DELETE FROM {relation} WHERE slot = decant_other AND slot > 0 RETURNING *) "
    return _add(rollup, f"SELECT * FROM gone WHERE {_any_count()}", gone, "0")


def _any_count() -> str:
    return f"({', '.join(QUARTERS)}) IS DISTINCT FROM (0, 0, 0, 0)"


def _relation(rollup: Rollup) -> str:
    return f"decant.{quote(rollup.name)}"


def _target(rollup: Rollup) -> str:
    return f"public.{quote(rollup.table)}"


def _function(verb: str, rollup: Rollup) -> str:
    return f"decant.{quote(f'{verb}_{rollup.name}')}"
