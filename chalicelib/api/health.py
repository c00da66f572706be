"""Whether the parts that the service stands on answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from chalice.app import Response

from chalicelib.api.blueprint import Blueprint
from chalicelib.api.request import ApiRequest
from chalicelib.api.responses import json_response
from chalicelib.wiring import Services, services

logger = logging.getLogger(__name__)

health = Blueprint(__name__)

_NOTHING = "health-looks-for-nothing/"


@health.get("/health", answers={200: "Health", 503: "Health"})
def get_health(_request: ApiRequest) -> Response:
    """Tell whether database, storage, queue and catalogue answer; 503 when one does not."""
    parts = {name: _answers(name, check) for name, check in _checks(services()).items()}
    up = all(parts.values())
    told = {"status": "ok" if up else "down", **{name: "ok" if part else "down" for name, part in parts.items()}}
    return json_response(told, 200 if up else 503)


def _checks(wired: Services) -> dict[str, Callable[[], object]]:
    return {
        "database": lambda: _ask(wired),
        "storage": lambda: [next(iter(storage.list(_NOTHING)), None) for storage in (wired.intake, wired.backups)],
        "queue": wired.queue.waiting,
        "catalog": lambda: wired.catalog.run(_NOTHING),
    }


def _ask(wired: Services) -> Any:
    with wired.database.transaction() as transaction:
        return transaction.run("SELECT 1")


def _answers(name: str, check: Callable[[], object]) -> bool:
    try:
        check()
    except Exception:  # whatever it is, the part does not answer
        logger.warning("%s does not answer", name, exc_info=True)
        return False
    return True
