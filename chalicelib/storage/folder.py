"""A folder of the file system as a storage."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from chalicelib.errors import BadRequest, DecantError, NotFound, Unavailable
from chalicelib.ports import StoredObject
from chalicelib.storage.metadata import checked_metadata
from chalicelib.storage.up_to import UpTo


class FolderStorage:
    """A folder of the file system, which is made when something is first written.

    A key's parts are folders and a file; none may begin with a dot, so no key leaves the folder. There are no versions.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The folder's path."""
        return str(self._path)

    def head(self, key: str, version: str | None = None) -> StoredObject:
        """See ``ports.Storage``."""
        path = self._existing(key, version)
        with _folder_errors(path):
            return self._stored(key, path, _read_metadata(path))

    def open(self, key: str, version: str | None = None, *, first: int = 0, last: int | None = None) -> BinaryIO:
        """See ``ports.Storage``."""
        path = self._existing(key, version)
        with _folder_errors(path):
            stream = path.open("rb")
            stream.seek(first)
            return stream if last is None else cast(BinaryIO, UpTo(stream, last - first))

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """See ``ports.Storage``."""
        with self._replacing(key, checked_metadata(metadata)) as file:
            file.write(content)

    @contextmanager
    def write(self, key: str) -> Iterator[BinaryIO]:
        """See ``ports.Storage``."""
        with self._replacing(key, {}) as file:
            yield file

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See ``ports.Storage``. A listing tells no metadata."""
        files = (
            (path.relative_to(self._path).as_posix(), path)
            for path in self._path.rglob("*")
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(self._path).parts)
        )
        wanted = [(key, path) for key, path in files if key.startswith(prefix)]
        for key, path in sorted(wanted, key=lambda each: each[0].encode()):
            with _folder_errors(path):
                yield self._stored(key, path, {})

    def delete(self, key: str) -> None:
        """See ``ports.Storage``."""
        path = self._place(key)
        with _folder_errors(path), suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
            _metadata_path(path).unlink(missing_ok=True)

    def _place(self, key: str) -> Path:
        parts = key.split("/")
        if any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
            raise BadRequest(
                f"The key {key!r} is none of a folder.",
                hint="Its parts, between slashes, are not empty, begin with no dot and hold no backslash.",
            )
        path = self._path.joinpath(*parts)
        if not path.resolve().is_relative_to(self._path.resolve()):
            raise BadRequest(f"The key {key!r} leads out of {self._path}, through a symbolic link.")
        return path

    def _existing(self, key: str, version: str | None) -> Path:
        path = self._place(key)
        if version is not None or not path.is_file():
            raise NotFound(f"There is no {path}{'' if version is None else f' of version {version}'}.")
        return path

    @contextmanager
    def _replacing(self, key: str, metadata: Mapping[str, str]) -> Iterator[BinaryIO]:
        path = self._place(key)
        unfinished = path.with_name(f".{secrets.token_hex(8)}.part")
        with _folder_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = unfinished.open("xb")
        try:
            with file:
                yield file
                with _folder_errors(path):
                    file.flush()
                    os.fsync(file.fileno())
            with _folder_errors(path):
                _write_metadata(path, metadata)
                unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def _stored(self, key: str, path: Path, metadata: Mapping[str, str]) -> StoredObject:
        found = path.stat()
        return StoredObject(
            key=key,
            size=found.st_size,
            modified=dt.datetime.fromtimestamp(found.st_mtime, dt.UTC),
            etag=f"{found.st_ino:x}-{found.st_mtime_ns:x}",
            metadata=metadata,
        )


@contextmanager
def _folder_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFound(f"There is no {path}.") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable(f"The disk is full at {path}.", hint="Free some space, and try again.") from error
        raise DecantError(f"{path} can't be read or written: {error.strerror}.") from error


def _metadata_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.metadata.json")


def _read_metadata(path: Path) -> dict[str, str]:
    try:
        metadata: dict[str, str] = json.loads(_metadata_path(path).read_bytes())
    except FileNotFoundError:
        return {}
    return metadata


def _write_metadata(path: Path, metadata: Mapping[str, str]) -> None:
    if metadata:
        _metadata_path(path).write_text(json.dumps(metadata))
    else:
        _metadata_path(path).unlink(missing_ok=True)
