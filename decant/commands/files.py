"""Files: into their tables, or only held against the dictionary."""

import time
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from decant import show
from decant.command import command
from decant.exits import Exit
from decant.failures import CommandError, file_error, usage
from decant.sending import load_files
from decant.session import Session

PANEL = "Files"
_LOOK_SECONDS = 2.0
_ENDINGS = (".csv", ".xlsx")
_SHOWN = 20
_State = tuple[int, int]


class OnConflict(StrEnum):
    """What becomes of a row whose key is in the table already, with other values."""

    REJECT = "reject"
    SKIP = "skip"
    UPDATE = "update"


TableOption = Annotated[
    str | None, typer.Option(metavar="TABLE", help="The table, where the file's name does not begin with it.")
]
Share = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="The share of bad rows, 0 to 1, above which nothing of a file is loaded."),
]
Conflict = Annotated[OnConflict | None, typer.Option(help="What becomes of rows whose key is in the table already.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for action in (load, check):
        command(app, PANEL)(action)


def load(
    session: Session,
    files: Annotated[list[Path], typer.Argument(help="CSV files and workbooks (.xlsx), or folders of such.")],
    table: TableOption = None,
    on_conflict: Conflict = None,
    max_rejected: Share = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep watching the folders, and load what comes or changes, until Ctrl-C.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait for the runs to end.")] = True,
    rejections_ok: Annotated[
        bool,
        typer.Option("--rejections-ok", help="End with 0 though rows were rejected; a failed run ends with 1."),
    ] = False,
) -> Exit:
    """Load files into their tables; bad rows are kept aside with their reasons.

    Files of tables that others refer to are sent first, and the others wait for them. The same content is never loaded
    twice.
    """
    how = {"table": table, "on_conflict": on_conflict, "max_rejected": max_rejected}
    if watch:
        return _watch(session, files, how)
    found = list(_files(files))
    if not found:
        raise usage("There is no .csv or .xlsx file in there.")
    loaded = load_files(session, found, how, wait=wait)
    session.tell(loaded.told(), loaded.show)
    return loaded.exit(rejections_ok)


def check(
    session: Session,
    files: Annotated[list[Path], typer.Argument(help="CSV files and workbooks; parents' files serve the others.")],
    table: TableOption = None,
    max_rejected: Share = None,
    dictionary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Another data dictionary than this checkout's.", dir_okay=False)
    ] = None,
    empty: Annotated[
        bool, typer.Option("--empty", help="Take the tables for empty: what no file has is missing.")
    ] = False,
    all_rows: Annotated[bool, typer.Option("--all", help=f"Show all bad rows, not {_SHOWN} of each file.")] = False,
) -> Exit:
    """Hold files against the data dictionary, offline: no server, nothing is loaded.

    The report is that of a load: the same rows, codes and messages. What the database alone knows is named: keys that
    are there already, and parents that are in none of the files. Ends with 1 when a row is bad.
    """
    from chalicelib.dictionary.package import load_dictionary
    from chalicelib.settings import PACKAGED_DICTIONARY
    from decant.checking import check_files

    found = list(_files(files))
    reports = check_files(
        load_dictionary(dictionary or PACKAGED_DICTIONARY), found, table=table, max_rejected=max_rejected, empty=empty
    )
    document = [each.told() for each in reports]

    def show_all(console: Console) -> None:
        for each in document:
            show.check(console, each, each["rejected"] if all_rows else _SHOWN)
        unknown = dict.fromkeys(told for each in reports for told in each.unchecked)
        if unknown:
            show.say(session.err, f"The database alone knows, and a load checks: {', '.join(unknown)}.")

    session.tell({"files": document}, show_all)
    return Exit.DONE if all(each.good for each in reports) else Exit.REJECTED


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield files, and what can be loaded of folders. Raises CommandError when one is not there."""
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.iterdir() if _is_loadable(each))
        elif path.is_file():
            yield path
        else:
            raise usage(f"There is no file {path}.")


def _is_loadable(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in _ENDINGS and not path.name.startswith((".", "~$"))


def _watch(session: Session, folders: Sequence[Path], how: Mapping[str, object]) -> Exit:
    """Load what comes into folders or changes there, when it is whole: as big and old as at the look before.

    What goes wrong is told and tried again at the next look.
    """
    for folder in folders:
        if not folder.is_dir():
            raise usage(f"{folder} is no folder.", "--watch watches folders.")
    session.note(f"Watching {', '.join(map(str, folders))}; Ctrl-C ends it.")
    loaded: dict[Path, _State] = {}
    before: dict[Path, _State] = {}
    worst = Exit.DONE
    try:
        while True:
            try:
                now = {path: _state(path) for path in _files(folders)}
                ripe = {path: state for path, state in now.items() if before.get(path) == state != loaded.get(path)}
                if ripe:
                    found = load_files(session, [*ripe], how, wait=True)
                    session.tell(found.told(), found.show)
                    worst = max(worst, found.exit(False))
                    loaded.update(ripe)
                before = now
            except CommandError as error:
                session.complain(error)
            except OSError as error:  # such as a file that goes away while it is looked at
                session.complain(file_error(error))
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        return worst


def _state(path: Path) -> _State:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
