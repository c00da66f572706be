"""Dead letters: the work that failed as often as it may, and bringing it back."""

from __future__ import annotations

from typing import Any

from chalice.app import Response

from chalicelib.access.principal import Scope
from chalicelib.api.answers import moment, run_object
from chalicelib.api.blueprint import Blueprint
from chalicelib.api.orders import answer_request
from chalicelib.api.parameters import LIMIT
from chalicelib.api.request import ApiRequest, bad_field
from chalicelib.api.responses import answer_response, fitting, json_response, json_text
from chalicelib.idempotency import Answer
from chalicelib.identifiers import is_id
from chalicelib.wiring import services
from chalicelib.work.dead_letters import MOST, DeadWork, look, redrive

dead_letters = Blueprint(__name__)

_LONGEST_BODY = 4096


@dead_letters.get("/dead-letters", scope=Scope.OPERATE, query={"limit": {**LIMIT, "maximum": MOST}},
                  answers={200: "DeadLetters"})  # fmt: skip
def list_dead_letters(request: ApiRequest) -> Response:
    """List messages of work that failed as often as it may, oldest first, each with its runs and their errors.

    Where there are more than `limit`, the queue gives any of them. `problem` tells why a message can't be read,
    `deliveries` how often it was given out, to look at it too.
    """
    limit = request.number("limit", MOST, 1, MOST)
    found = look(services(), limit)
    told = list(fitting([_told(each) for each in found]))
    return json_response({"messages": told, "more": len(found) == limit or len(told) < len(found)})


@dead_letters.post("/dead-letters/redrive", scope=Scope.OPERATE, body="Redrive", body_required=False,
                   answers={200: "Redriven"})  # fmt: skip
def post_redrive(request: ApiRequest) -> Response:
    """Give that work to the workers again, 100 messages at once; `more` tells whether to ask again.

    That of one `run` is looked for among all, for 5 seconds. What has been done is not done twice. A run that failed
    goes on from there, under its own id.
    """
    run = request.fields("run").get("run")
    if run is not None and not (isinstance(run, str) and is_id(run)):
        raise bad_field("run", f"run is {run!r}.", "It takes the id of a run, as GET /dead-letters lists them.")
    return answer_response(answer_request(services(), request, lambda: _redrive(run)))


def _redrive(run: str | None) -> Answer:
    moved, more = redrive(services(), run)
    return Answer(200, json_text({"redriven": moved, "more": more}), run)


def _told(work: DeadWork) -> dict[str, Any]:
    letter = work.letter
    return {
        "id": letter.id,
        "sent": moment(letter.sent),
        "deliveries": letter.deliveries,
        "problem": work.problem,
        "runs": [run_object(run) for run in work.runs],
        "body": letter.body[:_LONGEST_BODY],
    }
