"""A disk of a few megabytes that can really be filled: a tmpfs, which root may mount, as may who has sudo in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local.unprivileged import Account

_FILLING = ".filling"


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Mount a disk in a folder that the account of Postgres owns; skip the test where nobody lets us."""
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    folder = Path(tempfile.mkdtemp(prefix="decant-disk-", dir="/var/tmp"))
    account = Account.of_server()
    options = f"size={megabytes}m,mode=700,uid={account.uid},gid={account.gid}"
    mount = [*become, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        refused = done.stderr.strip() if done.returncode else ""
    except FileNotFoundError as error:  # no sudo, or no such system
        refused = str(error)
    if refused:
        folder.rmdir()
        pytest.skip(f"no small disk can be mounted here: {refused}")
    try:
        yield folder
    finally:
        subprocess.run([*become, "umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def fill(disk: Path, leaving: int = 0) -> None:
    """Leave so many bytes free."""
    with (disk / _FILLING).open("wb", buffering=0) as file:
        for block in (65536, 4096):
            while shutil.disk_usage(disk).free >= leaving + block:
                file.write(b"\0" * block)


def free(disk: Path) -> None:
    """Give the place back."""
    (disk / _FILLING).unlink()
