"""A table of pairs, an id and a label, for tests of what reads cells."""

from __future__ import annotations

from chalicelib.dictionary.model import Table
from chalicelib.dictionary.package import parse_dictionary


def pairs(id_type: str) -> Table:
    """The table, with the ids as its key."""
    fields = [
        {"name": "id", "type": id_type, "constraints": {"required": True}},
        {"name": "label", "type": "string"},
    ]
    schema = {"primaryKey": "id", "fields": fields}
    return parse_dictionary({"resources": [{"name": "pairs", "schema": schema}]}).table("pairs")
