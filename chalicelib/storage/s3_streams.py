"""Objects in S3 as streams, which hold a few MiB of them at a time."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from typing import Any

from chalicelib.errors import DecantError
from chalicelib.points import Point, passed
from chalicelib.storage.s3_errors import s3_errors

logger = logging.getLogger(__name__)

# S3 takes parts of 5 MiB to 5 GiB, 10,000 of them: objects of 78 GiB can be written with this.
_PART_BYTES = 8 * 1024 * 1024
READ_BYTES = 256 * 1024


class Upload(io.RawIOBase):
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
            passed(Point.UPLOAD_BEGUN)
        number = len(self._parts) + 1
        sent = self._call("upload_part", UploadId=self._upload, PartNumber=number, Body=part)
        # S3 wants the checksums that the SDK sent with the parts named again; which ones is the client's setting.
        checksums = {name: value for name, value in sent.items() if name.startswith("Checksum") and name[8:] != "Type"}
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"], **checksums})
        passed(Point.UPLOAD_PART_SENT)


class Body(io.RawIOBase):
    """The body of an object, its errors translated. Before each block ``check`` may raise what ends the reading."""

    def __init__(self, body: Any, where: str, check: Callable[[], None]) -> None:
        super().__init__()
        self._body = body
        self._where = where
        self._check = check

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._check()
        wanted = min(len(buffer), READ_BYTES)  # or a body that trickles is not looked at for long
        content: bytes = s3_errors(self._body.read, self._where, "s3:GetObject", amt=wanted)
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()
