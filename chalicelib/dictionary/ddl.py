"""The SQL that the dictionary's tables are made of, and what the app's role may do with them."""

from __future__ import annotations

import hashlib

from chalicelib.dictionary.datatypes import Integer
from chalicelib.dictionary.model import Column, Dictionary, ForeignKey, Table
from chalicelib.dictionary.names import quote, quote_all, quote_literal

_LOCK_TRIES, _LOCK_PAUSE = 40, 0.05


def functions_and_grants(dictionary: Dictionary, app_role: str) -> list[str]:
    """The statements that make the publishing functions, and give the app's role what it may do and nothing else.

    The owner runs them in one transaction, after every change of the tables. Running them again changes nothing.
    """
    role = quote(app_role)
    statements = [publish_function(table) for table in dictionary.tables]
    statements += [
        f"GRANT USAGE ON SCHEMA public, decant TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA decant TO {role}",
        f"REVOKE ALL ON decant.migrations FROM {role}",
    ]
    for table in dictionary.tables:
        statements.append(f"GRANT SELECT, INSERT, UPDATE, DELETE ON public.{quote(table.name)} TO {role}")
        statements.append(f"REVOKE ALL ON FUNCTION {publish_function_name(table)}() FROM PUBLIC")
        statements.append(f"GRANT EXECUTE ON FUNCTION {publish_function_name(table)}() TO {role}")
    return statements


def create_table(table: Table) -> str:
    """CREATE TABLE with every rule of the dictionary that Postgres can hold by itself.

    Foreign keys are deferrable, so that a restore can put a parent's rows back in one transaction.
    """
    lines = [f"    {quote(column.name)} {column.type.postgres}{_not_null(column)}" for column in table.columns]
    lines += [f"    {check_constraint(*check)}" for check in checks(table).items()]
    lines.append(f"    CONSTRAINT {quote(f'{table.name}_pkey')} PRIMARY KEY ({quote_all(table.primary_key)})")
    lines += [f"    {foreign_key_constraint(table, key)}" for key in table.foreign_keys]
    return f"CREATE TABLE IF NOT EXISTS public.{quote(table.name)} (\n" + ",\n".join(lines) + "\n)"


def checks(table: Table) -> dict[str, str]:
    """The CHECK constraints of a table: each one's name, and its condition."""
    return {name: condition for column in table.columns for name, condition in _checks(table, column)}


def check_constraint(name: str, condition: str) -> str:
    """The CONSTRAINT clause of a CHECK."""
    return f"CONSTRAINT {quote(name)} CHECK ({condition})"


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


def publish_function_name(table: Table) -> str:
    """The quoted name of the function that publishes a big staged load."""
    return f"decant.{quote(f'publish_{table.name}')}"


def publish_function(table: Table) -> str:
    """A function that inserts the caller's staged rows with the foreign keys checked as a set, not row by row.

    It takes the table's foreign keys off and puts them on again in the caller's transaction, so Postgres validates
    them with one join, and nobody ever sees the table without them; the same for their indexes when more rows come
    than are there. The app's role may call it but not alter tables. It returns the number of rows inserted; rows whose
    key the table has stay out, and one without its parent raises foreign_key_violation. Nothing but a plain table is
    read: a view put in its place would run its functions with the owner's rights.

    That takes the table and its parents from everybody. All are asked for at once and without queueing for them: who
    queues keeps every later reader waiting behind a long one such as a backup, and who holds one of them while another
    is read meets readers in a deadlock. Where no free moment comes in two seconds the function returns NULL.
    """
    name = f"public.{quote(table.name)}"
    staging = f"pg_temp.{quote(staging_name(table))}"
    columns = quote_all(table.column_names)
    same_key = " AND ".join(f"t.{quote(column)} = s.{quote(column)}" for column in table.primary_key)
    locked = ", ".join(f"public.{quote(each)}" for each in (table.name, *table.parents))
    drops = ", ".join(f"DROP CONSTRAINT IF EXISTS {quote(foreign_key_name(table, key))}" for key in table.foreign_keys)
    adds = ", ".join(f"ADD {foreign_key_constraint(table, key)}" for key in table.foreign_keys)
    indexes = foreign_key_indexes(table)
    drop_indexes = (
        f"DROP INDEX IF EXISTS {', '.join(f'public.{quote(index)}' for index in indexes)}" if indexes else "NULL"
    )
    make_indexes = "; ".join(index_foreign_keys(table)) or "NULL"
    return f"""CREATE OR REPLACE FUNCTION {publish_function_name(table)}() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $publish$
#variable_conflict use_column -- a column may be named as PL/pgSQL's own variable: found
DECLARE
    decant_staged bigint;
    decant_inserted bigint;
    decant_rebuild boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class WHERE oid = '{staging}'::regclass AND relkind = 'r' AND NOT relhasrules) THEN
        RAISE EXCEPTION '{staging_name(table)} is no plain table';
    END IF;
    BEGIN -- Waiting for this lock keeps no reader or writer waiting, and makes an autovacuum of the table give way.
        LOCK TABLE {name} IN SHARE UPDATE EXCLUSIVE MODE;
    EXCEPTION WHEN lock_not_available THEN
        RETURN NULL;
    END;
    FOR decant_try IN 1..{_LOCK_TRIES} LOOP
        BEGIN
            LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE NOWAIT;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF decant_try = {_LOCK_TRIES} THEN
                RETURN NULL;
            END IF;
            PERFORM pg_sleep({_LOCK_PAUSE});
        END;
    END LOOP;
    SELECT count(*) INTO decant_staged FROM {staging};
    decant_rebuild := NOT EXISTS (SELECT FROM {name} OFFSET decant_staged LIMIT 1);
    {f"ALTER TABLE {name} {drops};" if drops else ""}
    IF decant_rebuild THEN
        {drop_indexes};
    END IF;
    INSERT INTO {name} ({columns}) SELECT {columns} FROM {staging} s
    WHERE NOT EXISTS (SELECT FROM {name} t WHERE {same_key});
    GET DIAGNOSTICS decant_inserted = ROW_COUNT;
    IF decant_rebuild THEN
        {make_indexes};
    END IF;
    {f"ALTER TABLE {name} {adds};" if adds else ""}
    RETURN decant_inserted;
END $publish$"""


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
