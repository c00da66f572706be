"""What all commands share: options for the API and for JSON, errors in words, and exit codes."""

import inspect
import os
from collections.abc import Callable
from typing import Annotated, Any

import typer

from decant.exits import Exit
from decant.failures import CommandError, file_error
from decant.session import Session

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The API's URL; else DECANT_URL, else the local stack's.",
        rich_help_panel="The API",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        help="Who asks; else DECANT_TOKEN (which no list of processes shows), else the local stack's.",
        rich_help_panel="The API",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON on standard output; all else goes to standard error.")
]
_SHARED = (("url", Url, None), ("token", Token, None), ("as_json", Json, False))
Action = Callable[..., Exit | None]


def command(
    app: typer.Typer, panel: str | None = None, name: str | None = None, *, local: bool = False
) -> Callable[[Action], Action]:
    """Register a function whose first parameter is its ``Session``; the others are the command's arguments.

    It gives how the command ends, None for well, or raises CommandError. ``local``: it is for the local stack, whatever
    the environment says.
    """
    options = [each for each in _SHARED if not local or each[1] is Json]

    def register(action: Action) -> Action:
        own = list(inspect.signature(action, eval_str=True).parameters.values())[1:]
        keyword = inspect.Parameter.KEYWORD_ONLY
        shared = [inspect.Parameter(each, keyword, annotation=kind, default=usual) for each, kind, usual in options]

        def run(url: str | None = None, token: str | None = None, as_json: bool = False, **given: Any) -> None:
            session = Session(url, token, as_json, {} if local else os.environ)
            raise typer.Exit(_end(action, session, given))

        parameters = [*(each.replace(kind=keyword) for each in own), *shared]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        run.__doc__ = action.__doc__
        app.command(name or action.__name__.strip("_").replace("_", "-"), rich_help_panel=panel)(run)
        return action

    return register


def _end(action: Action, session: Session, given: dict[str, Any]) -> Exit:
    try:
        return action(session, **given) or Exit.DONE
    except CommandError as error:
        return session.complain(error)
    except KeyboardInterrupt:
        session.note("Interrupted. What was ordered goes on; `decant runs` lists it.")
        return Exit.INTERRUPTED
    except ConnectionError:  # no file: whoever read the output has gone
        raise
    except OSError as error:
        return session.complain(file_error(error))
    except Exception as error:
        if not isinstance(error, _expected()):
            raise
        return session.complain(_worded(error))


def _expected() -> tuple[type[Exception], ...]:
    """The errors of the local stack and of the flows, which are written for people. They cost time to import."""
    from botocore.exceptions import BotoCoreError, ClientError

    from chalicelib.errors import DecantError
    from infra.deployment.errors import DeploymentError
    from infra.local.embedded_postgres import PostgresError
    from infra.local.emulator import EmulatorError
    from infra.local.environment import InstallationError
    from infra.local.record import StackError
    from infra.migrate import MigrationError
    from infra.package import PackagingError
    from infra.tokens import TokenError

    return (
        BotoCoreError, ClientError, DecantError, DeploymentError, EmulatorError, InstallationError, MigrationError,
        PackagingError, PostgresError, StackError, TokenError,
    )  # fmt: skip


def _worded(error: Exception) -> CommandError:
    from chalicelib.errors import DecantError
    from infra.local.record import StackError

    if isinstance(error, DecantError):
        return CommandError(error.detail, hint=error.hint, code=error.code, errors=error.errors)
    return CommandError(str(error), exit=Exit.UNREACHABLE if isinstance(error, StackError) else Exit.REFUSED)
