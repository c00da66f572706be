"""Many rows into Postgres: Arrow ─▶ COPY FROM STDIN."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from chalicelib.dictionary.names import quote_all
from chalicelib.postgres.connecting import close_connection
from chalicelib.postgres.translation import execute

_BLOCK_ROWS = 8_192


def copy_in(connection: Any, relation: str, rows: Iterable[pa.Table]) -> int:
    """See ``ports.Transaction.copy_in``. The rows' tables share one schema."""
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        return 0
    sent = 0

    def blocks() -> Iterator[bytes]:
        nonlocal sent
        table: pa.Table | None = first
        while table is not None:
            for batch in table.to_batches(max_chunksize=_BLOCK_ROWS):
                sent += batch.num_rows
                yield _csv(batch)
            table = next(iterator, None)

    statement = f"COPY {relation} ({quote_all(first.column_names)}) FROM STDIN (FORMAT csv)"
    execute(connection, statement, {}, stream=_Guarded(blocks(), connection))
    return sent


class _Guarded:
    """What pg8000's COPY reads its blocks from. It closes the connection when making one of them raises.

    pg8000 can't end a COPY that our side gave up: the server waits for more. Closing the socket rolls it back.
    """

    def __init__(self, blocks: Iterator[bytes], connection: Any) -> None:
        self._blocks = blocks
        self._connection = connection

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._blocks
        except BaseException:
            close_connection(self._connection)
            raise


def _csv(batch: pa.RecordBatch) -> bytes:
    sink = io.BytesIO()
    pa_csv.write_csv(batch, sink, pa_csv.WriteOptions(include_header=False))
    return sink.getvalue()
