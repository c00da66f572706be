"""What an object tells of itself besides its bytes."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.errors import BadRequest


def checked_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata as HTTP headers carry them: ASCII, and names without regard to letter case. Raises BadRequest."""
    checked = dict(metadata or {})
    for name, value in checked.items():
        if not (name + value).isascii() or not (name + value).isprintable() or name != name.lower():
            raise BadRequest(f"The metadata {name!r} is not printable ASCII with a name in lower case.")
    return checked
