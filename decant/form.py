"""A file in a form, as browsers send one (RFC 7578): the body is made while it is sent."""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote
from uuid import uuid4


def form_body(
    fields: Mapping[str, str], name: str, size: int, blocks: Iterable[bytes]
) -> tuple[dict[str, str], Iterator[bytes]]:
    """The headers and the body of a form: its fields, then the file of ``size`` bytes, which the ``blocks`` hold."""
    boundary = f"decant-{uuid4().hex}"
    parts = [_part(boundary, f'name="{key}"', value) for key, value in fields.items()]
    parts.append(_part(boundary, f'name="file"; filename="{quote(name)}"', ""))
    head, tail = "\r\n".join(parts).encode(), f"\r\n--{boundary}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(head) + size + len(tail)),
    }
    return headers, _chained(head, blocks, tail)


def _part(boundary: str, disposition: str, content: str) -> str:
    return f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}"


def _chained(head: bytes, blocks: Iterable[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    yield from blocks
    yield tail
