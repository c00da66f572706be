"""What the flows need from outside, in the words of the domain, and the records they keep there.

Adapters implement the protocols; flows take them as arguments. Nothing here knows AWS or a driver. Each port has a
module of its own, with its records: ``database``, ``storage``, ``queue``, ``catalog`` with the ``runs`` that it lists,
and ``audit_log``. All are imported from here.
"""

from chalicelib.ports.audit_log import AuditEvent, AuditHead, AuditLog
from chalicelib.ports.catalog import RUNS_ARE_SHOWN, Backup, Catalog, Listing, Page, whole
from chalicelib.ports.database import Database, Session, Transaction
from chalicelib.ports.queue import DeadLetter, Queue
from chalicelib.ports.runs import Counts, Run, RunKind, RunState, Source
from chalicelib.ports.storage import Storage, StoredObject

__all__ = [
    "RUNS_ARE_SHOWN",
    "AuditEvent",
    "AuditHead",
    "AuditLog",
    "Backup",
    "Catalog",
    "Counts",
    "Database",
    "DeadLetter",
    "Listing",
    "Page",
    "Queue",
    "Run",
    "RunKind",
    "RunState",
    "Session",
    "Source",
    "Storage",
    "StoredObject",
    "Transaction",
    "whole",
]
