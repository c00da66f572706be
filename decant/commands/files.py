"""Files: into their tables, or only held against the dictionary."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from decant import show
from decant.client import Client
from decant.command import command
from decant.exits import Exit
from decant.failures import CommandError, Unreachable, usage
from decant.following import Runs, Watch, follow
from decant.session import Session

PANEL = "Files"
_BLOCK = 256 * 1024
_LOOK_SECONDS = 2.0
_ENDINGS = (".csv", ".xlsx")
_SHOWN = 20
_UNCLAIMED = "unknown-table"
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
    loaded = _load(session, found, how, wait=wait)
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


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Name files as shortly as they can be told apart."""
    names = [path.name for path in paths]
    return {path.name if names.count(path.name) == 1 else str(path): path for path in paths}


@dataclass(frozen=True)
class _Loaded:
    """What became of files, by name: the runs, and what the API refused before there was one."""

    runs: Runs
    refused: Mapping[str, CommandError]

    def told(self) -> dict[str, object]:
        refused = [{"file": name, "error": error.told()} for name, error in self.refused.items()]
        return {"runs": list(self.runs.values()), "refused": refused}

    def show(self, console: Console) -> None:
        if self.runs:
            show.loads(console, self.runs)
        for name, run in self.runs.items():
            if run["rejected"]:
                show.say(console, f"{run['rejected']:,} rows of {name} wait to be corrected:")
                show.say(console, f"  decant rejections {run['id']} --xlsx corrected.xlsx")
                show.say(console, f"  decant fix {run['id']} corrected.xlsx")
        for name, error in self.refused.items():
            say = "It takes --table where the file's name does not begin with it."
            show.say(console, f"{name} was not sent: {error.detail}{f' {say}' if error.code == _UNCLAIMED else ''}")

    def exit(self, rejections_ok: bool) -> Exit:
        if self.refused:
            return Exit.REFUSED
        failed = any(run["state"] in ("failed", "refused") for run in self.runs.values())
        rejected = any(run["rejected"] for run in self.runs.values())
        return Exit.REJECTED if failed or (rejected and not rejections_ok) else Exit.DONE


def _load(session: Session, paths: Sequence[Path], how: Mapping[str, object], *, wait: bool) -> _Loaded:
    """Send files, those of parents first, and give their runs, when they have ended or as they are.

    A file that is refused is no reason to leave the others. Raises Unreachable.
    """
    tables = [table["name"] for table in session.client.ask("/tables")["tables"]]

    def place(item: tuple[str, Path]) -> int:
        name = item[1].name.lower()
        return max((rank for rank, table in enumerate(tables) if name.startswith(table.lower())), default=len(tables))

    sent, refused = {}, {}
    with Watch(session.err) as bars:
        for name, path in sorted(_named(paths).items(), key=place):
            try:
                sent[name] = send(session.client, path, bars, name, how)
            except CommandError as error:
                if error.exit is not Exit.REFUSED:
                    raise
                refused[name] = error
        if wait:
            return _Loaded(follow(session.client, sent, bars.show), refused)
    return _Loaded({name: session.client.run(run) for name, run in sent.items()}, refused)


def send(client: Client, path: Path, bars: Watch, name: str, how: Mapping[str, object]) -> str:
    """Upload a file; give the run that loads it."""
    size = path.stat().st_size
    given = {key: value for key, value in how.items() if value is not None}
    form = client.ask("/uploads", "POST", {"filename": path.name, **given})
    if size > form["max_bytes"]:
        raise usage(f"{path} has {size:,} bytes; a file may have {form['max_bytes']:,}.", "Split it.")

    def blocks() -> Iterator[bytes]:
        sent = 0
        with path.open("rb") as content:
            while block := content.read(_BLOCK):
                yield block
                sent += len(block)
                bars.sent(name, sent, size)

    client.upload(form, path.name, size, blocks())
    return str(form["run"])


def _watch(session: Session, folders: Sequence[Path], how: Mapping[str, object]) -> Exit:
    """Load what comes into folders or changes there, when it is whole: as big and old as at the look before."""
    for folder in folders:
        if not folder.is_dir():
            raise usage(f"{folder} is no folder.", "--watch watches folders.")
    session.note(f"Watching {', '.join(map(str, folders))}; Ctrl-C ends it.")
    loaded: dict[Path, _State] = {}
    before: dict[Path, _State] = {}
    worst = Exit.DONE
    while True:
        try:
            now = {path: _state(path) for path in _files(folders)}
            ripe = {path: state for path, state in now.items() if before.get(path) == state != loaded.get(path)}
            if ripe:
                found = _load(session, [*ripe], how, wait=True)
                session.tell(found.told(), found.show)
                worst = max(worst, found.exit(False))
                loaded.update(ripe)
            before = now
            time.sleep(_LOOK_SECONDS)
        except Unreachable as error:  # it is tried again
            session.complain(error)
            time.sleep(_LOOK_SECONDS)
        except KeyboardInterrupt:
            return worst


def _state(path: Path) -> _State:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
