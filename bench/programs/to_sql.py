"""pandas and awswrangler: `to_sql awswrangler|pandas URL FILE`. The rows are added to the constrained table."""

from __future__ import annotations

import json
import sys
import time
from urllib.parse import urlsplit

import pandas as pd

kind, url, path = sys.argv[1:]
NAMES = ["id", "name", "datetime", "department_id", "job_id"]


def with_awswrangler() -> None:
    """Insert with awswrangler's own defaults."""
    import awswrangler

    parts = urlsplit(url)
    import pg8000

    connection = pg8000.connect(
        user=parts.username or "",
        password=parts.password,
        host=parts.hostname or "",
        port=parts.port or 5432,
        database=parts.path[1:],
    )
    awswrangler.postgresql.to_sql(read(), connection, "hired_employees", "public", mode="append")
    connection.close()


def with_pandas() -> None:
    """Insert with pandas over SQLAlchemy, as it does by itself."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    with engine.begin() as connection:
        read().to_sql("hired_employees", connection, index=False, if_exists="append", chunksize=10_000)
    engine.dispose()


def read() -> pd.DataFrame:
    """Read the file."""
    return pd.read_csv(path, names=NAMES, parse_dates=["datetime"])


load = {"awswrangler": with_awswrangler, "pandas": with_pandas}[kind]
__import__({"awswrangler": "awswrangler", "pandas": "sqlalchemy"}[kind])
begun = time.perf_counter()
load()
print(json.dumps({"seconds": time.perf_counter() - begun}))
