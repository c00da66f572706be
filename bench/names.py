"""The names of pieces of work and of contestants, as results, goals and documents use them."""

OURS = "Decant"
# What of our work is that of the function alone, without S3, queue and API before it.
IN_FUNCTION = "Decant, in the function"
# Rows are there, and held to all keys, before the indexes of the foreign keys are: until these are there too.
INDEXED = "Decant, and its indexes"
COPY = "psql \\copy"
COPY_BARE = "psql \\copy, no constraints"
DLT = "dlt (Arrow), no constraints"
PGLOADER = "pgloader"
AWSWRANGLER = "awswrangler to_sql"
PANDAS = "pandas to_sql"
FASTEXCEL = "fastexcel, reading"
CALAMINE = "python-calamine, reading"
OPENPYXL = "openpyxl, reading"
PG_DUMP = "pg_dump -Fc"
FASTAVRO = "fastavro"
PG_RESTORE = "pg_restore"
PG_RESTORE_DATA = "pg_restore --data-only"
AUDITED = "Decant, with its entry in the audit log"
BARE_INSERT = "one bare INSERT"


def csv_load(rows: int) -> str:
    """Name the load of a CSV file."""
    return f"CSV, {size(rows)} rows"


def workbook_load(rows: int) -> str:
    """Name the load of a workbook."""
    return f"workbook, {size(rows)} rows"


def backup(rows: int) -> str:
    """Name the backup of a table."""
    return f"backup, {size(rows)} rows"


def restore(rows: int) -> str:
    """Name the restore of a table."""
    return f"restore, {size(rows)} rows"


def metric(name: str) -> str:
    """Name a metric, whose contestants are the sizes of the table."""
    return f"metric {name}"


def in_table_of(rows: int) -> str:
    """Name the size of a table."""
    return f"{size(rows)} rows"


def workers(count: int) -> str:
    """Name so many workers at once."""
    return "1 worker" if count == 1 else f"{count} workers"


def size(rows: int) -> str:
    """Write a number of rows as people say it: 100k, 1M, 5M."""
    if rows % 1_000_000 == 0:
        return f"{rows // 1_000_000}M"
    return f"{rows // 1000}k" if rows % 1000 == 0 else str(rows)


BATCH = "batch of 1000 rows"
WORKERS = "CSV in parts"
IMPORT = "import app"
YARDSTICK = "import boto3, pyarrow"
NO_DATABASE = "first answer without the database"
DATABASE = "first answer from the database"
