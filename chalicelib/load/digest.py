"""The SHA-256 that a file's content is known by, made so that its parts can be hashed apart."""

from __future__ import annotations

import hashlib

LEAF = 8 * 2**20


class Leaves:
    """The SHA-256s of stretches of ``LEAF`` bytes, one after the other; the last may be shorter."""

    def __init__(self) -> None:
        self._digests = bytearray()
        self._hash = hashlib.sha256()
        self._room = LEAF

    def feed(self, content: bytes) -> None:
        """Take the bytes that come next."""
        rest = memoryview(content)
        while len(rest) >= self._room:
            self._hash.update(rest[: self._room])
            rest = rest[self._room :]
            self._digests += self._hash.digest()
            self._hash, self._room = hashlib.sha256(), LEAF
        self._hash.update(rest)
        self._room -= len(rest)

    def digests(self) -> bytes:
        """32 bytes for each leaf; those of a file without a byte are none."""
        return bytes(self._digests) + (self._hash.digest() if self._room < LEAF else b"")


def content_digest(leaves: bytes) -> str:
    """What a file is known by, from the digests of all its leaves: that of its one leaf, or the SHA-256 of them all."""
    return leaves.hex() if len(leaves) == hashlib.sha256().digest_size else hashlib.sha256(leaves).hexdigest()


def whole_leaves(size: int) -> int:
    """A size in bytes as whole leaves, one at least."""
    return max(1, -(-size // LEAF)) * LEAF
