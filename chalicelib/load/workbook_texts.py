"""Shared strings in the usual form, and the texts that stand in cells, all of a piece at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from chalicelib.load.cells import trimmed
from chalicelib.load.workbook_markup import Unusual
from chalicelib.load.workbook_tags import Places, Stretches, Tags, read_tags, require, word
from chalicelib.load.workbook_values import plain_text, with_escapes

_PRESERVED = b'<t xml:space="preserve">'


def read_items(markup: bytes) -> pa.Array:
    """The trimmed texts of shared strings, null where one is blank. Raises Unusual."""
    return read_tags(markup, _read_items)


def text_places(tags: Tags, texts: Places) -> tuple[Places, Places]:
    """Where the texts in these tags begin and end. Raises Unusual for other tags."""
    begins = tags.begins[texts]
    bare = tags.words(begins, 3) == word(b"<t>")
    if not bare.all():
        preserved = begins[~bare]
        for place in range(0, len(_PRESERVED), 8):
            require(tags.words(preserved + place) == word(_PRESERVED[place : place + 8]))
    ends = tags.ends[texts]
    require(tags.words(ends, 5) == word(b"</t><"))
    return begins + np.where(bare, len(b"<t>"), len(_PRESERVED)), ends


def _read_items(tags: Tags) -> pa.Array:
    items = tags.of(b"<si>")
    if len(tags) != 4 * len(items):
        raise Unusual
    begins, ends = text_places(tags, items + 1)
    require(tags.are(items, b"<si><t") & tags.are(items + 3, b"</si>"))
    require(tags.ends[items + 3] - ends == len(b"</t></si>"))
    texts = Stretches(tags.content, begins, ends).take(np.arange(len(items)))
    return trimmed(with_escapes(plain_text(texts)))
