"""What publishing many rows does to a table as its owner: lock it, take its keys off and put them on again."""

from __future__ import annotations

from chalicelib.dictionary.ddl import (
    foreign_key_constraint,
    foreign_key_indexes,
    foreign_key_name,
    index_foreign_keys,
    primary_key_constraint,
    primary_key_name,
)
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote, quote_literal

_LOCK_PAUSE = 0.05


def relation(table: Table) -> str:
    """The quoted name of a table, with its schema."""
    return f"public.{quote(table.name)}"


def lock_or(otherwise: str, table: Table, tries: int) -> str:
    """Statements that take the table and its parents from everybody, or do ``otherwise`` when they are in use.

    All are asked for at once and without queueing for them: who queues keeps every later reader waiting behind a long
    one such as a backup, and who holds one of them while another is read meets readers in a deadlock.
    """
    locked = ", ".join(f"public.{quote(each)}" for each in (table.name, *table.parents))
    return f"""    BEGIN -- Waiting for this lock keeps no reader or writer waiting, and makes an autovacuum give way.
        LOCK TABLE {relation(table)} IN SHARE UPDATE EXCLUSIVE MODE;
    EXCEPTION WHEN lock_not_available THEN
        {otherwise};
    END;
    FOR try IN 1..{tries} LOOP
        BEGIN
            LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE NOWAIT;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF try = {tries} THEN
                {otherwise};
            END IF;
            PERFORM pg_sleep({_LOCK_PAUSE});
        END;
    END LOOP;"""


def take_foreign_keys_off(table: Table) -> str:
    """A statement that drops the table's foreign keys; nothing where it has none."""
    drops = ", ".join(f"DROP CONSTRAINT IF EXISTS {quote(foreign_key_name(table, key))}" for key in table.foreign_keys)
    return f"ALTER TABLE {relation(table)} {drops};" if drops else ""


def take_indexes_off(table: Table) -> str:
    """Statements that drop the indexes of its foreign keys, and the primary key where nothing else depends on it.

    Something else is a foreign key of another table, or a view.
    """
    indexes = ", ".join(f"public.{quote(index)}" for index in foreign_key_indexes(table))
    return f"""        {f"DROP INDEX IF EXISTS {indexes};" if indexes else ""}
        IF NOT EXISTS (
            SELECT FROM pg_constraint k JOIN pg_depend d ON d.deptype <> 'i' AND (
                d.refclassid = 'pg_constraint'::regclass AND d.refobjid = k.oid
                OR d.refclassid = 'pg_class'::regclass AND d.refobjid = k.conindid
            ) WHERE {_named(table, primary_key_name(table))}
        ) THEN
            ALTER TABLE {relation(table)} DROP CONSTRAINT IF EXISTS {quote(primary_key_name(table))};
        END IF;"""


def put_primary_key_on(table: Table) -> str:
    """A statement that makes the primary key as the dictionary has it, where it is not there."""
    return f"""        IF NOT EXISTS (SELECT FROM pg_constraint k WHERE {_named(table, primary_key_name(table))}) THEN
            ALTER TABLE {relation(table)} ADD {primary_key_constraint(table)};
        END IF;"""


def put_indexes_on(table: Table) -> str:
    """Statements that make the primary key and the indexes as the dictionary has them, where they are not there."""
    return put_primary_key_on(table) + "".join(f"\n        {statement};" for statement in index_foreign_keys(table))


def put_foreign_keys_on(table: Table) -> str:
    """Statements that add the table's foreign keys, where they are not there: Postgres checks each with one join."""
    return "\n".join(
        f"""    IF NOT EXISTS (SELECT FROM pg_constraint k WHERE {_named(table, foreign_key_name(table, key))}) THEN
        ALTER TABLE {relation(table)} ADD {foreign_key_constraint(table, key)};
    END IF;"""
        for key in table.foreign_keys
    )


def _named(table: Table, constraint: str) -> str:
    return f"k.conrelid = '{relation(table)}'::regclass AND k.conname = {quote_literal(constraint)}"
