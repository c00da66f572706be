"""Tokens: who may do what. They are made with the credentials of the stage's operator, not with a token."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from decant import show
from decant.command import command
from decant.session import Session

if TYPE_CHECKING:
    from infra.tokens import Tokens

Stage = Annotated[str, typer.Option(metavar="STAGE", help="A stage on AWS, by the environment's credentials.")]
_LOCAL = "local"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(name="token", help="Make, list and revoke tokens.", no_args_is_help=True)
    for name, action in (("make", make), ("list", list_tokens), ("revoke", revoke), ("show", show_token)):
        command(group, name=name, local=True)(action)
    app.add_typer(group, rich_help_panel="Operating")


def make(
    session: Session,
    name: Annotated[str, typer.Argument(help="Who or what has it.")],
    scopes: Annotated[str, typer.Option(help="Some of read, write, operate: 'read write'.")],
    expires: Annotated[str | None, typer.Option(help="After how long it ends: 90d, 12h, 30m; else never.")] = None,
    stage: Stage = _LOCAL,
) -> None:
    """Make a token and print it, once: it can't be had again."""
    from infra.tokens import made

    text = made(_tokens(session, stage), name, scopes, expires)
    session.tell({"token": text, "id": text.split("_")[1], "name": name}, lambda console: show.say(console, text))
    session.note("This is told once: keep it where secrets are kept.")


def list_tokens(session: Session, stage: Stage = _LOCAL) -> None:
    """List all tokens, without their secrets."""
    kept, now = _tokens(session, stage).store.all(), dt.datetime.now(dt.UTC)
    found: list[dict[str, Any]] = [
        {
            "id": each.id,
            "name": each.name,
            "scopes": sorted(each.scopes),
            "created": each.created.isoformat(),
            "expires": each.expires.isoformat() if each.expires else None,
            "state": "good" if each.valid(now) else "revoked" if each.revoked else "expired",
        }
        for each in kept
    ]

    def show_all(console: Console) -> None:
        table = show.grid("id", "name", "scopes", "created", "expires", "state", whole=("id", "created", "expires"))
        for each in found:
            expires = each["expires"][:10] if each["expires"] else "never"
            scopes = " ".join(each["scopes"])
            table.add_row(each["id"], show.cell(each["name"]), scopes, each["created"][:10], expires, each["state"])
        show.put(console, table)

    session.tell({"tokens": found}, show_all)


def revoke(
    session: Session,
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `decant token list` has it.")],
    stage: Stage = _LOCAL,
) -> None:
    """Make a token worthless, at once and for good."""
    from infra.tokens import revoked

    revoked(_tokens(session, stage), token_id)
    told = f"The token {token_id} is worthless from now on."
    session.tell({"revoked": token_id}, lambda console: show.say(console, told))


def show_token(session: Session) -> None:
    """Print the token of the local stack."""
    session.tell({"token": session.record.token}, lambda console: show.say(console, session.record.token))


def _tokens(session: Session, stage: str) -> "Tokens":
    from infra.deployment.target import Target
    from infra.tokens import Tokens

    if stage != _LOCAL:
        return Tokens.of_stage(stage, Target.from_environment())
    return Tokens.of_stage(stage, Target(session.record.session(), session.record.endpoint_url))
