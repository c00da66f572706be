"""The migrator: from the event of its function to an answer that ``make migrate`` prints."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from chalicelib import roles
from chalicelib.administration import Administration
from chalicelib.dictionary.package import parse_dictionary
from chalicelib.errors import BadRequest, DecantError
from chalicelib.migrations.apply import Pending, migrate, pending, plan
from chalicelib.migrations.history import History
from chalicelib.migrations.own import own_migrations

logger = logging.getLogger(__name__)


def handle(administration: Administration, event: Mapping[str, Any]) -> dict[str, Any]:
    """Migrate the database, and give what was done; with ``plan`` tell what would be done, and write nothing.

    ``by`` says who asks. ``dictionary``, with ``plan``, is one that is yet to be deployed. What is refused, or can't be
    done now, is an answer with ``state`` "refused" or "failed" and the problem.
    """
    try:
        if event.get("plan"):
            return _plan(administration, event.get("dictionary"))
        if "dictionary" in event:
            raise BadRequest("Only a plan takes a dictionary.", hint="Deploy it, then migrate.")
        return _migrate(administration, str(event.get("by") or "unknown"))
    except DecantError as error:
        logger.warning("the migration ended: %s", error)
        state = "refused" if error.status < 500 else "failed"
        return {"state": state, **error.told(), "errors": error.errors}


def _plan(administration: Administration, package: Mapping[str, Any] | None) -> dict[str, Any]:
    dictionary = parse_dictionary(package) if package is not None else administration.dictionary
    name = administration.settings.name
    with administration.as_master() as session:
        preparation = roles.missing(session, name)
        made = roles.usable(session, name)
    if made:
        with administration.as_owner() as owner:
            found = plan(owner, dictionary, own_migrations())
    else:
        found = pending(History(), dictionary, own_migrations())
    return _told("planned" if preparation or found.migrations else "unchanged", preparation, found)


def _migrate(administration: Administration, by: str) -> dict[str, Any]:
    with administration.as_master() as session:
        preparation = roles.missing(session, administration.settings.name)
        for statement in preparation:
            session.run_script(statement)
        with administration.as_owner() as owner:
            done = migrate(owner, administration.dictionary, own_migrations(), by=by)
        # The secret is made with the stack, and the login that it names gets its password here; rotation goes on.
        login = administration.login()
        let_in = administration.accepts(login)
        if not let_in:
            roles.set_password(session, login["username"], login["password"])
    changed = preparation or done.migrations or not let_in
    return _told("applied" if changed else "unchanged", preparation, done)


def _told(state: str, preparation: list[str], found: Pending) -> dict[str, Any]:
    return {
        "state": state,
        "preparation": preparation,
        "migrations": [each.told() for each in found.migrations],
        "notes": list(found.notes),
    }
