"""Ways to damage the bytes of an Avro file, at random."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from chalicelib.backup.container import Container


@dataclass(frozen=True)
class Blocks:
    """A file cut where its blocks begin: its header, and each block with its sizes and marker."""

    header: bytes
    blocks: list[bytes]

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, content: bytes) -> Blocks:
        """The blocks of a file that is whole."""
        starts = [block.at for block in Container(io.BytesIO(content)).blocks()]
        ends = [*starts[1:], len(content)]
        return cls(
            content[: starts[0]] if starts else content,
            [content[begin:end] for begin, end in zip(starts, ends, strict=True)],
        )

    def joined(self, blocks: list[bytes]) -> bytes:
        """A file of the same header with those blocks."""
        return self.header + b"".join(blocks)


Damage = Callable[[random.Random, bytes], bytes]


def flip_a_bit(dice: random.Random, content: bytes) -> bytes:
    """One bit."""
    return _changed(content, dice.randrange(len(content)), lambda octet: octet ^ 1 << dice.randrange(8))


def change_a_byte(dice: random.Random, content: bytes) -> bytes:
    """One byte, to any other."""
    return _changed(content, dice.randrange(len(content)), lambda octet: octet ^ dice.randrange(1, 256))


def change_a_header(dice: random.Random, content: bytes) -> bytes:
    """A byte of the file's header, or of the sizes before a block."""
    blocks = Blocks.of(content)
    if dice.random() < 0.5:
        at = dice.randrange(len(blocks.header))
    else:
        number = dice.randrange(len(blocks.blocks))
        at = len(blocks.joined(blocks.blocks[:number])) + dice.randrange(6)
    return _changed(content, at, lambda octet: octet ^ dice.randrange(1, 256))


def change_a_run(dice: random.Random, content: bytes) -> bytes:
    """Up to a sector, to zeros or noise."""
    at, size = dice.randrange(len(content)), dice.randint(1, 512)
    size = min(size, len(content) - at)
    noise = bytes(size) if dice.random() < 0.5 else dice.randbytes(size)
    return content[:at] + noise + content[at + size :]


def cut(dice: random.Random, content: bytes) -> bytes:
    """The end, from anywhere."""
    return content[: dice.randrange(len(content))]


def cut_at_a_block(dice: random.Random, content: bytes) -> bytes:
    """The end, from where a block begins."""
    blocks = Blocks.of(content)
    return blocks.joined(blocks.blocks[: dice.randrange(len(blocks.blocks))])


def drop_a_block(dice: random.Random, content: bytes) -> bytes:
    """One block."""
    blocks = Blocks.of(content)
    number = dice.randrange(len(blocks.blocks))
    return blocks.joined(blocks.blocks[:number] + blocks.blocks[number + 1 :])


def repeat_a_block(dice: random.Random, content: bytes) -> bytes:
    """One block twice, the second time anywhere."""
    blocks = Blocks.of(content)
    again = list(blocks.blocks)
    again.insert(dice.randint(0, len(again)), dice.choice(again))
    return blocks.joined(again)


def swap_blocks(dice: random.Random, content: bytes) -> bytes:
    """Two blocks in each other's place."""
    blocks = Blocks.of(content)
    swapped = list(blocks.blocks)
    one, other = dice.sample(range(len(swapped)), 2)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    return blocks.joined(swapped)


def insert(dice: random.Random, content: bytes) -> bytes:
    """Some bytes more, anywhere."""
    at = dice.randint(0, len(content))
    return content[:at] + dice.randbytes(dice.randint(1, 16)) + content[at:]


DAMAGES: list[Damage] = [
    flip_a_bit, change_a_byte, change_a_header, change_a_run, cut, cut_at_a_block, drop_a_block, repeat_a_block,
    swap_blocks, insert,
]  # fmt: skip


def _changed(content: bytes, at: int, change: Callable[[int], int]) -> bytes:
    damaged = bytearray(content)
    damaged[at] = change(damaged[at])
    return bytes(damaged)
