"""The messages of the queue: what S3 tells of arrivals, and work that the API, the worker and schedules put there."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from chalicelib.backup.ranges import KeyRange
from chalicelib.backup.sharing import Part
from chalicelib.errors import BadRequest
from chalicelib.identifiers import scheduled_id
from chalicelib.load.events import Arrival, arrivals


@dataclass(frozen=True, slots=True)
class LoadTask:
    """Load an object as the run ``run``. ``again``: all the same, though its content or a newer one was loaded.

    ``since`` is when it first had to wait for its turn; ``tries`` counts how often a part of the service was down.
    """

    run: str | None
    arrival: Arrival
    again: bool = False
    since: dt.datetime | None = None
    tries: int = 0

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
            },
            "force": self.again,
            "since": self.since.isoformat() if self.since else None,
            "tries": self.tries,
        }

    def tried(self) -> LoadTask:
        """The task once more, after a part of the service was down."""
        return replace(self, tries=self.tries + 1)


@dataclass(frozen=True, slots=True)
class BackupTask:
    """Back up tables in one snapshot; all of them when none is named. ``scheduled``: it comes from a schedule."""

    run: str
    tables: tuple[str, ...]
    tries: int = 0
    scheduled: bool = False

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {"work": "backup", "run": self.run, "tables": list(self.tables), "tries": self.tries}

    def tried(self) -> BackupTask:
        """The task once more, after a part of the service was down."""
        return replace(self, tries=self.tries + 1, scheduled=False)


@dataclass(frozen=True, slots=True)
class RestoreTask:
    """Restore backups of one snapshot, each its table, or tell what that would change."""

    run: str
    backups: tuple[str, ...]
    dry_run: bool
    tries: int = 0

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {
            "work": "restore",
            "run": self.run,
            "backups": list(self.backups),
            "dry_run": self.dry_run,
            "tries": self.tries,
        }

    def tried(self) -> RestoreTask:
        """The task once more, after a part of the service was down."""
        return replace(self, tries=self.tries + 1)


@dataclass(frozen=True, slots=True)
class VerifyTask:
    """Read a backup back."""

    run: str
    backup: str
    tries: int = 0

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {"work": "verify", "run": self.run, "backup": self.backup, "tries": self.tries}

    def tried(self) -> VerifyTask:
        """The task once more, after a part of the service was down."""
        return replace(self, tries=self.tries + 1)


@dataclass(frozen=True, slots=True)
class DrillTask:
    """Restore the newest snapshot for practice. ``scheduled``: it comes from a schedule."""

    run: str
    tries: int = 0
    scheduled: bool = False

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {"work": "drill", "run": self.run, "tries": self.tries}

    def tried(self) -> DrillTask:
        """The task once more, after a part of the service was down."""
        return replace(self, tries=self.tries + 1, scheduled=False)


@dataclass(frozen=True, slots=True)
class RebuildTask:
    """Fill the catalogue again."""

    run: str
    tries: int = 0

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {"work": "rebuild", "run": self.run, "tries": self.tries}

    def tried(self) -> RebuildTask:
        """The task once more, after a part of the service was down."""
        return replace(self, tries=self.tries + 1)


@dataclass(frozen=True, slots=True)
class BackupPartTask:
    """Make a part of a backup that another worker is at, as the run ``run``."""

    run: str
    part: Part
    tries: int = 0

    def message(self) -> dict[str, Any]:
        """The task as a message."""
        return {"work": "backup-part", "run": self.run, "part": asdict(self.part), "tries": self.tries}

    def tried(self) -> BackupPartTask:
        """The task once more, after a part of the service was down."""
        return replace(self, tries=self.tries + 1)


Task = LoadTask | BackupTask | RestoreTask | VerifyTask | DrillTask | RebuildTask | BackupPartTask


def tasks(body: str) -> list[Task]:
    """The tasks that a message asks for. Raises BadRequest for one that is neither S3's nor ours."""
    try:
        message = json.loads(body)
    except ValueError as error:
        raise BadRequest(f"The queue holds a message that is no JSON: {error}.") from error
    if not isinstance(message, dict):
        raise BadRequest("The queue holds a message that is no JSON object.")
    if "work" not in message and ("Records" in message or "Event" in message):
        return [LoadTask(None, arrival) for arrival in arrivals(message)]
    try:
        return [_ours(message)]
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"The queue holds a message that asks for no known work: {error!r}.") from error


def _ours(message: Mapping[str, Any]) -> Task:
    tries = int(message.get("tries", 0))
    match message["work"]:
        case "load":
            since = message.get("since")
            return LoadTask(
                run=message["run"],
                arrival=_arrival(message["source"]),
                again=bool(message.get("force", False)),
                since=dt.datetime.fromisoformat(since) if since else None,
                tries=tries,
            )
        case "backup":
            if "scheduled" in message:
                return BackupTask(_scheduled(message), (), tries, scheduled=True)
            return BackupTask(message["run"], tuple(message["tables"]), tries)
        case "restore":
            return RestoreTask(message["run"], tuple(message["backups"]), bool(message["dry_run"]), tries)
        case "verify":
            return VerifyTask(message["run"], message["backup"], tries)
        case "drill":
            if "scheduled" in message:
                return DrillTask(_scheduled(message), tries, scheduled=True)
            return DrillTask(message["run"], tries)
        case "rebuild":
            return RebuildTask(message["run"], tries)
        case "backup-part":
            return BackupPartTask(message["run"], _part(message["part"]), tries)
        case other:
            raise ValueError(f"work {other!r}")


def _scheduled(message: Mapping[str, Any]) -> str:
    """The run of a schedule follows from its moment, so it is one however often that comes."""
    return scheduled_id(message["work"], dt.datetime.fromisoformat(message["scheduled"]))


def _part(part: Mapping[str, Any]) -> Part:
    bounds = {name: None if key is None else tuple(key) for name, key in dict(part["within"]).items()}
    return Part(**{**part, "within": KeyRange(**bounds)})


def _arrival(source: Mapping[str, Any]) -> Arrival:
    moment = source.get("moment")
    return Arrival(
        bucket=source["bucket"],
        key=source["key"],
        version=source.get("version"),
        etag=source.get("etag") or "",
        order=source.get("order") or "",
        moment=dt.datetime.fromisoformat(moment) if moment else dt.datetime.now(dt.UTC),
    )
