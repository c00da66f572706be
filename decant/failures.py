"""Why a command did not do what it is for, in the words that its user is told."""

from collections.abc import Mapping, Sequence
from typing import Any

from decant.exits import Exit


class CommandError(Exception):
    """What happened (``detail``), what to do (``hint``), the parts at fault (``errors``), and how the command ends.

    ``before`` is what the command had done by then, such as the runs of files already sent.
    """

    before: Sequence[Mapping[str, Any]] = ()

    def __init__(
        self,
        detail: str,
        *,
        hint: str | None = None,
        exit: Exit = Exit.REFUSED,
        code: str = "refused",
        errors: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.exit = exit
        self.code = code
        self.errors = errors

    def told(self) -> dict[str, Any]:
        """The error as JSON."""
        named = {"code": self.code, "detail": self.detail, "hint": self.hint}
        lists = {"errors": list(self.errors), "before": list(self.before)}
        return {**named, **{name: listed for name, listed in lists.items() if listed}}


class Unreachable(CommandError):
    """Nobody answers, or what answers is not the API or can't do it now; it may be tried again."""

    def __init__(self, detail: str, *, hint: str | None = None, code: str = "unreachable") -> None:
        super().__init__(detail, hint=hint, exit=Exit.UNREACHABLE, code=code)


def usage(detail: str, hint: str | None = None) -> CommandError:
    """The error of a command that was written wrong."""
    return CommandError(detail, hint=hint, exit=Exit.USAGE, code="usage")


def file_error(error: OSError) -> CommandError:
    """The error of a file that can't be read or written."""
    detail = ": ".join(str(each) for each in (error.filename, error.strerror or error) if each)
    return CommandError(f"{detail}.", exit=Exit.USAGE, code="file")
