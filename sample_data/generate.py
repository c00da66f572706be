"""Makes the sample files: `python -m sample_data.generate [--out DIR] [--seed N] [--employees N]`.

The same seed gives the same bytes. Each table comes as `.csv` and as `.xlsx`, without a header, with the same rows;
`dirty/` holds the files that must be rejected in whole or in part, with what is expected of them
(`sample_data.dirty_set`).
"""

import argparse
import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from sample_data import dirty_set
from sample_data.big_csv import write_employees_csv
from sample_data.tables import Row, sample_tables
from sample_data.workbook import workbook_bytes

__all__ = ["EMPLOYEES", "SEED", "generate", "main", "write_employees_csv"]

HERE = Path(__file__).parent
SEED = 2021
EMPLOYEES = 1999


def generate(out: Path, seed: int = SEED, employees: int = EMPLOYEES) -> None:
    """Write the six sample files and the dirty set into a folder, which is made if need be.

    Files of the same names are replaced, others are left alone.
    """
    out.mkdir(parents=True, exist_ok=True)
    for table, rows in sample_tables(seed, employees).items():
        (out / f"{table}.csv").write_bytes(_csv_bytes(table, rows))
        (out / f"{table}.xlsx").write_bytes(workbook_bytes({table: rows}))
    dirty_set.write(out / "dirty")


def _csv_bytes(table: str, rows: Sequence[Row]) -> bytes:
    target = StringIO()
    csv.writer(target, lineterminator="\r\n" if table == "jobs" else "\n").writerows(rows)
    text = target.getvalue()
    return (text.removesuffix("\n") if table == "departments" else text).encode()


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.generate", description="Makes Decant's sample files.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write into (default: sample_data/ itself)")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--employees", type=int, default=EMPLOYEES, help="how many employees (default: %(default)s)")
    options = parser.parse_args(arguments)
    generate(options.out, options.seed, options.employees)


if __name__ == "__main__":
    main()
