"""Which keys of a source come more than once, told from its rows as they pass, where that is cheap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chalicelib.dictionary.datatypes import Integer
from chalicelib.dictionary.model import Table

# Up to so many keys are remembered, 4 or 8 bytes each, and up to so many are worth being named one by one.
MOST_KEYS = 8_000_000
_MOST_REPEATED = 10_000
Values = np.ndarray[Any, Any]


class RepeatedKeys:
    """Watches the keys of a source's rows, good and bad. It gives up on keys that are not one integer, or too many."""

    def __init__(self, table: Table) -> None:
        self._column = table.primary_key[0] if is_one_integer(table) else None
        self._seen: list[Values] = []
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


class SeenKeys:
    """The keys of the valid rows so far, and which row has each.

    They are kept in sorted runs, each more than twice as long as the next, so that a key is looked for in few of them
    whatever the order of the rows; where keys ascend, as they mostly do, in none.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Values, Values]] = []

    def suspects(self, keys: pa.Array) -> pa.Array | None:
        """A mask of the keys that come twice among these, or were seen before; None where none is."""
        given = keys.drop_null().to_numpy()
        if not len(given) or (np.all(given[1:] > given[:-1]) and all(run[-1] < given[0] for run, _ in self._runs)):
            return None
        ordered = np.sort(given, kind="stable")  # quick where they are in order already, or nearly
        found = [ordered[1:][ordered[1:] == ordered[:-1]]]
        for run, _ in self._runs:
            within = ordered[: np.searchsorted(ordered, run[-1], side="right")]
            found.append(within[_find(run, within)[1]])
        repeated = np.unique(np.concatenate(found))
        return pc.is_in(keys, pa.array(repeated, keys.type), skip_nulls=True) if len(repeated) else None

    def rows_of(self, keys: pa.Array) -> dict[int, int]:
        """The numbers of the rows that have these keys, by key."""
        wanted = np.unique(keys.to_numpy())
        rows: dict[int, int] = {}
        for run, numbers in self._runs:
            places, there = _find(run, wanted)
            rows |= dict(zip(wanted[there].tolist(), numbers[places[there]].tolist(), strict=True))
        return rows

    def add(self, keys: pa.ChunkedArray, rows: pa.ChunkedArray) -> None:
        """Remember keys that were not seen before, and their rows."""
        fresh, numbers = _narrow(keys.to_numpy()), _narrow(rows.to_numpy())
        if not len(fresh):
            return
        self._runs.append(_sorted(fresh, numbers))
        while len(self._runs) > 1 and len(self._runs[-2][0]) <= 2 * len(self._runs[-1][0]):
            (keys_before, rows_before), (keys_after, rows_after) = self._runs[-2:]
            both = np.concatenate([keys_before, keys_after]), np.concatenate([rows_before, rows_after])
            self._runs[-2:] = [_sorted(*both)]


def is_one_integer(table: Table) -> bool:
    """Whether the primary key of a table is one whole number."""
    [first, *others] = table.primary_key
    return not others and isinstance(table.column(first).type, Integer)


def _find(run: Values, keys: Values) -> tuple[Values, Values]:
    """Where in a sorted run each key would stand, and whether it does.

    Wider keys would have numpy widen the whole run; one that does not fit is found somewhere, and is not what is there.
    """
    places = np.minimum(np.searchsorted(run, keys.astype(run.dtype)), len(run) - 1)
    return places, run[places] == keys


def _sorted(keys: Values, rows: Values) -> tuple[Values, Values]:
    if np.all(keys[1:] > keys[:-1]):
        return keys, rows
    order = np.argsort(keys, kind="stable")  # quick where they are nearly in order
    return keys[order], rows[order]


def _narrow(keys: Values) -> Values:
    """A copy, which keeps no memory of Arrow's from being used again, in 4 bytes each where they fit."""
    bounds = np.iinfo(np.int32)
    fits = len(keys) == 0 or (keys.min() >= bounds.min and keys.max() <= bounds.max)
    return keys.astype(np.int32 if fits else np.int64)
