"""Where objects are kept: an S3 bucket, or a folder of the file system. Both keep one contract, ``ports.Storage``."""

from __future__ import annotations

import datetime as dt
import errno
import io
import json
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import quote

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from chalicelib.errors import BadRequest, DecantError, NotFound, Unavailable
from chalicelib.ports import StoredObject

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# S3 takes parts of 5 MiB to 5 GiB, 10,000 of them: objects of 78 GiB can be written with this.
_PART_BYTES = 8 * 1024 * 1024
_READ_BYTES = 256 * 1024

# 405 is what S3 answers for a version that is a delete marker.
_MISSING = {"NoSuchKey", "NoSuchVersion", "NotFound", "404", "405", "MethodNotAllowed"}
_DENIED = {"AccessDenied", "Forbidden", "403"}
_BUSY = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestTimeout", "OperationAborted",
         "429"}  # fmt: skip


class S3Storage:
    """A bucket, through a boto3 client. An object of any size goes through a few MiB of memory."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @property
    def name(self) -> str:
        """See ``ports.Storage``."""
        return self._bucket

    def head(self, key: str, version: str | None = None) -> StoredObject:
        """See ``ports.Storage``."""
        found = self._call("head_object", "s3:GetObject", Key=key, **_version(version))
        return StoredObject(
            key=key,
            size=found["ContentLength"],
            modified=found["LastModified"],
            etag=found["ETag"].strip('"'),
            version=found.get("VersionId"),
            metadata=found.get("Metadata", {}),
        )

    def open(self, key: str, version: str | None = None) -> BinaryIO:
        """See ``ports.Storage``. A body that breaks off while it is read raises Unavailable."""
        body = self._call("get_object", "s3:GetObject", Key=key, **_version(version))["Body"]
        return io.BufferedReader(_Body(body, self._where(key)), _READ_BYTES)

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """See ``ports.Storage``."""
        self._call("put_object", "s3:PutObject", Key=key, Body=content, Metadata=_checked(metadata))

    @contextmanager
    def write(self, key: str) -> Iterator[BinaryIO]:
        """See ``ports.Storage``."""
        upload = _Upload(lambda operation, **arguments: self._call(operation, "s3:PutObject", Key=key, **arguments))
        try:
            yield cast(BinaryIO, upload)
            upload.complete()
        except BaseException:
            upload.abort()
            raise

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See ``ports.Storage``. A listing tells neither versions nor metadata."""
        more: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", "s3:ListBucket", Prefix=prefix, **more)
            for each in page.get("Contents", ()):
                yield StoredObject(
                    key=each["Key"], size=each["Size"], modified=each["LastModified"], etag=each["ETag"].strip('"')
                )
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def delete(self, key: str) -> None:
        """See ``ports.Storage``."""
        with suppress(NotFound):
            self._call("delete_object", "s3:DeleteObject", Key=key)

    def presign_upload(
        self, key: str, *, max_bytes: int, seconds: int, metadata: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """A form that uploads one file of 1 to ``max_bytes`` bytes, under exactly that key and metadata.

        ``url`` takes the POST; ``fields`` go before the file's field, which is named ``file``. Nothing is sent to S3.
        """
        if "${" in key:
            raise BadRequest(f"The key {key!r} holds '${{', which S3 would fill in.", hint="Choose another file name.")
        fields = {f"x-amz-meta-{name}": value for name, value in _checked(metadata).items()}
        form: dict[str, Any] = _s3_errors(
            self._client.generate_presigned_post,
            self._where(key),
            "s3:PutObject",
            Bucket=self._bucket,
            Key=key,
            Fields=dict(fields),
            Conditions=[*({name: value} for name, value in fields.items()), ["content-length-range", 1, max_bytes]],
            ExpiresIn=seconds,
        )
        return form

    def presign_download(self, key: str, *, seconds: int, filename: str) -> str:
        """A URL that downloads the object under the name ``filename``. Nothing is sent to S3."""
        disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"  # RFC 6266
        url: str = _s3_errors(
            self._client.generate_presigned_url,
            self._where(key),
            "s3:GetObject",
            ClientMethod="get_object",
            Params={"Bucket": self._bucket, "Key": key, "ResponseContentDisposition": disposition},
            ExpiresIn=seconds,
        )
        return url

    def _call(self, operation: str, right: str, **arguments: Any) -> Any:
        where = self._where(arguments.get("Key", arguments.get("Prefix", "")))
        return _s3_errors(getattr(self._client, operation), where, right, Bucket=self._bucket, **arguments)

    def _where(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


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

    def open(self, key: str, version: str | None = None) -> BinaryIO:
        """See ``ports.Storage``."""
        path = self._existing(key, version)
        with _folder_errors(path):
            return path.open("rb")

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """See ``ports.Storage``."""
        with self._replacing(key, _checked(metadata)) as file:
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


class _Upload(io.RawIOBase):
    """A stream into one object: put at once when it is small, else in parts. ``call`` runs S3 operations on its key."""

    def __init__(self, call: Callable[..., Any]) -> None:
        super().__init__()
        self._call = call
        self._pending = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._pending += content
        while len(self._pending) > _PART_BYTES:
            self._send(bytes(memoryview(self._pending)[:_PART_BYTES]))
            del self._pending[:_PART_BYTES]
        return len(content)

    def complete(self) -> None:
        if self._upload is None:
            self._call("put_object", Body=bytes(self._pending))
            return
        self._send(bytes(self._pending))
        self._call("complete_multipart_upload", UploadId=self._upload, MultipartUpload={"Parts": self._parts})

    def abort(self) -> None:
        if self._upload is not None:
            try:
                self._call("abort_multipart_upload", UploadId=self._upload)
            except DecantError:
                # The bucket's lifecycle rule forgets it in a week; the error that led here is the one to tell.
                logger.warning("an unfinished upload could not be aborted", exc_info=True)

    def _send(self, part: bytes) -> None:
        if self._upload is None:
            self._upload = self._call("create_multipart_upload")["UploadId"]
        number = len(self._parts) + 1
        sent = self._call("upload_part", UploadId=self._upload, PartNumber=number, Body=part)
        # S3 wants the checksums that the SDK sent with the parts named again; which ones is the client's setting.
        checksums = {name: value for name, value in sent.items() if name.startswith("Checksum") and name[8:] != "Type"}
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"], **checksums})


class _Body(io.RawIOBase):
    """The body of an object, its errors translated."""

    def __init__(self, body: Any, where: str) -> None:
        super().__init__()
        self._body = body
        self._where = where

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content: bytes = _s3_errors(self._body.read, self._where, "s3:GetObject", amt=len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()


def _s3_errors(call: Callable[..., Result], where: str, right: str, **arguments: Any) -> Result:
    """Call the SDK, turning its errors into ours. ``right`` is the IAM action that the call takes."""
    try:
        return call(**arguments)
    except ClientError as error:
        raise _client_error(error, where, right) from error
    except (BotoConnectionError, HTTPClientError, IncompleteReadError, FlexibleChecksumError, OSError) as error:
        raise Unavailable(f"The connection to S3 broke at {where}.", hint="Try again in a moment.") from error
    except BotoCoreError as error:
        raise DecantError(f"S3 can't be asked for {where}: {error}") from error


def _client_error(error: ClientError, where: str, right: str) -> DecantError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "NoSuchBucket":
        return DecantError(f"There is no bucket for {where}.", hint="Deploy the stack, or correct the bucket's name.")
    if code in _MISSING:
        return NotFound(f"There is no {where}.")
    if code in _DENIED:
        return DecantError(
            f"S3 denied access to {where}.",
            hint=f"Grant {right} on it to the function's role, and look for a bucket policy that denies it.",
        )
    if code in _BUSY or status >= 500:
        return Unavailable(f"S3 is busy ({code or status}) at {where}.", hint="Try again in a moment.")
    message = error.response.get("Error", {}).get("Message", "")
    return DecantError(f"S3 refused a request for {where}: {message} ({code}).")


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


def _version(version: str | None) -> dict[str, str]:
    return {} if version is None else {"VersionId": version}


def _checked(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata travels in HTTP headers: ASCII, and names without regard to letter case."""
    checked = dict(metadata or {})
    for name, value in checked.items():
        if not (name + value).isascii() or not (name + value).isprintable() or name != name.lower():
            raise BadRequest(f"The metadata {name!r} is not printable ASCII with a name in lower case.")
    return checked


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
