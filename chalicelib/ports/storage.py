"""Where objects are kept: files that were dropped, backups, anchors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a store says of an object without opening it.

    Object Lock keeps it until ``locked_until``; without end when somebody holds it.
    """

    key: str
    size: int
    modified: dt.datetime
    etag: str
    version: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    locked_until: dt.datetime | None = None


class Storage(Protocol):
    """A bucket, or a folder."""

    @property
    def name(self) -> str:
        """The bucket's name."""

    def head(self, key: str, version: str | None = None) -> StoredObject:
        """What is known of an object. Raises NotFound."""

    def open(self, key: str, version: str | None = None, *, first: int = 0, last: int | None = None) -> BinaryIO:
        """The object's bytes as a stream, which the caller closes. Raises NotFound.

        ``first`` and ``last`` are places in it: from the one up to, and without, the other.
        """

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write a small object at once."""

    def write(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A stream to write an object of any size to; it exists once the context ends, and not if it fails."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """The objects below a prefix, in the order of their keys."""

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""
