"""What Decant does to tables, as if one operation came after the other: pure, without a database.

A row is a tuple of texts, its key first. An operation takes effect at one moment. It is asked what could follow from
what it told its client (``outcomes``), for one telling may have several causes. Most of what it tells is true at that
moment; that a row was rejected, or was there already, may have been true at any moment since the operation began
(``window``), for rows are looked at one statement after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

Row = tuple[str, ...]
Tables = Mapping[str, Mapping[str, Row]]
# Which tables the columns of a table refer to, by the column's place; parents come before children.
Shape = Mapping[str, Mapping[int, str]]
Waiting = tuple[str, str, int]  # a rejected row: its run, table and number


@dataclass(frozen=True)
class State:
    """All that is there between two operations.

    ``standing`` are the files whose rows stand, as table, content and conflict mode; ``answers`` what was told under
    an idempotency key or for an event, and of which request; ``waiting`` the rejected rows that nobody has corrected.
    """

    shape: Shape
    tables: Tables
    standing: frozenset[tuple[str, str, str]] = frozenset()
    answers: Mapping[str, tuple[object, object]] = field(default_factory=dict)
    waiting: frozenset[Waiting] = frozenset()
    backups: Mapping[str, Tables] = field(default_factory=dict)

    def lacks(self, table: str, row: Row, own: Tables) -> bool:
        """Whether a row refers to what neither a table nor ``own`` has."""
        parents = self.shape[table].items()
        return any(row[place] not in self.tables[name] and row[place] not in own[name] for place, name in parents)

    def put(self, table: str, row: Row) -> State:
        """The state with a row in the place of the one with its key."""
        return replace(self, tables={**self.tables, table: {**self.tables[table], row[0]: row}})

    def answered(self, once: str | None, request: object, told: object) -> State:
        """The state with an answer that is given again."""
        return self if once is None else replace(self, answers={**self.answers, once: (request, told)})

    @property
    def broken(self) -> bool:
        """Whether a row refers to nothing."""
        none: Tables = {name: {} for name in self.shape}
        return any(self.lacks(name, row, none) for name, rows in self.tables.items() for row in rows.values())


class Operation(Protocol):
    """Something a client does."""

    def outcomes(self, window: Sequence[State], told: Any) -> Iterator[State]:
        """The states that may follow the last of ``window``, if that was told."""


@dataclass(frozen=True)
class Written:
    """What a client is told of a write. ``rejected`` has table, number and codes of each rejected row."""

    state: str
    run: str
    inserted: int
    updated: int
    unchanged: int
    rejected: int
    reasons: frozenset[tuple[str, int, frozenset[str]]]


@dataclass(frozen=True)
class Write:
    """Rows for tables, parents first, each key once in a table; each row with the number it is called by.

    ``once`` is an idempotency key, or an event of a file; ``content`` names what a file holds. ``again``: the file is
    loaded though its rows stand.
    """

    rows: tuple[tuple[str, tuple[tuple[int, Row], ...]], ...]
    mode: str = "reject"
    atomic: bool = False
    once: str | None = None
    content: str | None = None
    again: bool = False

    def outcomes(self, window: Sequence[State], told: Any) -> Iterator[State]:
        now = window[-1]
        if self.once is not None and self.once in now.answers:
            request, first = now.answers[self.once]
            if told == (first if request == self else "another request"):
                yield now
            return
        if not isinstance(told, Written):
            return
        found = {(table, number): codes for table, number, codes in told.reasons}
        stands = (self.rows[0][0], self.content, self.mode)
        if stands in now.standing and not self.again:
            if told.state == "duplicate" and not found:
                yield now.answered(self.once, self, told)
            return
        refused = self.atomic and bool(found)
        if told.state != ("refused" if refused else "succeeded"):
            return
        for after, counts in self._ways(window, found):
            if refused:
                counts = (0, 0, 0, sum(len(rows) for _, rows in self.rows))
            if counts == (told.inserted, told.updated, told.unchanged, told.rejected):
                made = now if refused else after
                if self.content is not None:
                    made = replace(made, standing=made.standing | {(self.rows[0][0], self.content, self.mode)})
                waiting = made.waiting | {(told.run, table, number) for table, number in found}
                yield replace(made, waiting=waiting).answered(self.once, self, told)
                if refused:
                    return

    def _ways(
        self, window: Sequence[State], found: Mapping[tuple[str, int], frozenset[str]]
    ) -> Iterator[tuple[State, tuple[int, int, int, int]]]:
        """The ways in which the rows may have gone in, and the counts of each, when those ``found`` were rejected."""
        left = [(table, number, row) for table, rows in self.rows for number, row in rows]
        none: Tables = {name: {} for name in window[-1].shape}
        ways: list[tuple[State, Tables, tuple[int, int, int, int]]] = [(window[-1], none, (0, 0, 0, 0))]
        for table, number, row in left:
            codes = found.get((table, number))
            ways = [
                (after, own, (counts[0] + new[0], counts[1] + new[1], counts[2] + new[2], counts[3] + new[3]))
                for before, mine, counts in ways
                for after, own, new in self._row(window, before, mine, table, row, codes)
            ]
        for after, _, counts in ways:
            yield after, counts

    def _row(
        self, window: Sequence[State], now: State, own: Tables, table: str, row: Row, codes: frozenset[str] | None
    ) -> Iterator[tuple[State, Tables, tuple[int, int, int, int]]]:
        """What may have become of one row."""
        known = [w for w in window if row[0] in w.tables[table]]
        differing = [w for w in known if w.tables[table][row[0]] != row]
        mine = {**own, table: {**own[table], row[0]: row}}
        if codes == frozenset({"foreign-key"}):
            if any(w.lacks(table, row, own) for w in window):
                yield now, own, (0, 0, 0, 1)
        elif codes == frozenset({"primary-key"}):
            if self.mode == "reject" and differing:
                yield now, own, (0, 0, 0, 1)
        elif codes is None:
            there = now.tables[table].get(row[0])
            fits = not now.lacks(table, row, own)
            if there is None and fits:
                yield now.put(table, row), mine, (1, 0, 0, 0)
            if there is not None and there != row and self.mode == "update" and fits:
                yield now.put(table, row), mine, (0, 1, 0, 0)
            same = [there] if self.mode == "update" else [w.tables[table][row[0]] for w in known]
            if row in same or (self.mode == "skip" and known):
                yield now, mine, (0, 0, 1, 0)


@dataclass(frozen=True)
class Correct:
    """Rows in the place of rejected ones of a run, by their numbers; each may be put right once."""

    run: str
    write: Write

    def outcomes(self, window: Sequence[State], told: Any) -> Iterator[State]:
        now = window[-1]
        [(table, rows)] = self.write.rows
        corrected = {(self.run, table, number) for number, _ in rows}
        if not corrected <= now.waiting:
            if told == "not waiting":
                yield now
            return
        for after in self.write.outcomes(window, told):
            if told.state == "refused":
                yield after
            else:
                bad = {(self.run, name, number) for name, number, _ in told.reasons}
                yield replace(after, waiting=after.waiting - (corrected - bad))


@dataclass(frozen=True)
class Restored:
    """What a client is told of a restore: inserted, updated, deleted and unchanged rows by table."""

    changes: Mapping[str, tuple[int, int, int, int]]


@dataclass(frozen=True)
class Restore:
    """Tables as they were in a backup."""

    backup: str
    tables: tuple[str, ...]

    def outcomes(self, window: Sequence[State], told: Any) -> Iterator[State]:
        if told == "refused":
            if any(self._done(w).broken for w in window):
                yield window[-1]
            return
        now, after = window[-1], self._done(window[-1])
        changes = {name: _differences(now.tables[name], after.tables[name]) for name in self.tables}
        if after.broken or told != Restored(changes):
            return
        changed = {name for name, (inserted, updated, deleted, _) in changes.items() if inserted + updated + deleted}
        yield replace(after, standing=frozenset(each for each in after.standing if each[0] not in changed))

    def _done(self, state: State) -> State:
        saved = state.backups[self.backup]
        return replace(state, tables={**state.tables, **{name: saved[name] for name in self.tables}})


@dataclass(frozen=True)
class Saved:
    """What a backup's files hold."""

    backup: str
    tables: Tables


@dataclass(frozen=True)
class BackUp:
    """All tables, as they are at one moment."""

    def outcomes(self, window: Sequence[State], told: Any) -> Iterator[State]:
        now = window[-1]
        if told.tables == now.tables:
            yield replace(now, backups={**now.backups, told.backup: told.tables})


@dataclass(frozen=True)
class Delete:
    """A row deleted by hand; the answer is how many went, or ``referenced``."""

    table: str
    key: str

    def outcomes(self, window: Sequence[State], told: Any) -> Iterator[State]:
        if told == "referenced":
            if any(self.key in w.tables[self.table] and self._done(w).broken for w in window):
                yield window[-1]
            return
        after = self._done(window[-1])
        if not after.broken and told == int(self.key in window[-1].tables[self.table]):
            yield after

    def _done(self, state: State) -> State:
        rows = {key: row for key, row in state.tables[self.table].items() if key != self.key}
        return replace(state, tables={**state.tables, self.table: rows})


@dataclass(frozen=True)
class Read:
    """A question that has one answer at one moment."""

    question: str
    answer: Callable[[State], Any] = field(repr=False, compare=False)

    def outcomes(self, window: Sequence[State], told: Any) -> Iterator[State]:
        if self.answer(window[-1]) == told:
            yield window[-1]


def _differences(before: Mapping[str, Row], after: Mapping[str, Row]) -> tuple[int, int, int, int]:
    both = before.keys() & after.keys()
    updated = sum(before[key] != after[key] for key in both)
    return len(after.keys() - both), updated, len(before.keys() - both), len(both) - updated
