"""The torture itself: work is done while its processes are killed, and held against the model and the checker."""

from __future__ import annotations

import datetime as dt
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.points import Point
from tests.left_behind import left_behind, schema_of
from tests.torture.attempts import Attempt, Outcome, delivery
from tests.torture.checker import (
    catalogue,
    disagreements,
    ledger,
    state_of,
    storage_faults,
    unfinished_uploads,
)
from tests.torture.crew import Worker
from tests.torture.kills import Kills
from tests.torture.place import Place
from tests.torture.work import ALL, DEPARTMENTS, EMPLOYEES, JOBS, Source, Work, rendered

# What SQS does with a message that was given out so often is to keep it among the dead letters.
_MOST_DELIVERIES = 5
_MOST_ATTEMPTS = 300


class Violated(AssertionError):
    """A promise was not kept."""


@dataclass
class Torment:
    """One seeded sequence of work in a place."""

    place: Place
    seed: int
    dead_letters: int = 0
    attempts: int = 0
    works: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.kills = Kills(self.chance)
        self._lock = threading.Lock()
        self._busy = 0
        with self.place.database.as_owner() as owner:
            owner.execute_simple(f"TRUNCATE {', '.join(ALL)}, decant.idempotency")
            owner.execute_simple("UPDATE decant.runs SET content_stands = false")
        fixed = {JOBS: "Job", DEPARTMENTS: "Department"}
        for table, name in fixed.items():
            self.place.database.query(f"INSERT INTO {table} SELECT n, '{name} ' || n FROM generate_series(1, 5) n")
        self.schema = schema_of(self.place.database)
        self.source = Source(self.chance, state_of(self.place))

    def do(self, kind: str, most_kills: int = 0, wanted: list[str] | None = None) -> Work:
        """Do work of a kind, killing up to so many of its processes, until nothing is left to do; then look at all."""
        if kind == "first load":
            self._empty()
            kind = "very many rows"
        work = self.source.make(kind)
        self.works[work.kind] += 1
        self.kills.begin(work.kind, most_kills, wanted)
        mark = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%f}"  # as the ids of runs begin
        for key, content in work.files:
            self.place.drop(key, content)
        if work.message is not None:
            self.place.send(rendered(work.message))
        if work.request is not None:
            self._ask(work)
        if work.retention:
            self._retain(work)
        with self._locked(work.locked):
            self._drain(work)
        self._look(work, mark)
        return work

    def sweep(self) -> None:
        """Let a day and more pass, and what sweeps then sweep; nothing may be left."""
        worker = self.place.workers[0]
        scheduled = {"work": "backup", "scheduled": dt.datetime.now(dt.UTC).isoformat()}
        self._sure(worker.make(Attempt("worker", delivery(json.dumps(scheduled), 1), days_ahead=15)))
        self._sure(worker.make(Attempt("retention", {}, days_ahead=15)))
        self._forget_snapshots()
        self.do("rebuild")
        faults = [
            *disagreements(self.place, swept=True),
            *left_behind(self.place.database, self.schema),
            *storage_faults(self.place, swept=True),
        ]
        if faults:
            raise Violated(self._told("after the sweep", faults))
        for bucket, keys in unfinished_uploads(self.place).items():
            if strange := [key for key in keys if not key.startswith("backups/")]:
                raise Violated(self._told("after the sweep", [f"an upload of {strange} is left in {bucket}"]))

    def _empty(self) -> None:
        with self.place.database.as_owner() as owner:
            owner.execute_simple(f"TRUNCATE {EMPLOYEES}")
        self.source.empty()

    def _ask(self, work: Work) -> None:
        """Make the request again and again until it is answered, and once more: the answer is the same."""
        answer = None
        for _ in range(_MOST_ATTEMPTS):
            outcome = self._attempt(self.place.workers[0], work, Attempt("app", dict(work.request or {})))
            if outcome.code == 0 and outcome.answer["statusCode"] < 500:
                answer = outcome.answer
                break
        if answer is None or (answer["statusCode"] >= 400 and "refused" not in work.ends):
            raise Violated(self._told(work.kind, [f"the request is answered with {answer}"]))
        again = self._sure(self.place.workers[0].make(Attempt("app", dict(work.request or {}))))
        if (again["statusCode"], again["body"]) != (answer["statusCode"], answer["body"]):
            raise Violated(self._told(work.kind, [f"{answer} was answered first, then {again}"]))

    def _retain(self, work: Work) -> None:
        for _ in range(_MOST_ATTEMPTS):
            if self._attempt(self.place.workers[0], work, Attempt("retention", {}, days_ahead=2)).code == 0:
                return
        raise Violated(self._told(work.kind, ["it does not come to an end"]))

    def _drain(self, work: Work) -> None:
        """Have the workers take what is in the queue until there is nothing, as SQS gives it out."""
        before = self.attempts
        with ThreadPoolExecutor(len(self.place.workers)) as pool:
            for each in [pool.submit(self._take_all, worker, work, before) for worker in self.place.workers]:
                each.result()

    def _take_all(self, worker: Worker, work: Work, before: int) -> None:
        place = self.place
        while True:
            with self._lock:
                got = place.sqs.receive_message(
                    QueueUrl=place.queue, MaxNumberOfMessages=1, AttributeNames=["ApproximateReceiveCount"]
                ).get("Messages", [])
                if not got and self._busy == 0:
                    return
                self._busy += len(got)
            if not got:
                time.sleep(0.02)
                continue
            try:
                self._take(worker, work, got[0])
            finally:
                with self._lock:
                    self._busy -= 1
            if self.attempts - before > _MOST_ATTEMPTS:
                raise Violated(self._told(work.kind, [f"the queue does not run dry: {got[0]['Body']}"]))

    def _take(self, worker: Worker, work: Work, message: dict[str, Any]) -> None:
        place, count = self.place, int(message["Attributes"]["ApproximateReceiveCount"])
        work.most_deliveries = max(work.most_deliveries, count)
        hurry = 900.0 if work.hurry is None or "late" in json.loads(message["Body"]) else work.hurry
        outcome = self._attempt(worker, work, Attempt("worker", delivery(message["Body"], count), seconds=hurry))
        receipt = {"QueueUrl": place.queue, "ReceiptHandle": message["ReceiptHandle"]}
        if outcome.code == 0:
            place.sqs.delete_message(**receipt)
        elif count >= _MOST_DELIVERIES:
            place.sqs.delete_message(**receipt)
            with self._lock:
                self.dead_letters += 1
        else:
            place.sqs.change_message_visibility(**receipt, VisibilityTimeout=0)

    def _attempt(self, worker: Worker, work: Work, attempt: Attempt) -> Outcome:
        plan = self.kills.plan()
        if work.linger_at:
            plan = replace(plan, linger_at=work.linger_at, linger=work.linger)
        outcome = worker.make(replace(attempt, plan=plan))
        with self._lock:
            self.attempts += 1
            self.kills.note(replace(plan, linger_at=None, linger=0.0), outcome)
            if outcome.code not in (0, 1) and not outcome.killed:
                raise Violated(self._told(work.kind, [f"a process ended with {outcome.code}: {outcome.log}"]))
            if outcome.code == 1 and attempt.entry != "worker":
                raise Violated(self._told(work.kind, [f"{attempt.entry} raised: {outcome.log}"]))
            if outcome.code == 1 and "workers came to no end with this" not in outcome.log:
                raise Violated(self._told(work.kind, [f"the worker raised: {outcome.log}"]))
            if outcome.killed and state_of(self.place) not in work.allowed:
                raise Violated(self._told(work.kind, [f"a kill at {plan} left the tables in between"]))
        return outcome

    def _look(self, work: Work, mark: str) -> None:
        """Hold what came of work against the model, and learn what later work needs to know of it."""
        kept, shown = ledger(self.place, mark), catalogue(self.place, "run", mark)
        faults = disagreements(self.place, mark)
        state = state_of(self.place)
        gave_up = work.most_deliveries > 3
        for run, item in shown.items():
            if item["kind"] == "retention":  # whose clock is ahead
                continue
            self.ends[f"{item['kind']} {item['state']}"] += 1
            if item["state"] not in {*work.ends, "queued", *(["failed"] if gave_up else [])}:
                faults.append(f"{run} ended as {item['state']}: {item.get('error')}")
        if not gave_up and state != work.allowed[-1]:
            faults.append(f"the tables are not as they should be: {_difference(state, work.allowed[-1])}")
        if state not in work.allowed:
            faults.append(f"the tables are in between: {_difference(state, work.allowed[-1])}")
        written = [entry for entry in kept.values() if entry["kind"] in ("load", "batch", "replay")]
        if work.counts is not None and written and written[0]["state"] != "failed":
            entry = written[0]
            if len(written) > 1 or (entry["read"], entry["inserted"], entry["rejected"]) != work.counts:
                faults.append(f"counted {written}, not {work.counts}")
        left = left_behind(self.place.database, self.schema)
        faults += [fault for fault in left if not (gave_up and "_idx'" in fault)]  # a sweep makes these
        if faults:
            raise Violated(self._told(work.kind, faults))
        self.source.state = state
        self._learn(work, kept, shown)

    def _learn(self, work: Work, kept: dict[str, Any], shown: dict[str, Any]) -> None:
        if work.retention:
            self._forget_snapshots()
        for run, item in shown.items():
            if item["kind"] == "backup" and item["state"] == "succeeded":
                self.source.snapshots[item["result"]["snapshot"]] = self.source.state
            if item["kind"] == "load" and item["state"] == "succeeded" and run in kept and "good" in work.result:
                self.source.runs_with_file = [*self.source.runs_with_file[-5:], (run, work.result["good"])]
                self.source.correctable = [
                    *self.source.correctable[-20:],
                    *(replace(each, run=run) for each in work.result["correctable"]),
                ]

    def _forget_snapshots(self) -> None:
        """Restore nothing that retention has deleted."""
        listed = {item["snapshot"] for item in catalogue(self.place, "backup").values()}
        self.source.snapshots = {name: made for name, made in self.source.snapshots.items() if name in listed}

    @contextmanager
    def _locked(self, seconds: float) -> Iterator[None]:
        """Keep everybody out of a table for a while, from when the work begins."""
        if not seconds:
            yield
            return
        with self.place.database.as_owner() as owner:
            owner.execute_simple(f"BEGIN; LOCK TABLE {JOBS} IN ACCESS EXCLUSIVE MODE")
            free = threading.Timer(seconds, lambda: owner.execute_simple("ROLLBACK"))
            free.start()
            try:
                yield
            finally:
                free.join()

    def _sure(self, outcome: Outcome) -> Any:
        if outcome.code != 0:
            raise Violated(self._told("a process that nobody killed", [f"ended with {outcome.code}: {outcome.log}"]))
        return outcome.answer

    def _told(self, what: str, faults: list[str]) -> str:
        return "\n".join([f"seed {self.seed}, {self.kills.total} kills, {what}:", *faults[:20]])

    def report(self) -> str:
        """What was done, for people."""
        lines = [
            f"seed {self.seed}: {self.kills.total} kills in {self.attempts} attempts at {self.works.total()} works; "
            f"{self.dead_letters} messages among the dead letters",
            f"  works  {dict(self.works.most_common())}",
            f"  ends   {dict(self.ends.most_common())}",
            f"  kills  {dict(self.kills.by_point.most_common())}",
            f"  never  {[point.value for point in Point if not self.kills.by_point[point.value]]}",
        ]
        return "\n".join(lines)


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    return "; ".join(
        f"{table}: {len(found[table].keys() - wanted[table].keys())} too many, "
        f"{len(wanted[table].keys() - found[table].keys())} lacking, "
        f"{sum(found[table][key] != wanted[table][key] for key in found[table].keys() & wanted[table].keys())} other"
        for table in wanted
    )
