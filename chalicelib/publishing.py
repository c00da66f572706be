"""How a load or a restore of many rows gets them from its staging table into the table."""

from __future__ import annotations

import logging

from chalicelib.dictionary.ddl import foreign_key_indexes, staging_name
from chalicelib.dictionary.first_load_functions import END
from chalicelib.dictionary.model import Table
from chalicelib.dictionary.names import quote, quote_all
from chalicelib.dictionary.publish_function import publish_function_name
from chalicelib.ports import Transaction

logger = logging.getLogger(__name__)

# From here on, checking foreign keys as a set is worth keeping readers waiting for it.
SET_WISE_FROM = 50_000


# While a first load keeps everybody out, the server notices within half a minute that its client has died.
_IMPATIENT = """SET LOCAL tcp_keepalives_idle = 10; SET LOCAL tcp_keepalives_interval = 5;
SET LOCAL tcp_keepalives_count = 3; SET LOCAL idle_in_transaction_session_timeout = '30s'"""


def publish_staged(transaction: Transaction, table: Table, staged: str | None = None) -> int:
    """Insert the staged rows whose key the table lacks, with foreign keys checked as a set; return how many.

    ``staged`` is the quoted name of the staging table, by default the session's own. Readers of the table wait from now
    on until the commit. Where that may take too long, or where they leave no moment to lock the table in, the rows go
    in one by one beside them. See ``dictionary.publish_function``.
    """
    own = f"pg_temp.{quote(staging_name(table))}"
    if staged is None:
        # The function works with the rights of the table's owner, who may not read another role's temporary table.
        [(owner,)] = transaction.run(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = CAST(:name AS regclass)",
            name=f"public.{quote(table.name)}",
        )
        transaction.run(f"GRANT SELECT ON {own} TO {quote(owner)}")
    relation = staged or own
    [(inserted,)] = transaction.run(
        f"SELECT {publish_function_name(table)}(CAST(:staged AS regclass))", staged=relation
    )
    if inserted is None:
        logger.info("the rows of %s go in one by one, beside its readers", table.name)
        return insert_staged(transaction, table, relation)
    return int(inserted)


def insert_staged(transaction: Transaction, table: Table, staged: str | None = None) -> int:
    """Insert the staged rows whose key the table lacks; return how many. In key order, against deadlocks."""
    columns, key = quote_all(table.column_names), quote_all(table.primary_key)
    [(inserted,)] = transaction.run(
        f"""WITH done AS (
            INSERT INTO public.{quote(table.name)} ({columns})
            SELECT {columns} FROM {staged or f"pg_temp.{quote(staging_name(table))}"} ORDER BY {key}
            ON CONFLICT ({key}) DO NOTHING RETURNING 1
        ) SELECT count(*) FROM done"""
    )
    return int(inserted)


def begin_first_load(transaction: Transaction, table: Table) -> bool:
    """Whether the table is empty and its keys are off now, for rows to go straight in.

    Then the table and its parents are kept from everybody else until the commit.
    """
    begun = transaction.run("SELECT decant.begin_first_load(:name)", name=table.name) == [(True,)]
    if begun:
        transaction.run_script(_IMPATIENT)
    return begun


def end_first_load(transaction: Transaction) -> None:
    """Put the keys on again, but no index of the foreign ones. Raises IntegrityViolation when the rows break them."""
    transaction.run(f"SET CONSTRAINTS {END} IMMEDIATE")


def lacks_indexes(transaction: Transaction, table: Table) -> bool:
    """Whether an index of the table's foreign keys is not there: a first load brings them behind its commit."""
    names = [f"public.{quote(name)}" for name in foreign_key_indexes(table)]
    missing = " OR ".join(f"to_regclass(:index{number}) IS NULL" for number in range(len(names)))
    given = {f"index{number}": name for number, name in enumerate(names)}
    return bool(names) and transaction.run(f"SELECT {missing}", **given) == [(True,)]


def index_foreign_keys(transaction: Transaction, table: Table) -> None:
    """Make the indexes of the table's foreign keys that are not there. Writers wait meanwhile, readers do not."""
    transaction.run("SELECT decant.index_foreign_keys(:name)", name=table.name)
