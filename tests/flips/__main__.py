"""Damage a backup of tens of thousands of rows again and again: ``python -m tests.flips [--count N] [--seed N]``.

Each damage must be refused by a verification and by what a restore reads, and, for it may come after the bytes were
checked, by the second line alone, which knows the file's rows only: what that lets pass must be the rows as saved.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections import Counter
from decimal import Decimal

import pyarrow as pa

from chalicelib.errors import BackupDamaged
from tests.contract.backup_support import stock
from tests.flips.damage import DAMAGES
from tests.flips.saved import Saved, read_as_restore, read_as_verify, read_unchecked, save

ROWS = 30_000
# The second line reads all rows, which takes ten times as long as the first: so it is asked of each third damage.
_SECOND_LINE_EACH = 3
_SECONDS_EACH = 10.0


def big(dice: random.Random, rows: int = ROWS) -> Saved:
    """A backup of shelves in three parts, with values of every type."""
    dictionary = stock()
    table = dictionary.table("shelves")
    columns = {
        "site": sorted(dice.choice("ABCDÄ") * dice.randint(1, 9) for _ in range(rows)),
        "number": [dice.randint(-(2**31), 2**31 - 1) for _ in range(rows)],
        "within_site": [dice.choice([None, "", "ä" * dice.randint(1, 30)]) for _ in range(rows)],
        "within_number": [dice.choice([None, dice.randint(-9, 9)]) for _ in range(rows)],
        "counted": [dice.choice([None, dice.randint(-(2**55), 2**57)]) for _ in range(rows)],
        "worth": [dice.choice([None, Decimal(dice.randint(-(10**20), 10**20))]) for _ in range(rows)],
        "big": [dice.randint(-(10**18) + 1, 10**18 - 1) for _ in range(rows)],
    }
    whole = pa.table(
        [pa.array(columns[field.name], field.type) for field in table.arrow],
        schema=table.arrow,
    )
    third = rows // 3
    return save(dictionary, table, [whole.slice(0, third), whole.slice(third, third), whole.slice(2 * third)])


def damage_one(seed: int, saved: Saved, *, told: Counter[str]) -> None:
    """Damage a file of a backup and read it in every way. Raises AssertionError when the damage is not refused.

    ``seed`` is the damage's own, which an error tells.
    """
    try:
        _damage_one(random.Random(seed), saved, told)
    except BaseException as error:
        error.add_note(f"The damage's own seed is {seed}.")
        raise


def _damage_one(dice: random.Random, saved: Saved, told: Counter[str]) -> None:
    key = dice.choice(saved.manifest.files).file
    whole = saved.storage.objects[key]
    damage = dice.choice(DAMAGES)
    content = damage(dice, whole)
    if content == whole:
        told["no damage"] += 1
        return
    storage = saved.storage.but(key, content)
    for read in (read_as_verify, read_as_restore):
        begun = time.process_time()
        try:
            read(storage, saved)
        except BackupDamaged as error:
            if key not in error.detail or not error.hint:
                raise AssertionError(f"{damage.__name__}: the error does not tell where: {error}") from error
        else:
            raise AssertionError(f"{damage.__name__} of {key} is not seen by {read.__name__}")
        if time.process_time() - begun > _SECONDS_EACH:
            raise AssertionError(f"{damage.__name__} of {key} takes too long to be refused")
    told[damage.__name__] += 1
    if dice.randrange(_SECOND_LINE_EACH):
        return
    told["second line"] += 1
    try:
        rows = read_unchecked(storage, saved)
    except BackupDamaged as error:
        if key not in error.detail:
            raise AssertionError(f"{damage.__name__}: the error does not tell where: {error}") from error
    else:
        if not rows.equals(read_unchecked(saved.storage.but("", None), saved)):
            raise AssertionError(f"{damage.__name__} of {key} makes other rows, and nothing sees it")
        told["second line: bytes differ, rows are the same"] += 1


def main() -> int:
    """Run as many as are asked for, and tell what was done."""
    parser = argparse.ArgumentParser(prog="tests.flips")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--seconds", type=float, default=3_600, help="stop after so long")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    dice = random.Random(asked.seed)
    saved = big(dice)
    read_as_restore(saved.storage.but("", None), saved)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told: Counter[str] = Counter()
    begun = time.monotonic()
    done = tried = 0
    while done < asked.count and time.monotonic() - begun < asked.seconds:
        damage_one(dice.randrange(2**32), saved, told=told)
        tried += 1
        done = tried - told["no damage"]
        if tried % 1_000 == 0:
            print(f"{done} in {time.monotonic() - begun:.0f} s", flush=True)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{saved.manifest.rows} rows, {saved.manifest.bytes} bytes; {done} damages, all refused; "
          f"at most {grown:.0f} MiB more than reading the whole one")  # fmt: skip
    for name, count in sorted(told.items()):
        print(f"  {name}: {count}")
    if done < asked.count:
        print(f"there was no time for all {asked.count}", file=sys.stderr)
    return int(done < asked.count)


if __name__ == "__main__":
    sys.exit(main())
