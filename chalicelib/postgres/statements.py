"""The prepared statements of one connection.

pg8000 sends a statement with parameters in three round trips, each time, and the server parses and plans it anew. One
that is prepared takes a single round trip, and is planned once it has been run some times.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from chalicelib.postgres.translation import translated

_MOST = 50


class Statements:
    """Statements by their SQL, prepared when they are first run; the one that was not run for longest makes room."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._prepared: OrderedDict[str, Any] = OrderedDict()

    def run(self, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        return translated(lambda: [tuple(row) for row in self._statement(sql).run(**parameters)])

    def _statement(self, sql: str) -> Any:
        statement = self._prepared.get(sql)
        if statement is None:
            if len(self._prepared) == _MOST:
                _, oldest = self._prepared.popitem(last=False)
                oldest.close()
            statement = self._prepared[sql] = self._connection.prepare(sql)
        self._prepared.move_to_end(sql)
        return statement
