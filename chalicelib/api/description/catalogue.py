"""Every code by which something goes wrong, with its cause and its cure: what documents, page and OpenAPI tell.

Problems are answers of the API, and errors of runs; file errors are those of a whole file; rejections those of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.errors import DecantError, FileCode, FileError
from chalicelib.load.rows import ReasonCode


@dataclass(frozen=True, slots=True)
class Entry:
    """One code: what it is called, why it comes, what to do about it, and what an example of it says.

    ``status`` is that of the answer that has it; None for a rejected row, which is told within an answer.
    """

    code: str
    status: int | None
    title: str
    cause: str
    cure: str
    example: str


def problems() -> list[Entry]:
    """The kinds of problems, by status: those of the errors in the code, and those of the gateway alone."""
    kinds = {kind.code: (kind.status, kind.title) for kind in _kinds(DecantError) if kind is not FileError}
    kinds |= {"too-many-requests": (429, "Too many requests"), "timeout": (504, "The service did not answer in time")}
    entries = [Entry(code, status, title, *_PROBLEMS[code]) for code, (status, title) in kinds.items()]
    return sorted(entries, key=lambda entry: (entry.status or 0, entry.code))


def file_errors() -> list[Entry]:
    """Why a whole file can't be loaded."""
    return [Entry(code.value, FileError.status, FileError.title, *_FILES[code]) for code in FileCode]


def rejections() -> list[Entry]:
    """Why a row is rejected."""
    return [Entry(code.value, None, _REASON_TITLES[code], *_REASONS[code]) for code in ReasonCode]


def by_status(status: int) -> Entry:
    """The plainest kind of problem of a status."""
    return next(entry for entry in problems() if entry.status == status and entry.code in _PLAIN)


def _kinds(kind: type[DecantError]) -> Iterator[type[DecantError]]:
    yield kind
    for each in kind.__subclasses__():
        # A subclass of the tests, or of a tool, is not published.
        if each.__module__ == DecantError.__module__:
            yield from _kinds(each)


_PLAIN = {
    "bad-request", "unauthorized", "forbidden", "not-found", "method-not-allowed", "not-acceptable", "conflict",
    "too-large", "unsupported-media", "unprocessable", "too-many-requests", "internal-error", "unavailable", "timeout",
}  # fmt: skip

# Cause, cure, and the detail of an example.
_PROBLEMS: Mapping[str, tuple[str, str, str]] = {
    "internal-error": (
        "A defect of the service, or of its deployment; the request is not at fault.",
        "Give the operator the request's number, by which the log has the reason.",
        "The service failed at this request; that is not the request's fault. Its log tells the reason, at the request "
        "0b1c2d3e.",
    ),
    "bad-dictionary": (
        "The data dictionary contradicts itself, or asks for what can't be kept in Postgres and AVRO.",
        "Correct the place that the detail names, then deploy again.",
        "The foreign keys of orders, items form a circle. No table could be loaded first.",
    ),
    "bad-request": (
        "The body is no JSON of the right form, or a field or parameter is unknown, stands twice, or has a value that "
        "it does not take.",
        "Correct the field or parameter that `errors` names.",
        "limit is '5000'. It takes a whole number from 1 to 1000.",
    ),
    "unauthorized": (
        "The request shows no token, or one that is mistyped, has run out, or was revoked.",
        "Send `Authorization: Bearer <token>`; `make token` makes a new one.",
        "The request has no valid credentials. Send 'Authorization: Bearer <token>'.",
    ),
    "forbidden": (
        "The token is good and lacks the scope that the route needs.",
        "Ask an operator for a token with that scope: read, write or operate.",
        "This takes the scope operate, which the caller lacks. Ask an operator for credentials that have it.",
    ),
    "not-found": (
        "There is no table, run, backup or metric of that name, or nothing at that path.",
        "List what there is: `GET /tables`, `/runs`, `/backups`, `/metrics`.",
        "There is no metric 'hires'. The metrics are hires-by-quarter, departments-above-mean.",
    ),
    "method-not-allowed": (
        "The path exists and takes other methods.",
        "Use one of those that the header `Allow` names.",
        "DELETE is not a method of this path. It takes GET.",
    ),
    "not-acceptable": (
        "The answer has no such format as `format` or `Accept` asks for.",
        "Ask for one that the detail names.",
        "The answer has no format 'pdf'. It has json, csv.",
    ),
    "conflict": (
        "The state of the run or backup does not allow what was asked.",
        "Do what the detail says, most often wait until the run has ended.",
        "The run 20260102T030405678901-0a1b2c3d is running. Wait until it has ended.",
    ),
    "duplicate-content": (
        "A file with the very same content was loaded into the table before; its run ends as duplicate.",
        "Nothing need be done. To load it all the same, replay the run.",
        "The same content has been loaded by run 20260102T030405678901-0a1b2c3d; nothing was loaded twice. Replay this "
        "run to load it all the same.",
    ),
    "integrity-violation": (
        "A constraint of the database refused a statement, as when a parent row vanished at the same moment.",
        "Look at the constraint that the detail names, correct the rows, and send them again.",
        "A row refers to a parent that is gone.",
    ),
    "superseded": (
        "A newer version of the same object was dropped before this one was loaded.",
        "Nothing need be done: the newer version is what is loaded.",
        "The object incoming/jobs/jobs.csv has been written again; its newer version is loaded instead.",
    ),
    "backup-damaged": (
        "The backup's file or manifest is not what was written, or was written by a newer version.",
        "Restore another backup: `GET /backups` lists them. Find out who can write to the bucket.",
        "The file of the backup has another SHA-256 than its manifest says.",
    ),
    "restore-refused": (
        "The restore would lose or break rows, as when other tables refer to rows that the backup lacks.",
        "Restore the snapshot of all tables, or see with `dry_run` which rows are in the way.",
        "Rows of other tables refer to rows that the backup does not have.",
    ),
    "migration-refused": (
        "A change of the dictionary would lose or break rows, or can't be told to be right.",
        "Make the change in the smaller steps of docs/dictionary-changes.md.",
        "The migration 7 (narrower) began and did not end. Bring its dictionary back and migrate once more, then "
        "change the dictionary.",
    ),
    "drill-failed": (
        "The newest backups could not be restored for practice. No table was touched.",
        "Verify the backup that `errors` names, and make a new one.",
        "The backup 20260102T030405678901-0a1b2c3d failed the drill: it does not verify.",
    ),
    "too-large": (
        "More rows or bytes than one request may have.",
        "Send fewer rows at once, or upload a file through `POST /uploads`.",
        "There are 1001 rows. Send 1000 at once at most, or a file through /uploads.",
    ),
    "unsupported-media": (
        "The body is announced as something else than JSON, or is compressed.",
        "Send JSON in UTF-8 with `Content-Type: application/json`.",
        "The body is announced as 'text/csv'. Send JSON with 'Content-Type: application/json'.",
    ),
    "unprocessable": (
        "Nothing of the request can be done; also an `Idempotency-Key` that came with another request.",
        "Do what the detail says; for another request choose a new key.",
        "The Idempotency-Key has been used with another request. Send the first request unchanged to get its answer "
        "again, or choose a new key.",
    ),
    "too-many-requests": (
        "The token asks more often than it may, or has used up its requests of the day.",
        "Wait as many seconds as `Retry-After` says.",
        "Wait a second, then ask again, and less often.",
    ),
    "unavailable": (
        "A part of the service is down or busy, as a database that starts.",
        "Send the request again after as many seconds as `Retry-After` says, with the same `Idempotency-Key`.",
        "The database does not answer. Try again in a moment.",
    ),
    "out-of-time": (
        "A run stopped when its worker's time was over, as often as it may: it takes longer than a worker has.",
        "Drop the rows in smaller files, or a workbook as CSV. For other work see what keeps the database busy, then "
        "redrive it.",
        "It takes longer than a worker may: 3 of them stopped when their time was over.",
    ),
    "timeout": (
        "The service did not answer in the time that the gateway gives it.",
        "It may have done what was asked: `GET /runs` tells, and the same `Idempotency-Key` asks for it once.",
        "It may have done what was asked: GET /runs tells, and the same Idempotency-Key asks for it once.",
    ),
}  # fmt: skip

_FILES: Mapping[FileCode, tuple[str, str, str]] = {
    FileCode.ENCRYPTED_FILE: (
        "The workbook is protected by a password.", "Save it without the password, and drop it again.",
        "The workbook is protected by a password.",
    ),
    FileCode.OLD_WORKBOOK: (
        "The file is a workbook of Excel 97 to 2003, or a binary one.", "Save it as .xlsx, and drop it again.",
        "The file is a workbook of Excel 97 to 2003 (.xls).",
    ),
    FileCode.NOT_A_WORKBOOK: (
        "The file has the name of a workbook and is none, or was cut off on its way.",
        "Open it in Excel, save it as .xlsx, and drop it again.", "The file is no workbook, or it was cut off.",
    ),
    FileCode.DANGEROUS_WORKBOOK: (
        "The workbook would unpack to far more than it should, or holds what no workbook needs.",
        "Copy its rows into a new workbook, or save them as CSV.",
        "The workbook of 42,000 bytes would unpack to 4,300,000,000 in 17 parts.",
    ),
    FileCode.WRONG_COLUMNS: (
        "The header has columns that the table has not, or lacks some; or the rows have another number of cells.",
        "Name the columns as `GET /tables/{table}` does, and separate cells by commas.",
        "The columns of the file are wrong: its header lacks 'job'. The table jobs has the columns id, job.",
    ),
    FileCode.UNDECODABLE_BYTES: (
        "The file is not in UTF-8, as one that was saved for Windows.", "Save it as CSV UTF-8, and drop it again.",
        "The bytes on line 12 are no UTF-8 text.",
    ),
    FileCode.UNBALANCED_QUOTE: (
        "A quote is opened and never closed, so nobody can tell where the cell ends.",
        "Close the quote, or double each quote that belongs to the text, and drop the file again.",
        "The quote that opens on line 3 is never closed.",
    ),
    FileCode.CELL_TOO_LONG: (
        "A record is longer than a block of the reader, most often for a quote that is never closed.",
        'Look for a cell with an opening quote (") but no closing one.',
        "A record of the file is longer than 8388608 bytes, or a quote in it is never closed.",
    ),
    FileCode.EMPTY_FILE: (
        "The file has no rows.", "Drop it again with its rows.", "The file is empty.",
    ),
    FileCode.BAD_NAME: (
        "The name of the object holds a zero byte, or bytes that are no UTF-8 text.",
        "Drop the file again under a name of letters, digits, dots and dashes, and delete the object.",
        "The name of the file 'jobs%00.csv' has a zero byte (%00) in it, so its object can't be recorded or read.",
    ),
    FileCode.UNKNOWN_TABLE: (
        "Neither the folder nor the name of the file is that of a table.",
        "Name it after its table, such as `jobs.csv`, or put it into the folder `incoming/<table>/`.",
        "No table claims the file 'list.csv'.",
    ),
    FileCode.UNKNOWN_FORMAT: (
        "The file is neither .csv nor .xlsx.", "Save it as one of them, and drop it again.",
        "The file incoming/jobs/jobs.ods is neither CSV nor a workbook.",
    ),
    FileCode.OBJECT_GONE: (
        "The object was deleted before it was loaded.", "Drop it again.", "The object incoming/jobs/jobs.csv is gone.",
    ),
    FileCode.BAD_OPTION: (
        "The metadata of the object name an option or a value that there is not.",
        "Use `on-conflict` with reject, skip or update, and `max-rejected` with a share from 0 to 1.",
        "The file asks for max-rejected=5. It takes a share from 0 to 1, such as 0.05 for 5 % of the rows.",
    ),
    FileCode.TOO_MANY_REJECTIONS: (
        "More rows were rejected than `max-rejected` allows, so nothing was loaded.",
        "Correct the rows, which the run lists, and drop the file again; or allow more.",
        "61 of 100 rows were rejected, and 5 % may be.",
    ),
}  # fmt: skip

_REASON_TITLES: Mapping[ReasonCode, str] = {
    ReasonCode.MISSING_CELL: "A required cell is missing",
    ReasonCode.EXTRA_CELL: "A cell too many",
    ReasonCode.TYPE_ERROR: "Not of the column's type",
    ReasonCode.CONSTRAINT_ERROR: "A constraint of the column is broken",
    ReasonCode.FOREIGN_KEY: "The row it refers to is not there",
    ReasonCode.PRIMARY_KEY: "The key is taken",
}
_REASONS: Mapping[ReasonCode, tuple[str, str, str]] = {
    ReasonCode.MISSING_CELL: (
        "The row ends before the column, or the JSON object has no such field.",
        "Give the cell a value; a row of a file needs as many cells as the table has columns.",
        "job is required, and absent",
    ),
    ReasonCode.EXTRA_CELL: (
        "The row has more cells than the table has columns, or a field of another name.",
        "Take the cell out; text with a comma in it needs quotes.", "jobs has no column 'remark'",
    ),
    ReasonCode.TYPE_ERROR: (
        "The text is no whole number, date, or whatever the column takes.",
        "Write it as the message says.", "id takes a whole number",
    ),
    ReasonCode.CONSTRAINT_ERROR: (
        "A required cell is blank, or the value is out of bounds, not one of those listed, too long or too short, or "
        "not of the pattern.",
        "Write a value that the message allows; `GET /tables/{table}` tells the rules.",
        "id takes 2147483647 or less",
    ),
    ReasonCode.FOREIGN_KEY: (
        "The row refers to one that the other table does not have.",
        "Load the parent first, or correct the number; then replay the row.",
        "department_id refers to id 99, which departments does not have",
    ),
    ReasonCode.PRIMARY_KEY: (
        "The table has a row of that key with other values, or the same file has it twice.",
        "Give the row another key; or load with `on_conflict=update` to change the row that is there.",
        "the table has this id already, with another job",
    ),
}  # fmt: skip
