"""Work that the queue gave up on: what it was and why it failed, and back to the workers with it.

The reason is the run's: its record says what happened. A message that is brought back says so of itself, since its run
has ended as failed, and what has ended is not done again otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chalicelib.errors import BadRequest, DecantError, OutOfTime, Unavailable
from chalicelib.ledger import LedgerEntry, forget_failure, recorded
from chalicelib.load.events import Arrival
from chalicelib.load.turns import take_turn
from chalicelib.ports import DeadLetter, Run, RunKind, RunState
from chalicelib.telemetry.context import anew, subject
from chalicelib.wiring import Services
from chalicelib.work.messages import LoadTask, PartTask, RestoreTask, Task, brought_back, tasks
from chalicelib.work.reporting import ended, finish, known_run, now, run_id

# Two requests to SQS for each fit well into the 29 s that the gateway gives.
MOST = 100
_HIDDEN_SECONDS = 60
# So long the message of one run is looked for among all; to let go of those that were seen, each by itself, takes
# several times as long.
_SEARCH_SECONDS = 5.0
# How a run ended that had a part down or was given up; whatever else ended it, a redrive ends the same way.
_REDRIVEN_FOR = (Unavailable.code, OutOfTime.code, DecantError.code)


@dataclass(frozen=True, slots=True)
class DeadWork:
    """A dead letter, and the runs that it asks for. ``problem`` is why it can't be read, if that is so."""

    letter: DeadLetter
    runs: Sequence[Run] = ()
    problem: str | None = None


def look(services: Services, most: int) -> list[DeadWork]:
    """Some of the work in the dead-letter queue, ``most`` at most, the oldest of it first; it stays there."""
    letters = services.queue.dead_letters()
    taken: list[DeadLetter] = []
    try:
        for given in letters.take(most, _HIDDEN_SECONDS):
            taken.extend(given)
        found = [_read(services, letter) for letter in taken]
    finally:
        letters.let_go(taken)
    return sorted(found, key=lambda each: (each.letter.sent, each.letter.id))


def redrive(
    services: Services, run: str | None = None, clock: Callable[[], float] = time.monotonic
) -> tuple[int, bool]:
    """Give work to the workers again: all of it, or that of one run. Tell how much, and whether there may be more.

    Each message is sent before it is deleted, so that none is lost; the work of one that comes twice is done once.
    Those of one run may lie behind any number of others: they are looked for as long as the caller can wait.
    """
    letters = services.queue.dead_letters()
    until = clock() + _SEARCH_SECONDS
    most = MOST if run is None else None
    moved = 0
    left: list[DeadLetter] = []
    try:
        for given in letters.take(most, _HIDDEN_SECONDS, lambda: clock() < until):
            left.extend(given)
            for letter in given:
                if run is not None and not _is_of(services, letter, run):
                    continue
                services.queue.put(brought_back(letter.body))
                letters.delete(letter)
                left.remove(letter)
                moved += 1
    finally:
        letters.let_go(left)
    return moved, moved + len(left) == most or clock() >= until


def take_up(services: Services, task: Task) -> bool:
    """Open the failed run of a task that was brought back; whether the task is to be done now.

    What its ledger says of the run counts: what went through is not done again, and a load that was given up begins
    anew as a whole, for nothing is left of its parts.
    """
    entry = _entry(services, task)
    if entry is not None and entry.state is not RunState.FAILED:
        if isinstance(task, RestoreTask):
            run = known_run(services, task)
            finish(services, run, ended(run, entry))
        return not isinstance(task, RestoreTask)
    if entry is not None and isinstance(task, PartTask):
        services.queue.send(_whole(entry).message())
        return False
    if entry is not None:
        with services.database.transaction() as transaction:
            take_turn(transaction, entry.id)
            forget_failure(transaction, entry.id)
    run = known_run(services, task)
    if run.state is RunState.FAILED:
        fresh = replace(run, state=RunState.QUEUED, phase="", progress=0, started=None, ended=None, error=None)
        services.catalog.reopen_run(replace(fresh, reopened=now()))
    return True


def failed_before(services: Services, task: Task) -> DecantError | None:
    """Why the run of a task was given up, whose message comes again.

    None: it was not, but ended for a reason of its own, or not at all; or its load is tried once more, which one that
    takes too long is not, unless it went in after all: its worker may have been told too late of its commit.
    """
    if isinstance(task, LoadTask) and (not task.late or went_in(services, task)):
        return None
    if isinstance(task, PartTask):
        entry = _entry(services, task)
        state, told = (entry.state, entry.error) if entry is not None else (None, None)
    else:
        run = known_run(services, task)
        state, told = run.state, run.error
    if state is not RunState.FAILED or told is None or told["code"] not in _REDRIVEN_FOR:
        return None
    return DecantError(told["detail"], hint=told["hint"])


def went_in(services: Services, task: Task) -> bool:
    """Whether a load is in the ledger, so that only its end is wanting: it is never given up, for that is little."""
    return isinstance(task, LoadTask) and _entry(services, task) is not None


def _read(services: Services, letter: DeadLetter) -> DeadWork:
    try:
        asked = tasks(letter.body)
    except BadRequest as error:
        return DeadWork(letter, problem=error.detail)
    with anew(**subject()):  # who looks at a run is about no run
        return DeadWork(letter, [known_run(services, task, letter.sent) for task in asked])


def _is_of(services: Services, letter: DeadLetter, run: str) -> bool:
    try:
        return any(run_id(services, task) == run for task in tasks(letter.body))
    except BadRequest:
        return False


def _entry(services: Services, task: Task) -> LedgerEntry | None:
    """What the ledger has of a task's run. It knows loads and restores only."""
    if not isinstance(task, LoadTask | PartTask | RestoreTask):
        return None
    identifier = run_id(services, task)
    with services.database.transaction() as transaction:
        return recorded(transaction, identifier)


def _whole(entry: LedgerEntry) -> LoadTask:
    source = entry.source
    if source is None:
        raise DecantError(f"The load {entry.id} has no file in the ledger.", hint="Drop its file again.")
    arrival = Arrival(source.bucket, source.key, source.version, source.etag, source.order, entry.started)
    return LoadTask(entry.id, arrival, again=entry.kind is RunKind.REPLAY, redriven=True)
