"""Files on their way through the API: sent, parents first, and followed until their runs have ended."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from decant import show
from decant.client import Client
from decant.exits import Exit
from decant.failures import CommandError, usage
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
        refused = [{"file": name, "error": error.told()} for name, error in self.refused.items()]
        return {"runs": list(self.runs.values()), "refused": refused}

    def show(self, console: Console) -> None:
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
        if self.refused:
            return Exit.REFUSED
        failed = any(run["state"] in ("failed", "refused") for run in self.runs.values())
        rejected = any(run["rejected"] for run in self.runs.values())
        return Exit.REJECTED if failed or (rejected and not rejections_ok) else Exit.DONE


def load_files(session: Session, paths: Sequence[Path], how: Mapping[str, object], *, wait: bool) -> Loaded:
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
            return Loaded(follow(session.client, sent, bars.show), refused)
    return Loaded({name: session.client.run(run) for name, run in sent.items()}, refused)


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


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Name files as shortly as they can be told apart."""
    names = [path.name for path in paths]
    return {path.name if names.count(path.name) == 1 else str(path): path for path in paths}
