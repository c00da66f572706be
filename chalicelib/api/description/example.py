"""What an example is: one request that may be sent as it is, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from chalicelib.api.responses import JSON

# Nobody has them: whoever sends an example puts those of their own in their place. The second is the run of a file.
RUN = "20260102T030405678901-0a1b2c3d"
FILE_RUN = "20260102T030911223344-9f8e7d6c"
BACKUP = "20260102T031500123456-4e5f6a7b"
SNAPSHOT = "20260102T031500123456-8c9d0e1f"


@dataclass(frozen=True, slots=True)
class Example:
    """A request to an operation, and what it answers with.

    ``variables`` fill the path. ``answer`` is JSON, or text of the type ``media``; None: no body.
    """

    name: str
    status: int
    answer: Any = None
    variables: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    media: str = JSON

    def target(self, path: str) -> str:
        """The path with its variables filled in, and the query behind it."""
        for name, value in self.variables.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        return path + (f"?{urlencode(self.query)}" if self.query else "")
