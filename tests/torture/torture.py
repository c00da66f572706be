"""The long torture, `make torture [KILLS=1000] [SEED=n] [MINUTES=60]`: random kills over mixed work.

It ends when so many processes were killed, and fails when a promise was not kept, or when the minutes did not suffice.
At which points it made no kill, it tells; that there is a kill at each is for ``test_kill_points``.
"""

from __future__ import annotations

import os
import random
import time

from tests.torture.place import Place
from tests.torture.torment import Torment

KINDS = {
    "few rows": 6, "many rows": 4, "first load": 3, "very many rows": 3, "parts": 3, "two files": 3, "locked out": 1,
    "out of time": 3, "bad file": 2, "same again": 2, "same parts again": 1, "batch": 10, "correction": 5,
    "load again": 3, "backup": 5, "scheduled backup": 2, "restore": 6, "retention": 3, "rebuild": 1,
}  # fmt: skip
WORKS_OF_A_ROUND = 20
# Mostly the next worker comes to an end; after three that died the worker gives up, which is an end as well.
KILLS_OF_A_WORK = [0, 1, 1, 2, 2, 2, 3, 3, 6]


def test_torture(place: Place) -> None:
    kills, minutes = int(os.environ.get("KILLS") or 1000), float(os.environ.get("MINUTES") or 60)
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    deadline = time.monotonic() + 60 * minutes
    torment = Torment(place, seed)
    print(f"\nseed {seed}: {kills} kills, {minutes:g} minutes at most", flush=True)
    try:
        while torment.kills.total < kills and time.monotonic() < deadline:
            for kind in torment.chance.choices(list(KINDS), list(KINDS.values()), k=WORKS_OF_A_ROUND):
                torment.do(kind, torment.chance.choice(KILLS_OF_A_WORK))
                if time.monotonic() > deadline:
                    break
            torment.sweep()
            print(f"{torment.kills.total} kills in {torment.works.total()} works", flush=True)
    finally:
        print(torment.report(), flush=True)
    assert torment.kills.total >= kills, "the minutes did not suffice"
