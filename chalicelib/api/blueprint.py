"""The blueprint of all routes: it hands views a parsed request, and renders what they raise.

A domain exception that leaves a Chalice view becomes a bare 500 before any middleware sees it, so it is caught here.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalice.app import Blueprint as ChaliceBlueprint
from chalice.app import Request, Response

from chalicelib.access.gateway import principal_of
from chalicelib.access.principal import ANONYMOUS, Principal, Scope
from chalicelib.api.headers import finished
from chalicelib.api.problems import defect, problem_response
from chalicelib.api.request import ApiRequest
from chalicelib.errors import DecantError, Forbidden, Unauthorized
from chalicelib.wiring import services

logger = logging.getLogger(__name__)

View = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class Operation:
    """What the OpenAPI document tells of a route, and what its request is held against.

    ``scope`` is what a caller needs; None: to be known is enough. ``preflight`` needs no caller: browsers ask so before
    they send a token. ``public`` needs none either: it is a page or a file for everybody, and holds no data.
    ``described`` is whether OpenAPI tells of it.
    ``query`` describes the parameters that the query may have, None: any, for nothing looks at them; with ``filters``
    the table's columns are parameters too.
    ``body`` and ``answers`` name schemas of ``openapi``; an answer without a body is None.
    """

    scope: Scope | None = None
    query: Mapping[str, Mapping[str, Any]] | None = field(default_factory=dict)
    filters: bool = False
    body: str | None = None
    body_required: bool = True
    answers: Mapping[int, str | None] = field(default_factory=dict)
    csv: bool = False
    svg: bool = False
    preflight: bool = False
    public: bool = False
    described: bool = True


class Blueprint(ChaliceBlueprint):
    """Routes whose views take an ``ApiRequest`` before the variables of their path."""

    def get(self, path: str, *, scope: Scope = Scope.READ, **operation: Any) -> Callable[[View], View]:
        """Register a view for GET, with the fields of its ``Operation``."""
        return self.route(path, methods=["GET"], operation=Operation(scope, **operation))

    def post(self, path: str, *, scope: Scope, **operation: Any) -> Callable[[View], View]:
        """Register a view for POST, with the fields of its ``Operation``."""
        return self.route(path, methods=["POST"], operation=Operation(scope, **operation))

    def page(self, path: str) -> Callable[[View], View]:
        """Register a view for GET that everybody may open, without a token: static, and of no data of the tables."""
        return self.route(path, methods=["GET"], operation=Operation(public=True, described=False))

    def route(self, path: str, **kwargs: Any) -> Callable[[View], View]:
        """Register a view. What it raises becomes a problem document."""
        operation: Operation = kwargs.pop("operation", Operation())

        def register(view: View) -> View:
            # Chalice's own check of the content type would answer with something else than a problem document.
            super(Blueprint, self).route(path, content_types=["*/*"], **kwargs)(self._wrapped(view, operation))
            return view

        return register

    def _wrapped(self, view: View, operation: Operation) -> View:
        @functools.wraps(view)
        def wrapped(**_: str) -> Response:
            request = self.current_request
            answer = _answer(view, operation, request)
            return finished(answer, request.headers.get("origin"), _origins(), preflight=operation.preflight)

        wrapped.operation = operation  # type: ignore[attr-defined]
        return wrapped


def _answer(view: View, operation: Operation, request: Request) -> Response:
    """The view's answer, or a problem document."""
    instance = request.context.get("path") or request.path
    try:
        principal = _principal(request, operation)
        asked = ApiRequest(request, None if operation.filters else operation.query, principal)
        return view(asked, **asked.variables)
    except DecantError as error:
        if error.status != DecantError.status:
            return problem_response(error, instance)
        logger.exception("%s %r failed", request.method, instance)
    except Exception:
        logger.exception("%s %r failed", request.method, instance)
    return problem_response(defect(_request_id(request)), instance)


def _origins() -> Collection[str]:
    """The origins whose pages may read answers; none where the service can't be wired, which the answer tells."""
    try:
        return services().settings.cors_origins
    except DecantError:
        return ()


def _principal(request: Request, operation: Operation) -> Principal:
    """Who makes the request. Raises Unauthorized or Forbidden where they may not do this.

    The gateway's authorizer has turned away whoever is not known. Where it was forgotten, nothing opens.
    """
    if operation.preflight or operation.public:
        return ANONYMOUS
    principal = principal_of(services().settings.authorizer, request.context)
    if principal == ANONYMOUS:
        raise Unauthorized("The request has no valid credentials.", hint="Send 'Authorization: Bearer <token>'.")
    if operation.scope is not None and not principal.may(operation.scope):
        raise Forbidden(
            f"This takes the scope {operation.scope}, which the caller lacks.",
            scope=operation.scope,
            hint="Ask an operator for credentials that have it.",
        )
    return principal


def _request_id(request: Any) -> str:
    return str(request.context.get("requestId") or getattr(request.lambda_context, "aws_request_id", "unknown"))
