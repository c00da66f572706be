"""What the app's role may do about the staging tables of loads in parts, which outlive a transaction.

They are unlogged: fast, and empty after a crash of the server, which whoever publishes them has to notice. The app
can't make tables, so the owner's functions do, and only tables of these names.
"""

from __future__ import annotations

import hashlib

from chalicelib.dictionary.names import quote

_NAME = "^(staged|rejected)_[0-9a-f]{32}$"


def staged_relation(run: str) -> str:
    """The quoted relation of a run's staged rows."""
    return f"decant.{quote(f'staged_{_key(run)}')}"


def rejected_relation(run: str) -> str:
    """The quoted relation of the rows that a run's parts rejected."""
    return f"decant.{quote(f'rejected_{_key(run)}')}"


def staging_functions(role: str) -> list[str]:
    """The statements that make the functions, and give them to the app's role, which is quoted.

    ``decant.stage_parts(run, table)`` makes both tables of a run, empty ones if there were any before.
    ``decant.analyze_parts(run)`` has Postgres look at what is staged. ``decant.drop_forgotten_parts()`` drops the
    tables of runs that ``decant.splits`` has no more, but for those that somebody still holds.
    """
    made = [
        f"""CREATE OR REPLACE FUNCTION decant.stage_parts(run text, table_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $stage$
DECLARE
    staged text := 'staged_' || md5(run);
    rejected text := 'rejected_' || md5(run);
BEGIN
    IF NOT EXISTS (SELECT FROM decant.splits s WHERE s.run = stage_parts.run) THEN
        RAISE EXCEPTION 'no load in parts has this run';
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS decant.%I, decant.%I', staged, rejected);
    EXECUTE format('CREATE UNLOGGED TABLE decant.%I AS SELECT NULL::bigint AS decant_row, NULL::bigint AS decant_line, '
        'NULL::boolean AS decant_faulty, t.* FROM ONLY public.%I t WITH NO DATA', staged, table_name);
    EXECUTE format('CREATE UNLOGGED TABLE decant.%I AS SELECT run, table_name, row, line, cells, reasons '
        'FROM decant.rejections WITH NO DATA', rejected);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON decant.%I, decant.%I TO {role}', staged, rejected);
END $stage$""",
        """CREATE OR REPLACE FUNCTION decant.analyze_parts(run text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $analyze$
BEGIN
    EXECUTE format('ANALYZE decant.%I', 'staged_' || md5(run));
END $analyze$""",
        f"""CREATE OR REPLACE FUNCTION decant.drop_forgotten_parts() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $drop$
DECLARE
    forgotten name;
BEGIN
    FOR forgotten IN
        SELECT relname FROM pg_class WHERE relnamespace = 'decant'::regnamespace AND relkind = 'r'
        AND relname ~ '{_NAME}'
        AND split_part(relname, '_', 2) NOT IN (SELECT md5(s.run) FROM decant.splits s)
    LOOP
        BEGIN
            EXECUTE format('LOCK TABLE decant.%I IN ACCESS EXCLUSIVE MODE NOWAIT', forgotten);
            EXECUTE format('DROP TABLE decant.%I', forgotten);
        EXCEPTION WHEN lock_not_available OR undefined_table THEN
            NULL; -- a worker holds it that has yet to notice, or another one drops it
        END;
    END LOOP;
END $drop$""",
    ]
    for signature in ("stage_parts(text, text)", "analyze_parts(text)", "drop_forgotten_parts()"):
        made.append(f"REVOKE ALL ON FUNCTION decant.{signature} FROM PUBLIC")
        made.append(f"GRANT EXECUTE ON FUNCTION decant.{signature} TO {role}")
    return made


def _key(run: str) -> str:
    return hashlib.md5(run.encode(), usedforsecurity=False).hexdigest()
