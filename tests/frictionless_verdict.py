"""The verdict of the `frictionless` library on the same files, by the same dictionary: a second opinion on every row.

Some of its reports name the same finding in another way. These are put into our words:

- A row without any content is a `blank-row` (and a `primary-key` error); for us it is no row of data.
- An absent cell of a short row is both `missing-cell` and `constraint-error`; here the former. A sheet has no short
  rows: there it is the latter alone.
- A row without a readable key gets a `primary-key` error beside the reason why its key can't be read; dropped.
- Each extra cell is an error; here one `extra-cell` per row.

What it judges otherwise than our rules (5.21.0, measured) stays in the verdict, for the caller to list:

1. Integers as text: it refuses `1.0`; it takes `１２`, Arabic-Indic digits and `1_000`, for it calls `int()`.
2. Keys: a rejected row claims its key, so that a later good row with it is refused. What 1. refuses is no key: `1.0`
   after 1 is a `type-error`, not a `primary-key` error.
3. Parents: a parent's row that is itself rejected still counts as a parent, if its key can be read.
4. Blanks: cells of text and datetimes are not trimmed. `"  "` is a good name, and a `type-error` elsewhere instead of
   a missing value; ` 2021-07-27T16:02:08Z ` is refused.
5. Datetimes: it refuses a value without seconds and a date alone; it takes `24:00` (as the next midnight) and more
   than six digits of a fraction.
6. Text: it takes U+0000.
7. Integers out of range: a reference beyond int4 is a `foreign-key` error besides the `constraint-error`.
8. Error cells of a workbook are their text, and so a good name (`#N/A`).
"""  # noqa: RUF002 - the full-width digits are the point

import csv
import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from frictionless import Package, system
from openpyxl import load_workbook

DICTIONARY = Path(__file__).parents[1] / "chalicelib" / "dictionary" / "datapackage.json"


def frictionless_verdict(folder: Path, table: str, file: Path | None = None) -> list[tuple[int, str | None, str]]:
    """Return frictionless's reasons as (row of data from 1, column or None, our code), ordered as in our reports.

    The folder holds a CSV file of each table that the dictionary names. `file`, a CSV file in UTF-8 or a workbook,
    stands in for the table's own file there.
    """
    resources = json.loads(DICTIONARY.read_text(encoding="utf-8"))["resources"]
    paths = {resource["name"]: folder / f"{resource['name']}.csv" for resource in resources}
    paths[table] = file or paths[table]
    descriptors = [_descriptor(resource, paths[resource["name"]]) for resource in resources]
    with system.use_context(trusted=True):
        resource = Package.from_descriptor({"resources": descriptors}).get_resource(table)
        with resource:
            return list(_reasons(resource))


def _descriptor(resource: dict[str, Any], path: Path) -> dict[str, Any]:
    header = _has_header(path, [field["name"] for field in resource["schema"]["fields"]])
    result = deepcopy(resource) | {"path": str(path), "dialect": {"header": header, "headerCase": False}}
    if path.suffix == ".csv":
        result["encoding"] = "utf-8"
        result["dialect"]["csv"] = {"delimiter": ",", "skipInitialSpace": False}
    if header:
        result["schema"]["fieldsMatch"] = "equal"
    return result


def _has_header(path: Path, columns: list[str]) -> bool:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next(csv.reader(file), [])
    else:
        first = [str(cell.value) for cell in next(load_workbook(path).worksheets[0].iter_rows())]
    return sorted(cell.strip().lower() for cell in first) == sorted(columns)


def _reasons(resource: Any) -> Iterator[tuple[int, str | None, str]]:
    columns: list[str | None] = [*resource.schema.field_names, None]
    in_sheet = Path(resource.path).suffix == ".xlsx"
    number = 0
    for row in resource.row_stream:
        if not any(cell is not None and str(cell).strip() for cell in row.cells):
            continue
        number += 1
        reasons = _reasons_of(row, resource.schema.primary_key, in_sheet)
        for column, code in sorted(reasons, key=lambda reason: (columns.index(reason[0]), reason[1])):
            yield number, column, code


def _reasons_of(row: Any, primary_key: list[str], in_sheet: bool) -> set[tuple[str | None, str]]:
    reasons: set[tuple[str | None, str]] = set()
    absent = {error.field_name for error in row.errors if error.type == "missing-cell"}
    for error in row.errors:
        match error.type:
            case "primary-key":
                if any(row[name] is not None for name in primary_key):
                    reasons.add((primary_key[0] if len(primary_key) == 1 else None, error.type))
            case "foreign-key":
                reasons.add((error.field_names[0] if len(error.field_names) == 1 else None, error.type))
            case "extra-cell":
                reasons.add((None, error.type))
            case "missing-cell" if in_sheet:
                continue
            case "constraint-error" if error.field_name in absent and not in_sheet:
                continue
            case _:
                reasons.add((error.field_name, error.type))
    return reasons
