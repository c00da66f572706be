"""A big CSV file in parts: loaded by several Lambda workers at once, and by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from bench import names
from bench.figures import Sample, Series
from bench.goals import WORKERS
from bench.ground import Ground
from bench.peers import Peers
from bench.plan import Plan
from bench.timing import Contestant, in_turn

# Some more than workers, so that none waits long for the last of the others; the loader takes 8 MB at least.
_PARTS = 8
_LEAST_MEGABYTES = 8


def workers(ground: Ground, _peers: Peers, plan: Plan) -> dict[str, dict[str, Series]]:
    """Load 5M rows with each number of parts in the queue at a time, which is that of the workers."""
    file = ground.data.dirty(plan.bigger)
    ground.empty()

    def ours(_: int) -> Sample:
        return ground.measure_load(file.path, plan.bigger, file.bad)[0]

    part = max(_LEAST_MEGABYTES, round(file.path.stat().st_size / 2**20 / _PARTS))
    split = {"DECANT_SPLIT_ABOVE_MEGABYTES": "1", "DECANT_SPLIT_PART_MEGABYTES": str(part)}
    chosen = {
        names.workers(WORKERS): {**split, "DECANT_PARTS_AT_ONCE": str(WORKERS)},
        names.workers(1): {**split, "DECANT_PARTS_AT_ONCE": "1"},
    }
    with _settings_of_worker(ground) as usual:
        contestants = [
            Contestant(name, ours, prepare=partial(_prepare, ground, {**usual, **settings}), tidy=ground.empty)
            for name, settings in chosen.items()
        ]
        return {names.WORKERS: in_turn(names.WORKERS, contestants, plan.few, ground.tell)}


def _prepare(ground: Ground, settings: Mapping[str, str]) -> None:
    """Give the worker its settings, and have its processes started with them."""
    _set(ground, settings)
    ground.load(ground.data.clean(1000))
    ground.empty()
    ground.server.checkpoint()


@contextmanager
def _settings_of_worker(ground: Ground) -> Iterator[Mapping[str, str]]:
    """Give the worker's settings, and put them back in the end."""
    name = ground.record.worker_function
    usual = ground.record.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    try:
        yield usual
    finally:
        _set(ground, usual)


def _set(ground: Ground, settings: Mapping[str, str]) -> None:
    ground.record.client("lambda").update_function_configuration(
        FunctionName=ground.record.worker_function, Environment={"Variables": dict(settings)}
    )
