"""What is mutated, and the tests that say what it has to do: quick ones, for a survivor is held against all of them."""

from __future__ import annotations

_RESTORE = [
    "tests/contract/test_restore.py",
    "tests/contract/test_restore_older.py",
    # A property that takes seconds; what it has found of mutants has examples of its own.
    "--deselect=tests/contract/test_restore.py::test_any_tables_come_back_equal_whatever_happened_since",
]

SPECIFIED_BY = {
    "chalicelib.load.validation": ["tests/unit/test_validation.py"],
    "chalicelib.ledger": ["tests/contract/test_ledger.py"],
    "chalicelib.load.rejections": ["tests/contract/test_ledger.py"],
    "chalicelib.backup.named_rows": _RESTORE,
    "chalicelib.backup.references": _RESTORE,
    "chalicelib.backup.restore": _RESTORE,
    "chalicelib.backup.rules": ["tests/contract/test_restore_older.py"],
    "chalicelib.backup.schemas": ["tests/unit/test_backup_schemas.py"],
    "chalicelib.backup.swap": _RESTORE,
    "chalicelib.backup.verification": ["tests/unit/test_backup_verification.py"],
}
