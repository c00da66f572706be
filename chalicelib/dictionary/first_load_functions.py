"""What the app's role may do to load rows into an empty table without a staging table: its keys are off meanwhile.

Whoever begins can't leave them off: a deferred trigger puts them on at the commit, unless it was told to before.
"""

from __future__ import annotations

from chalicelib.dictionary.ddl import index_foreign_keys
from chalicelib.dictionary.keys_off import (
    lock_or,
    put_foreign_keys_on,
    put_primary_key_on,
    relation,
    take_foreign_keys_off,
    take_indexes_off,
)
from chalicelib.dictionary.model import Dictionary, Table
from chalicelib.dictionary.names import quote_literal

# Whoever waits longer stages its rows meanwhile. An autovacuum gives way after a second, but for this a lock is waited
# for that keeps no reader or writer waiting.
_LOCK_TIMEOUT = "2s"
_LOCK_TRIES = 10
# The usual 64 MB are shared by two processes, and each sorts a million rows' half in runs that have to be merged; from
# 96 MB on they are three, which on a server of two processors is a little slower.
_INDEX_MEMORY = "95MB"
_NOT_NOW = "RAISE SQLSTATE 'DFL00'"
# Told to be immediate, the keys are put on at once: SET CONSTRAINTS decant.decant_first_load_ends IMMEDIATE
END = "decant.decant_first_load_ends"


def first_load_functions(dictionary: Dictionary, role: str) -> list[str]:
    """The statements that make the function for the app's role, which is quoted, and what ends its work.

    ``decant.begin_first_load(table)`` takes an empty table and its parents from everybody until the commit, takes the
    table's keys and indexes off, and returns true; or false, and nothing is done and no lock kept, where the table has
    rows or is in use, or somebody's rules, policies or triggers would have a word about rows. When END becomes
    immediate, at the latest at the commit, the keys are put on again, so that nobody ever sees the table without them.
    Rows that break them raise unique_violation or foreign_key_violation then.

    ``decant.index_foreign_keys(table)`` makes the indexes of its foreign keys that are not there, which bar no row and
    can wait until readers have the rows: only writers wait for it.
    """
    begin = "\n".join(f"    WHEN {quote_literal(table.name)} THEN\n{_begin(table)}" for table in dictionary.tables)
    end = "\n".join(f"    WHEN {quote_literal(table.name)} THEN\n{_end(table)}" for table in dictionary.tables)
    index = "\n".join(f"    WHEN {quote_literal(table.name)} THEN\n{_index(table)}" for table in dictionary.tables)
    return [
        "CREATE UNLOGGED TABLE IF NOT EXISTS decant.first_loads (table_name text NOT NULL)",
        f"REVOKE ALL ON decant.first_loads FROM {role}",
        f"""CREATE OR REPLACE FUNCTION decant.begin_first_load(table_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '{_LOCK_TIMEOUT}' AS $first$
BEGIN
    CASE begin_first_load.table_name
{begin}
    END CASE;
    INSERT INTO decant.first_loads VALUES (begin_first_load.table_name);
    RETURN true;
EXCEPTION WHEN SQLSTATE 'DFL00' THEN -- gives back the locks as well
    RETURN false;
END $first$""",
        f"""CREATE OR REPLACE FUNCTION decant.end_first_load() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET maintenance_work_mem = '{_INDEX_MEMORY}' AS $first$
BEGIN
    DELETE FROM decant.first_loads f WHERE f.table_name = NEW.table_name;
    CASE NEW.table_name
{end}
    END CASE;
    RETURN NULL;
END $first$""",
        f"""CREATE OR REPLACE FUNCTION decant.index_foreign_keys(table_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET maintenance_work_mem = '{_INDEX_MEMORY}' AS $first$
BEGIN
    CASE index_foreign_keys.table_name
{index}
    END CASE;
END $first$""",
        """DO $first$ BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger
        WHERE tgname = 'decant_first_load_ends' AND tgrelid = 'decant.first_loads'::regclass
    ) THEN
        CREATE CONSTRAINT TRIGGER decant_first_load_ends AFTER INSERT ON decant.first_loads
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION decant.end_first_load();
        -- Only then: it waits for all loads, and they for it.
        ALTER TABLE decant.first_loads ENABLE ALWAYS TRIGGER decant_first_load_ends;
    END IF;
END $first$""",
        "REVOKE ALL ON FUNCTION decant.begin_first_load(text), decant.end_first_load() FROM PUBLIC",
        "REVOKE ALL ON FUNCTION decant.index_foreign_keys(text) FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION decant.begin_first_load(text), decant.index_foreign_keys(text) TO {role}",
    ]


def _begin(table: Table) -> str:
    name = relation(table)
    return f"""    IF EXISTS (SELECT FROM {name}) OR EXISTS (
        SELECT FROM pg_class WHERE oid = '{name}'::regclass AND (relkind <> 'r' OR relhasrules OR relrowsecurity)
    ) OR EXISTS (
        SELECT FROM pg_trigger WHERE tgrelid = '{name}'::regclass AND NOT tgisinternal AND tgtype & 1 = 1 -- of a row
    ) THEN
        {_NOT_NOW};
    END IF;
{lock_or(_NOT_NOW, table, _LOCK_TRIES)}
    IF EXISTS (SELECT FROM {name}) THEN
        {_NOT_NOW};
    END IF;
    {take_foreign_keys_off(table)}
{take_indexes_off(table)}"""


def _end(table: Table) -> str:
    return f"""{put_primary_key_on(table)}
{put_foreign_keys_on(table)}"""


def _index(table: Table) -> str:
    """Who makes them at once waits for the other, and finds them: two in SHARE mode would not."""
    made = "".join(f"\n        {statement};" for statement in index_foreign_keys(table))
    return f"        LOCK TABLE {relation(table)} IN SHARE ROW EXCLUSIVE MODE;{made}" if made else "        NULL;"
