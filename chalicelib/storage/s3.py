"""A bucket as a storage."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlsplit

from chalicelib.errors import BadRequest, NotFound
from chalicelib.ports import StoredObject
from chalicelib.storage.metadata import checked_metadata
from chalicelib.storage.s3_errors import s3_errors
from chalicelib.storage.s3_streams import READ_BYTES, Body, Upload
from chalicelib.storage.up_to import UpTo
from chalicelib.time_left import TimeLeft

_WITHOUT_END = dt.datetime.max.replace(tzinfo=dt.UTC)


class S3Storage:
    """A bucket, through a boto3 client. An object of any size goes through a few MiB of memory.

    With an ``owner``, the number of an account, S3 refuses the bucket when it is another account's: names of buckets
    are the whole world's. Reading raises OutOfTime when no time is left.
    """

    def __init__(
        self, client: Any, bucket: str, time_left: TimeLeft | None = None, *, owner: str | None = None
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._owned = {"ExpectedBucketOwner": owner} if owner else {}
        self._time_left = time_left or TimeLeft()

    @property
    def name(self) -> str:
        """See ``ports.Storage``."""
        return self._bucket

    @property
    def origin(self) -> str:
        """The origin that forms of ``presign_upload`` are sent to. Nothing is sent to S3."""
        url = urlsplit(self.presign_upload("any", max_bytes=1, seconds=1)["url"])
        return f"{url.scheme}://{url.netloc}"

    def head(self, key: str, version: str | None = None) -> StoredObject:
        """See ``ports.Storage``."""
        found = self._call("head_object", "s3:GetObject", Key=key, **_version(version))
        held = found.get("ObjectLockLegalHoldStatus") == "ON"
        return StoredObject(
            key=key,
            size=found["ContentLength"],
            modified=found["LastModified"],
            etag=found["ETag"].strip('"'),
            version=found.get("VersionId"),
            metadata=found.get("Metadata", {}),
            locked_until=_WITHOUT_END if held else found.get("ObjectLockRetainUntilDate"),
        )

    def open(self, key: str, version: str | None = None, *, first: int = 0, last: int | None = None) -> BinaryIO:
        """See ``ports.Storage``. A body that breaks off while it is read raises Unavailable."""
        self._time_left.check()
        start = first
        if last is not None and last <= first:
            return io.BytesIO()  # S3 has no empty range
        some = {} if first == 0 and last is None else {"Range": f"bytes={first}-{'' if last is None else last - 1}"}
        answer = self._call("get_object", "s3:GetObject", Key=key, **_version(version), **some)
        stream = io.BufferedReader(Body(answer["Body"], self._where(key), self._time_left.check), READ_BYTES)
        if not some or "ContentRange" in answer:
            return stream
        # A server may pass over the range and give everything (RFC 9110, 14.2), as MiniStack does for a version.
        while first and (skipped := len(stream.read(min(first, READ_BYTES)))):
            first -= skipped
        return stream if last is None else cast(BinaryIO, UpTo(stream, last - start))

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """See ``ports.Storage``."""
        self._call("put_object", "s3:PutObject", Key=key, Body=content, Metadata=checked_metadata(metadata))

    @contextmanager
    def write(self, key: str) -> Iterator[BinaryIO]:
        """See ``ports.Storage``."""
        upload = Upload(lambda operation, **arguments: self._call(operation, "s3:PutObject", Key=key, **arguments))
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
            self._time_left.check()
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
        fields = {f"x-amz-meta-{name}": value for name, value in checked_metadata(metadata).items()}
        form: dict[str, Any] = s3_errors(
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
        url: str = s3_errors(
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
        asked = {"Bucket": self._bucket, **self._owned, **arguments}
        return s3_errors(getattr(self._client, operation), where, right, **asked)

    def _where(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"


def _version(version: str | None) -> dict[str, str]:
    return {} if version is None else {"VersionId": version}
