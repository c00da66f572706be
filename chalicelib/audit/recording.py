"""Entering events into the audit log without standing in the way of what they tell of."""

from __future__ import annotations

import logging

from chalicelib.audit.chain import event_content
from chalicelib.ports import AuditEvent, AuditLog
from chalicelib.telemetry.metrics import measure

logger = logging.getLogger(__name__)


def record(log: AuditLog, event: AuditEvent) -> bool:
    """Enter an event, or tell the log of lines and the metric AuditEntriesLost what could not be entered."""
    try:
        log.append(event)
    except Exception:  # noqa: BLE001 - it is told with the entry
        # What was done is done, and its answer stands, whatever keeps it from being entered.
        lost(event)
        return False
    return True


def lost(event: AuditEvent) -> None:
    """Tell of an event that the audit log does not have. Called where the reason is at hand as an exception."""
    logger.exception("an entry of the audit log is lost", extra={"entry": event_content(event)})
    measure("AuditEntriesLost", 1, "Count")
