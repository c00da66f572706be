"""Many rows into Postgres: Arrow ─▶ COPY FROM STDIN."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import pyarrow as pa

from chalicelib.dictionary.names import quote_all
from chalicelib.errors import DecantError
from chalicelib.postgres.binary_copy import HEADER, TRAILER, encode
from chalicelib.postgres.connecting import close_connection
from chalicelib.postgres.translation import execute, execute_copy

# How many rows are encoded at once, and how many bytes are sent at once.
_BLOCK_ROWS = 16_384
_BLOCK_BYTES = 256 * 1024

_TYPES = """SELECT attname, CAST(CAST(atttypid AS regtype) AS text) FROM pg_attribute
WHERE attrelid = CAST(:relation AS regclass) AND attnum > 0 AND NOT attisdropped"""


def copy_in(connection: Any, relation: str, rows: Iterable[pa.Table]) -> int:
    """See ``ports.Transaction.copy_in``. The rows' tables share one schema.

    Raises DecantError when Postgres took another number of rows than were sent.
    """
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        return 0
    types = dict(map(tuple, execute(connection, _TYPES, {"relation": relation})))
    sent = 0

    def blocks() -> Iterator[memoryview | bytes]:
        nonlocal sent
        yield HEADER
        for table in chain([first], iterator):
            for batch in table.to_batches(max_chunksize=_BLOCK_ROWS):
                sent += batch.num_rows
                content = encode(batch, types)
                for begin in range(0, len(content), _BLOCK_BYTES):
                    yield content[begin : begin + _BLOCK_BYTES]
        yield TRAILER

    statement = f"COPY {relation} ({quote_all(first.column_names)}) FROM STDIN (FORMAT binary)"
    guarded = _Guarded(blocks(), connection)
    try:
        taken = execute_copy(connection, statement, guarded)
    except DecantError:
        if guarded.error is not None:
            raise guarded.error from None
        raise
    if taken != sent:
        raise DecantError(f"COPY into {relation} was sent {sent} rows, and Postgres took {taken} of them.")
    return sent


class _Guarded:
    """What pg8000's COPY reads its blocks from. It closes the connection when making one of them raises.

    pg8000 can't end a COPY that our side gave up: the server waits for more. Closing the socket rolls it back.
    ``error`` is what was raised: an error of reading rows must not be taken for one of the database.
    """

    def __init__(self, blocks: Iterator[memoryview | bytes], connection: Any) -> None:
        self.error: BaseException | None = None
        self._blocks = blocks
        self._connection = connection

    def __iter__(self) -> Iterator[memoryview | bytes]:
        try:
            yield from self._blocks
        except BaseException as error:
            if not isinstance(error, GeneratorExit):  # that one says that sending failed
                self.error = error
            close_connection(self._connection)
            raise
