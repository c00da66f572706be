"""Rotation of the app's password, as Secrets Manager asks for it in four steps, each of which may come twice.

The secret names one of two logins. A rotation gives the *other* one a new password and then names it, so whoever still
holds the secret of before goes on unharmed until the rotation after next.
See https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from chalicelib.errors import BadRequest, Conflict, Unavailable
from chalicelib.ports import Session
from chalicelib.roles import LOGINS, other_login, set_password

logger = logging.getLogger(__name__)

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"
Credentials = Mapping[str, Any]


class SecretStore(Protocol):
    """Secrets Manager, in the words of a rotation. A secret's content is a JSON object."""

    def arn(self, secret: str) -> str:
        """The full ARN of a secret that may be given by name."""

    def stages(self, secret: str) -> Mapping[str, list[str]]:
        """The staging labels of each version."""

    def current(self, secret: str) -> Credentials:
        """The content of the version labelled AWSCURRENT."""

    def pending(self, secret: str, version: str) -> Credentials | None:
        """The content of a version labelled AWSPENDING; None when it was not written yet."""

    def stage(self, secret: str, version: str, content: Credentials) -> None:
        """Give a version its content, with the label AWSPENDING."""

    def promote(self, secret: str, version: str, before: str) -> None:
        """Move the label AWSCURRENT from one version to another."""


class Server(Protocol):
    """The database's server, as a rotation needs it. Unavailable when it can't be reached."""

    def as_master(self, database: str | None = None) -> AbstractContextManager[Session]:
        """A session of the server's administrator; in the maintenance database unless one is named."""

    def accepts(self, credentials: Credentials) -> bool:
        """Whether a login with these credentials works, and reads."""


def rotate(event: Mapping[str, Any], secret: str, store: SecretStore, server: Server) -> None:
    """Do one step of a rotation. Raises BadRequest for an event that is not for this secret, or for no rotation."""
    try:
        arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
        work = _STEPS[step]
    except (KeyError, TypeError):
        raise BadRequest("This is no step of a rotation.", hint="Secrets Manager calls this function.") from None
    if arn != store.arn(secret):
        raise BadRequest("The event names another secret than the database's.")
    stages = store.stages(secret)
    if token not in stages:
        raise BadRequest("The secret has no version for this rotation.")
    if CURRENT in stages[token]:
        logger.info("this version of the secret is current already")
        return
    if PENDING not in stages[token]:
        raise BadRequest("The version of this rotation is not the pending one.")
    work(secret, token, stages, store, server)


def _create(secret: str, token: str, _stages: Mapping[str, list[str]], store: SecretStore, _server: Server) -> None:
    if store.pending(secret, token) is not None:
        return
    current = store.current(secret)
    store.stage(
        secret,
        token,
        {**current, "username": other_login(current["username"]), "password": secrets.token_urlsafe(32)},
    )


def _set(secret: str, token: str, _stages: Mapping[str, list[str]], store: SecretStore, server: Server) -> None:
    pending = _pending(store, secret, token)
    if server.accepts(pending):
        return
    with server.as_master() as session:
        set_password(session, pending["username"], pending["password"])


def _test(secret: str, token: str, _stages: Mapping[str, list[str]], store: SecretStore, server: Server) -> None:
    # When a schedule is set, Secrets Manager tries this step alone, on a copy. The login may not be there by then.
    if store.pending(secret, token) == store.current(secret):
        logger.info("the rotation is tried, and nothing is rotated")
        return
    if not server.accepts(_pending(store, secret, token)):
        raise Unavailable("The database refuses the new password.", hint="Secrets Manager tries the rotation again.")


def _finish(secret: str, token: str, stages: Mapping[str, list[str]], store: SecretStore, _server: Server) -> None:
    _pending(store, secret, token)
    [before] = [version for version, labels in stages.items() if CURRENT in labels]
    store.promote(secret, token, before)


def _pending(store: SecretStore, secret: str, token: str) -> Credentials:
    """The credentials to come. They may differ from the current ones in login and password alone."""
    pending = store.pending(secret, token)
    if pending is None:
        raise Conflict("The pending version of the secret has no content yet.")
    current = store.current(secret)
    if pending.get("username") not in LOGINS or pending["username"] == current["username"]:
        raise Conflict("The pending version of the secret does not name the login whose turn it is.")
    places = [{key: value for key, value in each.items() if key not in ("username", "password")}
              for each in (pending, current)]  # fmt: skip
    if places[0] != places[1]:
        raise Conflict("The pending version of the secret names another database.")
    return pending


_Step = Callable[[str, str, Mapping[str, list[str]], SecretStore, Server], None]
_STEPS: dict[str, _Step] = {
    "createSecret": _create,
    "setSecret": _set,
    "testSecret": _test,
    "finishSecret": _finish,
}
