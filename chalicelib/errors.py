"""What can go wrong, as callers are told it::

    DecantError                 500  a defect of ours, unless a subclass says otherwise
    ├── DictionaryError         500  the data dictionary can't be used
    ├── BadRequest              400  the request can't be understood
    ├── Unauthorized            401  nobody knows who makes the request
    ├── Forbidden               403  the caller may not do this
    ├── NotFound                404  there is no such thing
    ├── MethodNotAllowed        405  the path takes other methods
    ├── NotAcceptable           406  the answer has no such format
    ├── Conflict                409  the state of things does not allow it
    ├── TooLarge                413  more than the service takes at once
    ├── UnsupportedMedia        415  the request's body has a format that is not read
    ├── Unprocessable           422  understood, and nothing of it can be done
    ├── FileError               422  a whole file can't be read; its code says why
    ├── DuplicateContent        409  the same content has been loaded already
    ├── IntegrityViolation      409  a constraint of the database refused a statement
    ├── Superseded              409  a newer version of the object stands for it
    ├── BackupDamaged           409  a backup does not verify
    ├── RestoreRefused          409  a restore would lose or break rows
    ├── MigrationRefused        409  a change of the dictionary would lose or break rows
    ├── DrillFailed             409  the newest backups can't be restored
    └── Unavailable             503  a part is down or busy; trying again may help
        └── OutOfTime           503  a worker's time was over before its work was done

A bad *cell* is no exception but a value: ``load.validation.Reason``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar


class DecantError(Exception):
    """An error that is told to a person: what happened (``detail``) and what to do (``hint``).

    ``errors`` lists the parts at fault, each a JSON object. ``code`` is stable and published.
    """

    status: ClassVar[int] = 500
    code: str = "internal-error"
    title: ClassVar[str] = "Something went wrong inside the service"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, *, hint: str | None = None, errors: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.errors = list(errors)

    def told(self) -> dict[str, Any]:
        """The error as a run keeps it."""
        return {"code": self.code, "detail": self.detail, "hint": self.hint}

    def __str__(self) -> str:
        return self.detail if self.hint is None else f"{self.detail} {self.hint}"


class DictionaryError(DecantError):
    """The data dictionary contradicts itself or asks for what Decant can't do."""

    code = "bad-dictionary"
    title = "The data dictionary can't be used"


class BadRequest(DecantError):
    """The request can't be understood."""

    status = 400
    code = "bad-request"
    title = "The request can't be understood"


class Unauthorized(DecantError):
    """Nobody knows who makes the request."""

    status = 401
    code = "unauthorized"
    title = "The request has no valid credentials"


class Forbidden(DecantError):
    """The caller may not do what the request asks for; ``scope`` is what they lack."""

    status = 403
    code = "forbidden"
    title = "The caller may not do this"

    def __init__(self, detail: str, *, scope: str, hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.scope = scope


class NotFound(DecantError):
    """There is no such thing."""

    status = 404
    code = "not-found"
    title = "There is no such thing"


class MethodNotAllowed(DecantError):
    """The path takes other methods: those ``allowed``."""

    status = 405
    code = "method-not-allowed"
    title = "The path does not take this method"

    def __init__(self, detail: str, *, allowed: Sequence[str]) -> None:
        super().__init__(detail, hint=f"It takes {', '.join(allowed)}.")
        self.allowed = allowed


class NotAcceptable(DecantError):
    """The answer has none of the formats that the client takes."""

    status = 406
    code = "not-acceptable"
    title = "The answer has no such format"


class Conflict(DecantError):
    """The state of things does not allow what was asked."""

    status = 409
    code = "conflict"
    title = "The present state does not allow this"


class TooLarge(DecantError):
    """More than the service takes at once."""

    status = 413
    code = "too-large"
    title = "More than the service takes at once"


class UnsupportedMedia(DecantError):
    """The request's body has a format that is not read."""

    status = 415
    code = "unsupported-media"
    title = "The request's body has a format that is not read"


class Unprocessable(DecantError):
    """The request is understood, and nothing of it can be done."""

    status = 422
    code = "unprocessable"
    title = "Nothing of this can be done"


class FileCode(StrEnum):
    """Why a whole file can't be read."""

    ENCRYPTED_FILE = "encrypted-file"
    OLD_WORKBOOK = "old-workbook"
    NOT_A_WORKBOOK = "not-a-workbook"
    DANGEROUS_WORKBOOK = "dangerous-workbook"
    WRONG_COLUMNS = "wrong-columns"
    UNDECODABLE_BYTES = "undecodable-bytes"
    UNBALANCED_QUOTE = "unbalanced-quote"
    CELL_TOO_LONG = "cell-too-long"
    EMPTY_FILE = "empty-file"
    BAD_NAME = "bad-name"
    UNKNOWN_TABLE = "unknown-table"
    UNKNOWN_FORMAT = "unknown-format"
    OBJECT_GONE = "object-gone"
    BAD_OPTION = "bad-option"
    TOO_MANY_REJECTIONS = "too-many-rejections"


class FileError(DecantError):
    """A whole file can't be read or loaded; its rows are untouched and the object stays."""

    status = 422
    title = "The file can't be loaded"

    def __init__(self, code: FileCode, detail: str, *, hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.code = code.value


class DuplicateContent(DecantError):
    """The same content has been loaded into the table before, by the run ``original``."""

    status = 409
    code = "duplicate-content"
    title = "The same content has been loaded already"

    def __init__(self, original: str) -> None:
        super().__init__(
            f"The same content has been loaded by run {original}; nothing was loaded twice.",
            hint="Replay this run to load it all the same.",
        )
        self.original = original


class IntegrityViolation(DecantError):
    """A constraint of the database refused a statement. ``constraint`` names it, ``sqlstate`` tells its kind."""

    status = 409
    code = "integrity-violation"
    title = "A constraint of the database refuses this"

    def __init__(self, detail: str, *, constraint: str, sqlstate: str) -> None:
        super().__init__(detail)
        self.constraint = constraint
        self.sqlstate = sqlstate


class Superseded(DecantError):
    """A newer version of the object stands for this one."""

    status = 409
    code = "superseded"
    title = "A newer version of the object stands for this one"


class BackupDamaged(DecantError):
    """A backup does not verify: its file or its manifest is not what was written."""

    status = 409
    code = "backup-damaged"
    title = "The backup does not verify"


class RestoreRefused(DecantError):
    """A restore would lose or break rows, so nothing was changed."""

    status = 409
    code = "restore-refused"
    title = "The restore was refused; nothing was changed"


class MigrationRefused(DecantError):
    """A migration would lose or break rows, or can't be told to be right, so nothing was changed."""

    status = 409
    code = "migration-refused"
    title = "The migration was refused; nothing was changed"


class DrillFailed(DecantError):
    """The newest backups could not be restored, as a drill found; no table was touched."""

    status = 409
    code = "drill-failed"
    title = "The newest backups can't be restored"


class Unavailable(DecantError):
    """A part the service needs is down or busy."""

    status = 503
    code = "unavailable"
    title = "A part of the service is down or busy"
    retryable = True


class OutOfTime(Unavailable):
    """The time of a worker was over before its work was done; nothing of it stays, and another may have enough."""

    code = "out-of-time"
    title = "The work took longer than a worker may"
