"""Files on their way through the API: sent, parents first, and followed until their runs have ended."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rich.console import Console

from decant import show
from decant.client import Client, has_failed
from decant.exits import Exit
from decant.failures import CommandError, file_error
from decant.following import Runs, Watch, follow
from decant.session import Session

_BLOCK = 256 * 1024
_UNCLAIMED = "unknown-table"


@dataclass(frozen=True)
class Loaded:
    """What became of files, by name: the runs, and what the API refused before there was one."""

    runs: Runs
    refused: Mapping[str, CommandError]

    def told(self) -> dict[str, object]:
        """It as JSON."""
        refused = [{"file": name, "error": error.told()} for name, error in self.refused.items()]
        return {"runs": list(self.runs.values()), "refused": refused}

    def show(self, console: Console) -> None:
        """Print it, with the commands by which rejected rows are put right."""
        if self.runs:
            show.loads(console, self.runs)
        for name, run in self.runs.items():
            if run["rejected"]:
                show.say(console, f"{show.counted(run['rejected'])} of {name} to be corrected:")
                show.say(console, f"  decant rejections {run['id']} --xlsx corrected.xlsx")
                show.say(console, f"  decant fix {run['id']} corrected.xlsx")
            if run["state"] == "duplicate":
                show.say(console, f"  decant replay {run['id']}")
        for name, error in self.refused.items():
            say = "It takes --table where the file's name does not begin with it."
            show.say(console, f"{name} was not sent: {error.detail}{f' {say}' if error.code == _UNCLAIMED else ''}")

    def exit(self, rejections_ok: bool) -> Exit:
        """How the command ends that sent the files; with ``rejections_ok`` rejected rows are no reason to fail."""
        if self.refused:
            return max(error.exit for error in self.refused.values())
        failed = any(map(has_failed, self.runs.values()))
        rejected = any(run["rejected"] for run in self.runs.values())
        return Exit.REJECTED if failed or (rejected and not rejections_ok) else Exit.DONE


def load_files(session: Session, paths: Sequence[Path], how: Mapping[str, object], *, wait: bool) -> Loaded:
    """Send files, those of parents first, and give their runs, when they have ended or as they are.

    A file that is refused, too big or not to be read is no reason to leave the others. Raises CommandError when nobody
    answers or the token is not good, which tells the runs of the files that were sent by then.
    """
    tables = [table["name"] for table in session.client.ask("/tables")["tables"]]

    def place(item: tuple[str, Path]) -> int:
        name = item[1].name.lower()
        return max((rank for rank, table in enumerate(tables) if name.startswith(table.lower())), default=len(tables))

    sent: dict[str, str] = {}
    refused: dict[str, CommandError] = {}
    with Watch(session.err) as bars, telling(sent):
        for name, path in sorted(_named(paths).items(), key=place):
            try:
                sent[name] = send(session.client, path, bars, name, how)
            except CommandError as error:
                if error.exit is not Exit.REFUSED:
                    raise
                refused[name] = error
            except OSError as error:
                refused[name] = file_error(error)
        if wait:
            return Loaded(follow(session.client, sent, bars.show), refused)
        return Loaded({name: session.client.run(run) for name, run in sent.items()}, refused)


@contextmanager
def telling(sent: Mapping[str, str]) -> Iterator[None]:
    """Have an error tell the runs of the files that were sent before it, ids by name."""
    try:
        yield
    except CommandError as error:
        error.before = [{"file": name, "run": run} for name, run in sent.items()]
        raise


def send(client: Client, path: Path, bars: Watch, name: str, how: Mapping[str, object]) -> str:
    """Upload a file; give the run that loads it. Raises CommandError, OSError when the file can't be read."""
    given = {key: value for key, value in how.items() if value is not None}
    # Opened first: what is wrong with the file is not to be taken for the connection's fault.
    with path.open("rb") as content:
        size = path.stat().st_size
        form = client.ask("/uploads", "POST", {"filename": path.name, **given})
        if size > form["max_bytes"]:
            told = f"{path} has {size:,} bytes; a file may have {form['max_bytes']:,}."
            raise CommandError(told, hint="Split it.", code="file-too-large")
        client.upload(form, path.name, size, _blocks(content, lambda sent: bars.sent(name, sent, size)))
    return str(form["run"])


def _blocks(content: BinaryIO, sent: Callable[[int], None]) -> Iterator[bytes]:
    while block := content.read(_BLOCK):
        yield block
        sent(content.tell())


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Name files as shortly as they can be told apart."""
    names = [path.name for path in paths]
    return {path.name if names.count(path.name) == 1 else str(path): path for path in paths}
