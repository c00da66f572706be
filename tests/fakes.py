"""Stand-ins that keep the contracts of the ports in memory, for tests of what calls them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.access.tokens import KeptToken
from chalicelib.errors import Unavailable
from chalicelib.ports import AuditEvent, AuditHead, Backup, Page, Run, RunState


@dataclass
class FakeCatalog:
    """Runs and backups in two dictionaries."""

    kept_runs: dict[str, Run] = field(default_factory=dict)
    kept_backups: dict[str, Backup] = field(default_factory=dict)

    def put_run(self, run: Run) -> None:
        known = self.kept_runs.get(run.id)
        if known is None or run.state.final or not known.state.final:
            self.kept_runs[run.id] = run

    def reopen_run(self, run: Run) -> None:
        known = self.kept_runs.get(run.id)
        if known is None or known.state is RunState.FAILED:
            self.kept_runs[run.id] = run

    def add_run(self, run: Run) -> bool:
        return self.kept_runs.setdefault(run.id, run) == run

    def run(self, run_id: str) -> Run | None:
        return self.kept_runs.get(run_id)

    def runs(self, *, limit: int, after: str | None = None, table: str | None = None) -> Page[Run]:
        return _page(self.kept_runs, limit, after, table)

    def put_backup(self, backup: Backup) -> None:
        self.kept_backups[backup.id] = backup

    def backup(self, backup_id: str) -> Backup | None:
        return self.kept_backups.get(backup_id)

    def backups(self, *, limit: int, after: str | None = None, table: str | None = None) -> Page[Backup]:
        return _page(self.kept_backups, limit, after, table)

    def note_backup(self, backup_id: str, *, pinned: bool | None = None, verified: dt.datetime | None = None) -> bool:
        known = self.kept_backups.get(backup_id)
        if known is None:
            return False
        self.kept_backups[backup_id] = replace(
            known,
            pinned=known.pinned if pinned is None else pinned,
            verified=known.verified if verified is None else verified,
        )
        return True

    def delete_backup(self, backup_id: str) -> None:
        self.kept_backups.pop(backup_id, None)


@dataclass
class FakeAuditLog:
    """Events in a list; it takes none while it is ``down``."""

    events: list[AuditEvent] = field(default_factory=list)
    down: bool = False

    def append(self, event: AuditEvent) -> None:
        if self.down:
            raise Unavailable("The audit log can't be reached.")
        self.events.append(event)

    def heads(self) -> dict[str, AuditHead]:
        if self.down:
            raise Unavailable("The audit log can't be reached.")
        made: dict[str, AuditHead] = {}
        for number, event in enumerate(self.events, start=1):
            made[f"principal/{event.principal}"] = AuditHead(number, event.outcome)
        return made


@dataclass
class FakeQueue:
    """Messages in a list, with their delays."""

    sent: list[tuple[dict[str, Any], int]] = field(default_factory=list)

    def send(self, message: Mapping[str, Any], delay: int = 0) -> None:
        assert isinstance(delay, int)
        assert 0 <= delay <= 900, "SQS takes no other"
        self.sent.append((dict(message), delay))


class FakeTokens:
    """Tokens in a dictionary, and a list of what was looked up."""

    def __init__(self, tokens: Iterable[KeptToken] = ()) -> None:
        self.kept = {token.id: token for token in tokens}
        self.found: list[str] = []

    def add(self, token: KeptToken) -> None:
        assert token.id not in self.kept
        self.kept[token.id] = token

    def find(self, token_id: str) -> KeptToken | None:
        self.found.append(token_id)
        return self.kept.get(token_id)

    def all(self) -> list[KeptToken]:
        return sorted(self.kept.values(), key=lambda token: token.created)

    def revoke(self, token_id: str, now: dt.datetime) -> bool:
        token = self.kept.get(token_id)
        if token is not None:
            self.kept[token_id] = replace(token, revoked=token.revoked or now)
        return token is not None


def _page(kept: Mapping[str, Any], limit: int, after: str | None, table: str | None) -> Page[Any]:
    wanted = sorted((each for each in kept.values() if table in (None, each.table)), key=lambda each: each.id)
    newest = [each for each in reversed(wanted) if after is None or each.id < after]
    more = len(newest) > limit
    return Page(newest[:limit], newest[limit - 1].id if more else None)
