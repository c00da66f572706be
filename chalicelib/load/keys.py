"""Which keys of a source come more than once, told from its rows as they pass, where that is cheap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from chalicelib.dictionary.datatypes import Integer
from chalicelib.dictionary.model import Table

# Up to so many keys are remembered, 4 or 8 bytes each, and up to so many are worth being named one by one.
MOST_KEYS = 8_000_000
_MOST_REPEATED = 10_000


class RepeatedKeys:
    """Watches the keys of a source's rows, good and bad. It gives up on keys that are not one integer, or too many."""

    def __init__(self, table: Table) -> None:
        [first, *others] = table.primary_key
        self._column = None if others or not isinstance(table.column(first).type, Integer) else first
        self._seen: list[np.ndarray[Any, Any]] = []
        self._count = 0

    def watch(self, rows: pa.Table) -> None:
        """Look at the keys of rows that are staged; null is none."""
        if self._column is None:
            return
        keys = rows.column(self._column).combine_chunks().drop_null().to_numpy()
        self._count += len(keys)
        if self._count > MOST_KEYS:
            self._column = None
            self._seen.clear()
        else:
            self._seen.append(_narrow(keys))

    def found(self) -> list[int] | None:
        """The keys that more than one row has, in order; None when that is not known, or they are many."""
        if self._column is None:
            return None
        if not self._seen:
            return []
        keys = np.concatenate(self._seen)
        keys.sort(kind="stable")  # quick where they are in order already, or nearly
        repeated: list[int] = np.unique(keys[1:][keys[1:] == keys[:-1]]).tolist()
        return repeated if len(repeated) <= _MOST_REPEATED else None


def _narrow(keys: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy, which keeps no memory of Arrow's from being used again, in 4 bytes each where they fit."""
    bounds = np.iinfo(np.int32)
    fits = len(keys) == 0 or (keys.min() >= bounds.min and keys.max() <= bounds.max)
    return keys.astype(np.int32 if fits else np.int64)
