"""How commands end, for scripts; the numbers stay as they are."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit status of a command."""

    DONE = 0
    REJECTED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_ALLOWED = 4
    REFUSED = 5
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done, and nothing was rejected",
    Exit.REJECTED: "rows were rejected, or a run failed, or a check found something",
    Exit.USAGE: "the command was written wrong, or a file can't be read or written",
    Exit.UNREACHABLE: "the API does not answer, or there is no stack",
    Exit.NOT_ALLOWED: "not signed in: the token is missing, not valid or lacks the scope",
    Exit.REFUSED: "the API, or the local stack, refused what was asked",
    Exit.INTERRUPTED: "interrupted (Ctrl-C); what was ordered goes on",
}
