"""Which emulator a stack runs on: chosen when the stack is made, and kept, for what it holds can't be moved."""

from collections.abc import Mapping
from pathlib import Path

from infra.local.emulator import Emulator
from infra.local.localstack import LocalStack
from infra.local.ministack import MiniStack
from infra.local.record import StackError

EMULATORS: Mapping[str, type[Emulator]] = {kind.name: kind for kind in (MiniStack, LocalStack)}
VARIABLE = "DECANT_EMULATOR"


def wanted_emulator(folder: Path, environment: Mapping[str, str]) -> type[Emulator]:
    """Give the emulator of the stack in `folder`: the one it was made with, else the environment's, else the usual.

    Raises StackError when the environment wants another one than the stack was made with, or one that is not known.
    """
    file = _file(folder)
    made_with = file.read_text() if file.exists() else MiniStack.name if (folder / "emulator").exists() else None
    name = environment.get(VARIABLE) or made_with or MiniStack.name
    if name not in EMULATORS:
        raise StackError(f"EMULATOR is {name!r}; it takes {' or '.join(EMULATORS)}.")
    if made_with not in (None, name):
        raise StackError(
            f"This stack was made with EMULATOR={made_with}. Leave the variable out, "
            f"or forget the stack and its data (`make reset`) to make it with {name}."
        )
    return EMULATORS[name]


def keep_emulator(folder: Path, emulator: Emulator) -> None:
    """Note the emulator in the stack's folder."""
    _file(folder).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _file(folder).write_text(emulator.name)


def _file(folder: Path) -> Path:
    return folder / "emulator" / "kind"
