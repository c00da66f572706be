"""How a load or a restore of many rows gets them from its staging table into the table."""

from __future__ import annotations

import logging

from chalicelib.dictionary.ddl import publish_function_name, staging_name
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote, quote_all
from chalicelib.ports import Transaction

logger = logging.getLogger(__name__)

# From here on, checking foreign keys as a set is worth keeping readers waiting for it.
SET_WISE_FROM = 50_000


def publish_staged(transaction: Transaction, table: Table) -> int:
    """Insert the staged rows whose key the table lacks, with foreign keys checked as a set; return how many.

    Readers of the table wait from now on until the commit. Where they, or a backup, leave no moment to lock the table
    in, the rows go in one by one beside them. See ``dictionary.ddl.publish_function``.
    """
    # The function works with the rights of the table's owner, who may not read another role's temporary table.
    [(owner,)] = transaction.run(
        "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = CAST(:name AS regclass)",
        name=f"public.{quote(table.name)}",
    )
    transaction.run(f"GRANT SELECT ON pg_temp.{quote(staging_name(table))} TO {quote(owner)}")
    [(inserted,)] = transaction.run(f"SELECT {publish_function_name(table)}()")
    if inserted is None:
        logger.info("%s is in use; its rows go in one by one", table.name)
        return insert_staged(transaction, table)
    return int(inserted)


def insert_staged(transaction: Transaction, table: Table) -> int:
    """Insert the staged rows whose key the table lacks; return how many. In key order, against deadlocks."""
    columns, key = quote_all(table.column_names), quote_all(table.primary_key)
    [(inserted,)] = transaction.run(
        f"""WITH done AS (
            INSERT INTO public.{quote(table.name)} ({columns})
            SELECT {columns} FROM pg_temp.{quote(staging_name(table))} ORDER BY {key}
            ON CONFLICT ({key}) DO NOTHING RETURNING 1
        ) SELECT count(*) FROM done"""
    )
    return int(inserted)
