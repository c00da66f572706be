"""Stacks of the tests' own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from infra.local.ports import free_port
from infra.local.record import Ports
from infra.local.stack import Stack

ROOT = Path(__file__).parents[1]
# The durability of a test's database is nobody's concern.
SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def own_stack(place: Path, **more: Any) -> Stack:
    """A stack on free ports, below a folder, with the tools of the checkout; ``more`` are arguments of ``Stack``."""
    ports = Ports(free_port(), free_port())
    return Stack(ROOT, place / "local", ports, tools=ROOT / ".local", settings=SETTINGS, **more)
