"""How a file or a batch is to be loaded, and where a file says so: in its object's metadata, or in its folder.

``incoming/departments/on-conflict=update/max-rejected=0.05/june.csv`` says the same as an object with the metadata
``on-conflict: update`` and ``max-rejected: 0.05``. Where both speak, the metadata wins. Names may be written with
``_``, as the API's parameters are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.errors import FileCode, FileError

_SHARE = re.compile(r"0(\.[0-9]+)?|1(\.0+)?")
# As JSON Schema has it.
SHARE = f"^({_SHARE.pattern})$"
_FOLDER = re.compile(r"/(on[-_]conflict|max[-_]rejected)=([^/]*)(?=/)")


class OnConflict(StrEnum):
    """What becomes of a row whose primary key is in the table already, with other values."""

    REJECT = "reject"
    SKIP = "skip"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """``max_rejected`` is the share of rejected rows, 0 to 1, above which nothing is loaded; None: no limit."""

    on_conflict: OnConflict = OnConflict.REJECT
    max_rejected: float | None = None

    def refuses(self, *, read: int, rejected: int) -> bool:
        """Whether so many rejected rows are too many."""
        return self.max_rejected is not None and rejected > self.max_rejected * read


def without_options(key: str) -> str:
    """A key without the folders that only say how to load."""
    return _FOLDER.sub("", key)


def file_options(key: str, metadata: Mapping[str, str]) -> LoadOptions:
    """Read the options of an object. Raises FileError when one is none that Decant knows."""
    told = [*_FOLDER.findall(key), *metadata.items()]
    said = {name.lower().replace("_", "-"): value for name, value in told}
    on_conflict = said.get("on-conflict", OnConflict.REJECT.value)
    if on_conflict not in set(OnConflict):
        raise FileError(
            FileCode.BAD_OPTION,
            f"The file asks for on-conflict={on_conflict}.",
            hint=f"It takes {', '.join(OnConflict)}.",
        )
    return LoadOptions(OnConflict(on_conflict), _share(said.get("max-rejected")))


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    if not _SHARE.fullmatch(text):
        raise FileError(
            FileCode.BAD_OPTION,
            f"The file asks for max-rejected={text}.",
            hint="It takes a share from 0 to 1, such as 0.05 for 5 % of the rows.",
        )
    return float(text)
