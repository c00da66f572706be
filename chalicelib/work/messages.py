"""The messages of the queue: what S3 tells of arrivals, and work that the API, the worker and schedules put there."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from chalicelib.backup.ranges import KeyRange
from chalicelib.backup.sharing import Part
from chalicelib.errors import BadRequest
from chalicelib.identifiers import scheduled_id
from chalicelib.load.events import Arrival, arrivals
from chalicelib.load.split_record import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """A task. ``tries`` counts how often a part of the service was down; ``scheduled``: it comes from a schedule.

    ``late`` counts how often a worker's time was over before the work was done.
    ``redriven``: an operator has brought it back from the dead-letter queue, so that its run has failed before.
    """

    tries: int = 0
    late: int = 0
    scheduled: bool = False
    redriven: bool = False

    def tried(self) -> Self:
        """The task once more, after a part of the service was down; it then comes from a worker."""
        return replace(self, tries=self.tries + 1, scheduled=False)

    def handed_on(self) -> Self:
        """The task for another worker, after the time of one was over."""
        return replace(self, late=self.late + 1, scheduled=False)

    def _history(self) -> dict[str, Any]:
        late = {"late": self.late} if self.late else {}
        return {"tries": self.tries, **late, **({"redriven": True} if self.redriven else {})}


@dataclass(frozen=True, slots=True)
class LoadTask(_Tried):
    """Load an object as the run ``run``. ``again``: all the same, though its content or a newer one was loaded.

    ``since`` is when it first had to wait for its turn.
    """

    run: str | None
    arrival: Arrival
    again: bool = False
    since: dt.datetime | None = None

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        arrival = self.arrival
        return {
            "work": "load",
            "run": self.run,
            "source": {
                "bucket": arrival.bucket,
                "key": arrival.key,
                "version": arrival.version,
                "etag": arrival.etag,
                "order": arrival.order,
                "moment": arrival.moment.isoformat(),
                **({"fault": arrival.fault} if arrival.fault else {}),
            },
            "force": self.again,
            "since": self.since.isoformat() if self.since else None,
            **self._history(),
        }


@dataclass(frozen=True, slots=True)
class PartTask(_Tried):
    """Do a step of a load in parts, for one part of its file; publishing is for all of them, under the number 0."""

    run: str
    step: Step
    part: int = 0
    since: dt.datetime | None = None

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {
            "work": "part",
            "run": self.run,
            "step": self.step.value,
            "part": self.part,
            "since": self.since.isoformat() if self.since else None,
            **self._history(),
        }


@dataclass(frozen=True, slots=True)
class BackupTask(_Tried):
    """Back up tables in one snapshot; all of them when none is named."""

    run: str
    tables: tuple[str, ...]

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {"work": "backup", "run": self.run, "tables": list(self.tables), **self._history()}


@dataclass(frozen=True, slots=True)
class RestoreTask(_Tried):
    """Restore backups of one snapshot, each its table, or tell what that would change."""

    run: str
    backups: tuple[str, ...]
    dry_run: bool

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {
            "work": "restore",
            "run": self.run,
            "backups": list(self.backups),
            "dry_run": self.dry_run,
            **self._history(),
        }


@dataclass(frozen=True, slots=True)
class VerifyTask(_Tried):
    """Read a backup back."""

    run: str
    backup: str

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {"work": "verify", "run": self.run, "backup": self.backup, **self._history()}


@dataclass(frozen=True, slots=True)
class DrillTask(_Tried):
    """Restore the newest snapshot for practice."""

    run: str

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {"work": "drill", "run": self.run, **self._history()}


@dataclass(frozen=True, slots=True)
class RebuildTask(_Tried):
    """Fill the catalogue again."""

    run: str

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {"work": "rebuild", "run": self.run, **self._history()}


@dataclass(frozen=True, slots=True)
class BackupPartTask(_Tried):
    """Make a part of a backup that another worker is at, as the run ``run``."""

    run: str
    part: Part

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {"work": "backup-part", "run": self.run, "part": asdict(self.part), **self._history()}


Task = LoadTask | PartTask | BackupTask | RestoreTask | VerifyTask | DrillTask | RebuildTask | BackupPartTask


def tasks(body: str) -> list[Task]:
    """The tasks that a message asks for. Raises BadRequest for one that is neither S3's nor ours."""
    try:
        message = json.loads(body)
    except ValueError as error:
        raise BadRequest(f"The queue holds a message that is no JSON: {error}.") from error
    if not isinstance(message, dict):
        raise BadRequest("The queue holds a message that is no JSON object.")
    if "work" not in message and ("Records" in message or "Event" in message):
        redriven = "redriven" in message
        return [LoadTask(None, arrival, redriven=redriven) for arrival in arrivals(message)]
    try:
        return [replace(_ours(message), late=int(message.get("late", 0)), redriven="redriven" in message)]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadRequest(f"The queue holds a message that asks for no known work: {error!r}.") from error


def brought_back(body: str) -> str:
    """The message with this body as it is put into the work queue again: its tries and its waiting begin anew.

    One that can't be read stays as it is, to fail for its own reason.
    """
    try:
        message = json.loads(body)
    except ValueError:
        return body
    if not isinstance(message, dict):
        return body
    kept = {name: value for name, value in message.items() if name not in ("tries", "since", "late")}
    return json.dumps({**kept, "redriven": True})


def _ours(message: Mapping[str, Any]) -> Task:
    tries = int(message.get("tries", 0))
    match message["work"]:
        case "load":
            return LoadTask(
                run=None if message["run"] is None else _text(message["run"]),
                arrival=_arrival(message["source"]),
                again=bool(message.get("force", False)),
                since=_since(message),
                tries=tries,
            )
        case "part":
            return PartTask(
                _text(message["run"]), Step(message["step"]), int(message["part"]), _since(message), tries=tries
            )
        case "backup":
            if "scheduled" in message:
                return BackupTask(_scheduled(message), (), tries=tries, scheduled=True)
            return BackupTask(_text(message["run"]), _texts(message["tables"]), tries=tries)
        case "restore":
            return RestoreTask(_text(message["run"]), _texts(message["backups"]), bool(message["dry_run"]), tries=tries)
        case "verify":
            return VerifyTask(_text(message["run"]), _text(message["backup"]), tries=tries)
        case "drill":
            if "scheduled" in message:
                return DrillTask(_scheduled(message), tries=tries, scheduled=True)
            return DrillTask(_text(message["run"]), tries=tries)
        case "rebuild":
            return RebuildTask(_text(message["run"]), tries=tries)
        case "backup-part":
            return BackupPartTask(_text(message["run"]), _part(message["part"]), tries=tries)
        case other:
            raise ValueError(f"work {other!r}")


def _since(message: Mapping[str, Any]) -> dt.datetime | None:
    since = message.get("since")
    return _moment(since) if since else None


def _scheduled(message: Mapping[str, Any]) -> str:
    """The run of a schedule follows from its moment, so it is one however often that comes."""
    return scheduled_id(message["work"], _moment(message["scheduled"]))


def _part(part: Mapping[str, Any]) -> Part:
    bounds = {name: None if key is None else _texts(key) for name, key in dict(part["within"]).items()}
    texts = {name: _text(part[name]) for name in ("backup", "table", "snapshot", "dictionary")}
    return Part(**{**part, **texts, "number": int(part["number"]), "within": KeyRange(**bounds)})


def _arrival(source: Mapping[str, Any]) -> Arrival:
    moment = source.get("moment")
    return Arrival(
        bucket=_text(source["bucket"]),
        key=_text(source["key"]),
        version=_text(version) if (version := source.get("version")) else None,
        etag=_text(source.get("etag") or ""),
        order=_text(source.get("order") or ""),
        moment=_moment(moment) if moment else dt.datetime.now(dt.UTC),
        fault=_text(fault) if (fault := source.get("fault")) else None,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list")
    return tuple(map(_text, values))


def _moment(value: object) -> dt.datetime:
    moment = dt.datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} does not say in which zone it is")
    return moment
