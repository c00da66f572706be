"""The SQL that the dictionary's tables are made of."""

from __future__ import annotations

import hashlib

from chalicelib.dictionary.datatypes import Integer
from chalicelib.dictionary.model import Column, ForeignKey, Table
from chalicelib.dictionary.names import quote, quote_all, quote_literal


def create_table(table: Table) -> str:
    """CREATE TABLE with every rule of the dictionary that Postgres can hold by itself.

    Foreign keys are deferrable, so that a restore can put a parent's rows back in one transaction.
    """
    lines = [f"    {quote(column.name)} {column.type.postgres}{_not_null(column)}" for column in table.columns]
    lines += [f"    {check_constraint(*check)}" for check in checks(table).items()]
    lines.append(f"    {primary_key_constraint(table)}")
    lines += [f"    {foreign_key_constraint(table, key)}" for key in table.foreign_keys]
    return f"CREATE TABLE IF NOT EXISTS public.{quote(table.name)} (\n" + ",\n".join(lines) + "\n)"


def checks(table: Table) -> dict[str, str]:
    """The CHECK constraints of a table: each one's name, and its condition."""
    return {name: condition for column in table.columns for name, condition in _checks(table, column)}


def check_constraint(name: str, condition: str) -> str:
    """The CONSTRAINT clause of a CHECK."""
    return f"CONSTRAINT {quote(name)} CHECK ({condition})"


def primary_key_constraint(table: Table) -> str:
    """The CONSTRAINT clause of the primary key."""
    return f"CONSTRAINT {quote(primary_key_name(table))} PRIMARY KEY ({quote_all(table.primary_key)})"


def primary_key_name(table: Table) -> str:
    """The name of the primary key's constraint."""
    return f"{table.name}_pkey"


def foreign_key_constraint(table: Table, key: ForeignKey) -> str:
    """The CONSTRAINT clause of a foreign key."""
    return (
        f"CONSTRAINT {quote(foreign_key_name(table, key))} FOREIGN KEY ({quote_all(key.columns)}) "
        f"REFERENCES public.{quote(key.parent)} ({quote_all(key.references)}) DEFERRABLE INITIALLY IMMEDIATE"
    )


def foreign_key_name(table: Table, key: ForeignKey) -> str:
    """The name of a foreign key's constraint: readable, and unique within Postgres's 63 bytes."""
    digest = hashlib.sha256("\0".join((table.name, *key.columns)).encode()).hexdigest()[:8]
    return f"{'_'.join((table.name, *key.columns))[:48]}_fk_{digest}"


def index_foreign_keys(table: Table) -> list[str]:
    """An index on each foreign key but those that the primary key's index already serves.

    Without it every delete of a parent row, and so every restore of a parent table, would scan the children.
    """
    return [
        f"CREATE INDEX IF NOT EXISTS {quote(name)} ON public.{quote(table.name)} ({quote_all(key.columns)})"
        for name, key in foreign_key_indexes(table).items()
    ]


def foreign_key_indexes(table: Table) -> dict[str, ForeignKey]:
    """The foreign keys that have an index of their own, by its name."""
    return {
        f"{foreign_key_name(table, key)}_idx": key
        for key in table.foreign_keys
        if table.primary_key[: len(key.columns)] != key.columns
    }


def staging_name(table: Table) -> str:
    """The name of a table's staging table, a temporary one of the session; another one for other columns.

    A session may outlive a dictionary, and its staging tables with it.
    """
    columns = "\0".join(f"{column.name} {column.type.postgres}" for column in table.columns)
    return f"staging_{hashlib.sha256(columns.encode()).hexdigest()[:6]}_{table.name}"


def _not_null(column: Column) -> str:
    return " NOT NULL" if column.required else ""


def _checks(table: Table, column: Column) -> list[tuple[str, str]]:
    name = quote(column.name)
    native = column.type.bounds if isinstance(column.type, Integer) else (None, None)
    rules = {
        "min": f"{name} >= {quote_literal(column.minimum)}" if column.minimum not in (None, native[0]) else None,
        "max": f"{name} <= {quote_literal(column.maximum)}" if column.maximum not in (None, native[1]) else None,
        "enum": f"{name} IN ({', '.join(map(quote_literal, column.enum))})" if column.enum else None,
        "minlen": f"char_length({name}) >= {column.min_length}" if column.min_length is not None else None,
        "maxlen": f"char_length({name}) <= {column.max_length}" if column.max_length is not None else None,
    }
    prefix = hashlib.sha256(f"{table.name}\0{column.name}".encode()).hexdigest()[:8]
    return [(f"{column.name}_{rule}_{prefix}", condition) for rule, condition in rules.items() if condition is not None]
