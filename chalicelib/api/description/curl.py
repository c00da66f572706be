"""A request as a command that a shell runs."""

from __future__ import annotations

import json
import shlex
from typing import Any

from chalicelib.api.responses import JSON


def curl(method: str, target: str, body: Any) -> str:
    """The command; it takes the API's URL and the token from the environment."""
    lines = [f'curl {"" if method == "GET" else f"-X {method} "}"$DECANT_URL{target}"']
    lines.append('-H "Authorization: Bearer $DECANT_TOKEN"')
    if body is not None:
        lines.append(f'-H "Content-Type: {JSON}"')
        lines.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
    return " \\\n  ".join(lines)
