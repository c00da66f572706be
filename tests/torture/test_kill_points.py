"""A process that is killed at any point leaves everything once or nothing, and the next one ends its work."""

from __future__ import annotations

from chalicelib.points import Point
from tests.torture.place import Place
from tests.torture.torment import Torment

# Work, and at which points its processes are killed. The third worker that dies of a message is the last one.
PLANS: list[tuple[str, list[Point]]] = [
    ("first load", [Point.FIRST_KEYS_OFF, Point.FIRST_KEYS_ON]),
    ("first load", [Point.FIRST_INDEXED]),
    ("few rows", [Point.RUN_BEGUN, Point.LOAD_OPENED]),
    ("few rows", [Point.LOAD_TURN_TAKEN, Point.DIRECT_CHECKED]),
    ("few rows", [Point.DIRECT_INSERTED, Point.LOAD_WRITTEN]),
    ("few rows", [Point.LOAD_RECORDED, Point.LOAD_COMMITTED]),
    ("many rows", [Point.ROWS_SENT, Point.ROWS_REJECTED]),
    ("many rows", [Point.STAGED, Point.STAGED_CHECKED]),
    ("very many rows", [Point.STAGED_PUBLISHED, Point.RUN_ENDED]),
    ("two files", [Point.LOAD_PUT_BACK]),
    ("locked out", [Point.WORK_PUT_BACK]),
    ("out of time", [Point.WORK_HANDED_ON]),
    ("bad file", [Point.LOAD_FAILURE_RECORDED, Point.LOAD_FAILURE_COMMITTED]),
    ("parts", [Point.SPLIT_PLANNED, Point.SPLIT_SENT, Point.SPLIT_SCANNED, Point.SPLIT_CUT]),
    ("parts", [Point.SPLIT_SCAN_COMMITTED, Point.SPLIT_STAGED, Point.SPLIT_LOAD_COMMITTED, Point.SPLIT_REJECTED,
               Point.SPLIT_SETTLED]),
    ("same parts again", [Point.SPLIT_RECORDED, Point.SPLIT_COMMITTED, Point.SPLIT_ABANDONED]),
    ("batch", [Point.KEY_CLAIMED, Point.BATCH_WRITTEN, Point.KEY_ANSWERED, Point.BATCH_COMMITTED]),
    ("bad batch", [Point.BATCH_SHOWN]),
    ("correction", [Point.CORRECTIONS_MERGED]),
    ("load again", [Point.ORDER_SHOWN, Point.ORDER_SENT]),
    ("backup", [Point.BACKUP_PART_CLAIMED, Point.BACKUP_PART_NOTED, Point.BACKUP_LOCKED]),
    ("backup", [Point.BACKUP_OFFERED, Point.UPLOAD_BEGUN]),
    ("backup", [Point.UPLOAD_PART_SENT, Point.BACKUP_FILE_WRITTEN]),
    ("backup", [Point.BACKUP_PAGE_WRITTEN, Point.BACKUP_READ]),
    ("scheduled backup", [Point.WORK_CLAIMED, Point.BACKUP_MANIFEST_WRITTEN]),
    ("backup", [Point.BACKUP_LISTED]),
    ("few rows", []),
    ("restore", [Point.RESTORE_VERIFIED, Point.RESTORE_STAGED]),
    ("restore", [Point.RESTORE_LOCKED, Point.RESTORE_INSERTED]),
    ("restore", [Point.RESTORE_UPDATED, Point.RESTORE_DELETED]),
    ("restore", [Point.RESTORE_CHECKED, Point.RESTORE_RECORDED]),
    ("restore", [Point.RESTORE_COMMITTED]),
    ("retention", [Point.RETENTION_CHOSEN, Point.RETENTION_UNLISTED, Point.RETENTION_MANIFEST_DELETED,
                   Point.RETENTION_FILE_DELETED, Point.RETENTION_SWEPT, Point.RETENTION_TOLD]),
]  # fmt: skip
MOST_TRIES = 6
ANYWHERE = ["batch", "many rows"]


def kill_at(torment: Torment, kind: str, points: list[Point]) -> None:
    """Do such work, once or, as a race may pass by a point, until its processes were killed at all of them."""
    for _ in range(MOST_TRIES):
        left = [point.value for point in points if not torment.kills.by_point[point.value]]
        torment.do(kind, len(left), left)
        if all(torment.kills.by_point[point] for point in left):
            return


def test_a_process_that_is_killed_at_any_point_leaves_its_work_to_the_next(place: Place) -> None:
    torment = Torment(place, seed=6)
    try:
        for kind, points in PLANS:
            kill_at(torment, kind, points)
        for kind in ANYWHERE:
            torment.do(kind, most_kills=2)
        assert torment.dead_letters == 0
        torment.do("few rows", 3, [Point.RUN_BEGUN.value] * 3)
        assert torment.dead_letters == 1, "after so many deaths the worker gives up"
        torment.sweep()
    finally:
        print(torment.report())
    assert [point.value for point in Point if not torment.kills.by_point[point.value]] == []
