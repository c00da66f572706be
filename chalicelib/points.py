"""The points that work passes on its way: between two of them, something comes to be that outlives the process.

They are told in the debug lines of a function (``DECANT_LOG_LEVEL=DEBUG``), so the log of a worker that died, or ran
out of time, says how far it had come. Whoever wants to know of a point at the moment that it is passed is a handler of
``logger``; see decision 0601.
"""

from __future__ import annotations

import logging
from enum import StrEnum, unique

logger = logging.getLogger(__name__)


@unique
class Point(StrEnum):
    """Every point there is; a name says what has just been done, and its first word by which flow."""

    # A message of the queue.
    WORK_CLAIMED = "work.claimed"
    WORK_PUT_BACK = "work.put-back"
    WORK_HANDED_ON = "work.handed-on"
    RUN_BEGUN = "run.begun"
    RUN_ENDED = "run.ended"

    # A file, from its object to the commit of its run.
    LOAD_OPENED = "load.opened"
    LOAD_PUT_BACK = "load.put-back"
    LOAD_TURN_TAKEN = "load.turn-taken"
    LOAD_WRITTEN = "load.written"
    LOAD_RECORDED = "load.recorded"
    LOAD_COMMITTED = "load.committed"
    LOAD_FAILURE_RECORDED = "load.failure-recorded"
    LOAD_FAILURE_COMMITTED = "load.failure-committed"

    # Its rows: few at once, many through a staging table, or straight into an empty one.
    DIRECT_CHECKED = "direct.checked"
    DIRECT_INSERTED = "direct.inserted"
    ROWS_SENT = "rows.sent"
    ROWS_REJECTED = "rows.rejected"
    STAGED = "staged.all"
    STAGED_CHECKED = "staged.checked"
    STAGED_PUBLISHED = "staged.published"
    FIRST_KEYS_OFF = "first.keys-off"
    FIRST_KEYS_ON = "first.keys-on"
    FIRST_INDEXED = "first.indexed"

    # A file in parts.
    SPLIT_PLANNED = "split.planned"
    SPLIT_SENT = "split.sent"
    SPLIT_SCANNED = "split.scanned"
    SPLIT_CUT = "split.cut"
    SPLIT_SCAN_COMMITTED = "split.scan-committed"
    SPLIT_STAGED = "split.staged"
    SPLIT_LOAD_COMMITTED = "split.load-committed"
    SPLIT_REJECTED = "split.rejections-logged"
    SPLIT_SETTLED = "split.settled"
    SPLIT_RECORDED = "split.recorded"
    SPLIT_COMMITTED = "split.committed"
    SPLIT_ABANDONED = "split.abandoned"

    # A batch of rows, or corrected ones.
    KEY_CLAIMED = "key.claimed"
    KEY_ANSWERED = "key.answered"
    CORRECTIONS_MERGED = "corrections.merged"
    BATCH_WRITTEN = "batch.written"
    BATCH_COMMITTED = "batch.committed"
    BATCH_SHOWN = "batch.shown"
    ORDER_SHOWN = "order.shown"
    ORDER_SENT = "order.sent"

    # A backup.
    BACKUP_LOCKED = "backup.locked"
    BACKUP_OFFERED = "backup.part-offered"
    BACKUP_PAGE_WRITTEN = "backup.page-written"
    BACKUP_FILE_WRITTEN = "backup.file-written"
    BACKUP_PART_CLAIMED = "backup.part-claimed"
    BACKUP_PART_NOTED = "backup.part-noted"
    BACKUP_READ = "backup.read"
    BACKUP_MANIFEST_WRITTEN = "backup.manifest-written"
    BACKUP_LISTED = "backup.listed"
    UPLOAD_BEGUN = "upload.begun"
    UPLOAD_PART_SENT = "upload.part-sent"

    # A restore.
    RESTORE_VERIFIED = "restore.verified"
    RESTORE_STAGED = "restore.staged"
    RESTORE_LOCKED = "restore.locked"
    RESTORE_INSERTED = "restore.inserted"
    RESTORE_UPDATED = "restore.updated"
    RESTORE_DELETED = "restore.deleted"
    RESTORE_CHECKED = "restore.checked"
    RESTORE_RECORDED = "restore.recorded"
    RESTORE_COMMITTED = "restore.committed"

    # Retention.
    RETENTION_CHOSEN = "retention.chosen"
    RETENTION_UNLISTED = "retention.unlisted"
    RETENTION_MANIFEST_DELETED = "retention.manifest-deleted"
    RETENTION_FILE_DELETED = "retention.file-deleted"
    RETENTION_SWEPT = "retention.swept"
    RETENTION_TOLD = "retention.told"


def passed(point: Point) -> None:
    """Tell that a point is passed."""
    logger.debug("passed %s", point.value, extra={"point": point.value})
