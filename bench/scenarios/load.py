"""CSV files through the whole stack, from S3 to the commit, against what else loads them into the same server."""

from __future__ import annotations

from collections.abc import Callable

from bench import names
from bench.database import BARE, EMPLOYEES, PEERS
from bench.figures import Sample, Series
from bench.ground import Ground
from bench.peers import Peers
from bench.plan import Plan
from bench.timing import BenchError, Contestant, in_turn, run

Measured = dict[str, dict[str, Series]]
_PGLOADER = """
LOAD CSV FROM '{path}' HAVING FIELDS (id, name, datetime, department_id, job_id)
INTO {url} TARGET TABLE public.hired_employees TARGET COLUMNS (id, name, datetime, department_id, job_id)
WITH fields terminated by ',', fields optionally enclosed by '"';
"""


def load(ground: Ground, peers: Peers, plan: Plan) -> Measured:
    """Load 1M rows against the peers that are fast enough for it, and 100k against the others."""
    fast = [_copy(ground, plan.big), _copy(ground, plan.big, BARE)]
    slow = [_copy(ground, plan.small)]
    if "dlt" in peers.versions and not plan.quick:
        fast.append(_peer(names.DLT, lambda _: _dlt(ground, peers, plan.big), ground))
    if "pgloader" in peers.versions and not plan.quick:
        fast.append(_peer(names.PGLOADER, lambda _: _pgloader(ground, plan.big), ground))
    for peer, program in ((names.AWSWRANGLER, "awswrangler"), (names.PANDAS, "pandas")):
        if program in peers.versions and not plan.quick:
            slow.append(_peer(peer, _to_sql(ground, peers, program, plan.small), ground))
    measured = _against(ground, plan.big, plan.rounds, fast)
    return measured if plan.quick else measured | _against(ground, plan.small, plan.rounds, slow)


def big(ground: Ground, _peers: Peers, plan: Plan) -> Measured:
    """Load 5M rows, for the memory above all."""
    return _against(ground, plan.bigger, plan.few, [_copy(ground, plan.bigger)])


def _against(ground: Ground, rows: int, rounds: int, others: list[Contestant]) -> Measured:
    ground.make_peers()
    work, file = names.csv_load(rows), ground.data.dirty(rows)
    indexed: list[Sample] = []

    def ours(_: int) -> Sample:
        committed, with_indexes = ground.measure_load(file.path, rows, file.bad)
        indexed.append(with_indexes)
        return committed

    us = Contestant(names.OURS, ours, prepare=ground.server.checkpoint, tidy=ground.empty)
    ground.empty()
    measured = in_turn(work, [us, *others], rounds, ground.tell)
    return {work: {**measured, names.INDEXED: Series.of(indexed)}}


def _copy(ground: Ground, rows: int, table: str = EMPLOYEES) -> Contestant:
    path = ground.data.clean(rows)
    name = names.COPY_BARE if table == BARE else names.COPY
    return _peer(name, lambda _: ground.server.copy(table, path), ground)


def _peer(name: str, measure: Callable[[int], Sample], ground: Ground) -> Contestant:
    tidy = f"TRUNCATE {EMPLOYEES}, {BARE}; DROP SCHEMA IF EXISTS dlt_bench, dlt_bench_staging CASCADE"
    return Contestant(name, measure, prepare=ground.server.checkpoint, tidy=lambda: ground.server.run(PEERS, tidy))


def _to_sql(ground: Ground, peers: Peers, program: str, rows: int) -> Callable[[int], Sample]:
    path = ground.data.clean(rows)
    return lambda _: peers.run("to_sql", program, ground.server.url(PEERS), path)


def _dlt(ground: Ground, peers: Peers, rows: int) -> Sample:
    folder = ground.fresh_folder("dlt")
    return peers.run("dlt_load", ground.server.url(PEERS), ground.data.clean(rows), folder)


def _pgloader(ground: Ground, rows: int) -> Sample:
    commands = ground.fresh_folder("pgloader") / "commands.load"
    commands.write_text(_PGLOADER.format(path=ground.data.clean(rows), url=ground.server.url(PEERS)))
    sample = run(["pgloader", "--root-dir", commands.parent, commands]).sample
    loaded = ground.server.value(PEERS, f"SELECT count(*) FROM {EMPLOYEES}")
    if loaded != rows:
        raise BenchError(f"pgloader loaded {loaded} of {rows} rows.")
    return sample
