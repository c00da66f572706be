"""A table of 1M rows into a backup and back, against Postgres's own programs."""

from __future__ import annotations

from pathlib import Path

from bench import names
from bench.database import EMPLOYEES, PEERS
from bench.figures import Sample, Series
from bench.ground import Ground
from bench.peers import Peers
from bench.plan import Plan
from bench.timing import BenchError, Contestant, in_turn, run


def backup(ground: Ground, peers: Peers, plan: Plan) -> dict[str, dict[str, Series]]:
    """Back the table up in turn with pg_dump and fastavro, then restore it, emptied, in turn with pg_restore."""
    ground.fill(plan.big)
    ground.make_peers()
    server = ground.server
    server.copy(EMPLOYEES, ground.data.clean(plan.big), with_triggers=False)
    server.run(PEERS, f"VACUUM (ANALYZE) {EMPLOYEES}")
    measured = _backups(ground, peers, plan) | _restores(ground, plan)
    server.run(PEERS, f"TRUNCATE {EMPLOYEES}")
    return measured


def _backups(ground: Ground, peers: Peers, plan: Plan) -> dict[str, dict[str, Series]]:
    inside: list[Sample] = []
    work, url = names.backup(plan.big), ground.server.url(PEERS)

    def ours(_: int) -> Sample:
        whole, in_function, _run = ground.order(f"/tables/{EMPLOYEES}/backups")
        inside.append(in_function)
        return whole

    dump: list[str | Path] = [
        ground.server.program("pg_dump"),
        "-Fc",
        "-t",
        EMPLOYEES,
        "-f",
        ground.folder / "dump",
        url,
    ]
    contestants = [
        Contestant(names.OURS, ours, prepare=ground.server.checkpoint),
        Contestant(names.PG_DUMP, lambda _: run(dump).sample, prepare=ground.server.checkpoint),
    ]
    if {"fastavro", "dlt"} <= peers.versions.keys() and not plan.quick:
        contestants.append(
            Contestant(
                names.FASTAVRO,
                lambda _: peers.run("fastavro_backup", url, ground.folder / "rows.avro"),
                prepare=ground.server.checkpoint,
            )
        )
    measured = in_turn(work, contestants, plan.rounds, ground.tell)
    return {work: {**measured, names.IN_FUNCTION: Series.of(inside)}}


def _restores(ground: Ground, plan: Plan) -> dict[str, dict[str, Series]]:
    inside: list[Sample] = []
    server, work = ground.server, names.restore(plan.big)

    def ours(_: int) -> Sample:
        whole, in_function, run = ground.order(f"/tables/{EMPLOYEES}/restores")
        if run["inserted"] != plan.big:
            raise BenchError(f"The restore did not do what it should: {run}")
        inside.append(in_function)
        return whole

    def theirs(*options: str) -> Sample:
        program: list[str | Path] = [
            server.program("pg_restore"),
            *options,
            "--dbname",
            server.url(PEERS),
            ground.folder / "dump",
        ]
        sample = run(program).sample
        restored = server.value(PEERS, f"SELECT count(*) FROM {EMPLOYEES}")
        if restored != plan.big:
            raise BenchError(f"pg_restore restored {restored} rows of {plan.big}.")
        return sample

    def empty_ours() -> None:
        ground.empty()
        server.checkpoint()

    def empty_theirs() -> None:
        server.run(PEERS, f"TRUNCATE {EMPLOYEES}")
        server.checkpoint()

    contestants = [
        Contestant(names.OURS, ours, prepare=empty_ours),
        Contestant(names.PG_RESTORE, lambda _: theirs("--clean", "--if-exists"), prepare=empty_theirs),
    ]
    if not plan.quick:
        contestants.append(Contestant(names.PG_RESTORE_DATA, lambda _: theirs("--data-only"), prepare=empty_theirs))
    measured = in_turn(work, contestants, plan.rounds, ground.tell)
    return {work: {**measured, names.IN_FUNCTION: Series.of(inside)}}
