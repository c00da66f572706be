"""What the figures were measured on, and of which commit."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil


def machine() -> dict[str, str]:
    """Tell the processor, its cores, the memory and the kernel."""
    return {
        "processor": _processor(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
    }


def versions(postgres: Path, peers: Mapping[str, str]) -> dict[str, str]:
    """Tell the versions of Python, of the server, and of the peers."""
    told = subprocess.run([postgres, "--version"], check=True, capture_output=True, text=True).stdout
    return {"Python": platform.python_version(), "Postgres": told.split()[-1], **peers}


def commit(root: Path) -> str:
    """Tell the commit, and whether files differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, check=False, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    return f"{git('rev-parse', '--short=12', 'HEAD') or 'unknown'}{' and changes' if changed else ''}"


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except FileNotFoundError:
        found = None
    return found[1] if found else platform.processor() or "unknown"
