"""The function that publishes a big staged load: rows of a staging table go into the table as a set."""

from __future__ import annotations

from chalicelib.dictionary.comparing import equal
from chalicelib.dictionary.keys_off import (
    lock_or,
    put_foreign_keys_on,
    put_indexes_on,
    relation,
    take_foreign_keys_off,
    take_indexes_off,
)
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote, quote_all, quote_literal

_LOCK_TRIES = 40
# A table with rows in it is kept from its readers for some 2.5 s a million rows staged, and 0.15 s a million rows that
# are there: at most about the 8 s that they wait for a lock. An empty one has no rows to wait for; that readers of its
# parents wait for as long as a first load takes is what its speed costs, see decision 0403.
MOST_ROWS = 3_000_000
_ROWS_THERE_TO_A_ROW_STAGED = 16
# Where the load is a smaller part of the table, checking the rows one by one is cheaper than checking all rows at once.
_LEAST_PART = 32


def publish_function_name(table: Table) -> str:
    """The quoted name of the function that publishes a big staged load."""
    return f"decant.{quote(f'publish_{table.name}')}"


def publish_function(table: Table) -> str:
    """A function that inserts the rows of a staging table with the foreign keys checked as a set, not row by row.

    It takes the staging table (``regclass``) and returns how many rows went in; those whose key the table has stay out.
    It takes the table's foreign keys off and puts them on again in the caller's transaction, so Postgres validates
    them with one join, and nobody ever sees the table without them; when more rows come than are there it does so with
    the foreign keys' indexes, and with the primary key where nothing else depends on it. A row without its parent
    raises foreign_key_violation. The app's role may call it but not alter tables.

    That takes the table and its parents from everybody. It returns NULL, and nothing is done, where no free moment
    comes in two seconds, where readers would wait too long or the load is a small part of the table, and where the
    staging table's columns are not of the table's types.

    It runs with the owner's rights, so every name in it is qualified: nothing is looked for where others may create.
    """
    name = relation(table)
    columns = quote_all(table.column_names)
    same_key = equal("t", table.primary_key, "s", table.primary_key)
    unknown = f" WHERE NOT EXISTS (SELECT FROM {name} t WHERE {same_key})"
    return f"""CREATE OR REPLACE FUNCTION {publish_function_name(table)}(decant_staged regclass) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET constraint_exclusion = off AS $publish$
#variable_conflict use_column -- a column may be named as a variable
DECLARE
    decant_rows bigint;
    decant_new text := format('SELECT {columns} FROM ONLY %s s', decant_staged);
    decant_inserted bigint;
    decant_rebuild boolean;
BEGIN
{_refuse_other_than_plain(table)}
    EXECUTE format('SELECT count(*) FROM ONLY %s', decant_staged) INTO decant_rows;
{_leave_to_single_rows(name)}
{lock_or("RETURN NULL", table, _LOCK_TRIES)}
    IF EXISTS (SELECT FROM {name}) THEN
        decant_new := decant_new || {quote_literal(unknown)};
    END IF;
    {take_foreign_keys_off(table)}
    decant_rebuild := NOT EXISTS (SELECT FROM {name} OFFSET decant_rows LIMIT 1);
    IF decant_rebuild THEN
{take_indexes_off(table)}
    END IF;
    EXECUTE {quote_literal(f"INSERT INTO {name} ({columns}) ")} || decant_new;
    GET DIAGNOSTICS decant_inserted = ROW_COUNT;
    IF decant_rebuild THEN
{put_indexes_on(table)}
    END IF;
{put_foreign_keys_on(table)}
    RETURN decant_inserted;
END $publish$"""


def _refuse_other_than_plain(table: Table) -> str:
    """Whatever of a staging table could run somebody's code with the owner's rights is refused.

    That is a view or a rule, a policy, and what a planner folds to a constant: an expression of an index or of
    statistics (CHECKs are left alone, with ``constraint_exclusion`` off). With generated columns, or columns of other
    types, whose casts would run, it returns NULL: they may be those of the dictionary before the last migration.
    """
    types = ", ".join(f"({quote_literal(column.name)}, '{column.type.postgres}'::regtype)" for column in table.columns)
    return f"""    IF NOT EXISTS (
        SELECT FROM pg_class c
        WHERE c.oid = decant_staged AND c.relkind = 'r' AND NOT c.relhasrules AND NOT c.relrowsecurity
        AND (c.relnamespace = pg_my_temp_schema()
            OR c.relnamespace = 'decant'::regnamespace AND pg_get_userbyid(c.relowner) = current_user)
        AND NOT EXISTS (
            SELECT FROM pg_index WHERE indrelid = decant_staged AND (indexprs IS NOT NULL OR indpred IS NOT NULL)
        )
        AND NOT EXISTS (SELECT FROM pg_statistic_ext WHERE stxrelid = decant_staged)
    ) THEN
        RAISE EXCEPTION '% is no plain staging table of {table.name}', decant_staged;
    END IF;
    IF {len(table.columns)} <> (
        SELECT count(*) FROM pg_attribute a JOIN (VALUES {types}) AS w (name, type)
        ON a.attname = w.name AND a.atttypid = w.type
        WHERE a.attrelid = decant_staged AND NOT a.attisdropped AND a.attgenerated = ''
    ) THEN
        RETURN NULL;
    END IF;"""


def _leave_to_single_rows(name: str) -> str:
    """Return NULL where readers would wait too long, or longer than the load is worth. Sizes tell the rows there."""
    share = f"pg_relation_size('{name}') / greatest(pg_relation_size(decant_staged), 1.0)"
    return f"""    DECLARE
        decant_there double precision := decant_rows * {share};
    BEGIN
        IF EXISTS (SELECT FROM {name}) AND (
            decant_rows + decant_there / {_ROWS_THERE_TO_A_ROW_STAGED} > {MOST_ROWS}
            OR decant_there > decant_rows * {_LEAST_PART}.0
        ) THEN
            RETURN NULL;
        END IF;
    END;"""
