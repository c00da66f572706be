"""Parameters that several routes take in their query, as JSON Schema."""

from __future__ import annotations

from chalicelib.identifiers import PATTERN
from chalicelib.load.options import OnConflict

LIMIT = {
    "type": "integer", "minimum": 1, "maximum": 1000, "default": 100, "description": "How many at most.",
}  # fmt: skip
AFTER = {"type": "string", "minLength": 1, "description": "Where to go on: what the answer before calls next."}
# In the listings of runs and backups it is the last one's id.
AFTER_ID = {**AFTER, "pattern": PATTERN}
FORMAT = {"type": "string", "enum": ["json", "csv"], "description": "The answer's format; else Accept decides."}
PICTURE = {**FORMAT, "enum": ["json", "csv", "svg"]}
REDIRECT = {
    "type": "string", "enum": ["true", "false"], "default": "true",
    "description": "false: answer with the URL in place of leading there. A page that shows a token with its requests "
    "can't follow by itself, for the store refuses a request with two kinds of credentials.",
}  # fmt: skip
TABLE = {"type": "string", "description": "Only those of a table."}
WRITING = {
    "mode": {
        "type": "string",
        "enum": ["partial", "atomic"],
        "default": "partial",
        "description": "Whether good rows go in when others are bad.",
    },
    "on_conflict": {
        "type": "string",
        "enum": [each.value for each in OnConflict],
        "default": OnConflict.REJECT.value,
        "description": "What becomes of a row whose primary key is in the table already, with other values.",
    },
}
