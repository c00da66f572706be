"""A request as views see it: parsed, with every liberty refused by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlencode

from chalice.app import Request

from chalicelib.access.principal import ANONYMOUS, Principal
from chalicelib.api.body import read_json
from chalicelib.api.responses import CSV, JSON, SVG, XLSX
from chalicelib.errors import BadRequest, NotAcceptable, NotFound
from chalicelib.idempotency import IdempotencyKey, request_digest
from chalicelib.identifiers import is_id

# API Gateway gives a request 29 s; what is left is for the work around the wait.
LONGEST_WAIT = 20

_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE)
_FORMATS = {"json": JSON, "csv": CSV, "svg": SVG, "xlsx": XLSX}

TAKEN_FROM_NEXT = "Take it from the answer before, where it is called next."


class ApiRequest:
    """One HTTP request of a principal. ``parameters`` are the names that its query may use; None: any."""

    def __init__(self, request: Request, parameters: Collection[str] | None, principal: Principal = ANONYMOUS) -> None:
        self._request = request
        self.principal = principal
        self.method: str = request.method
        self.path: str = request.context.get("path") or request.path
        self._check_query(parameters)

    @cached_property
    def variables(self) -> dict[str, str]:
        """The variables of the path. Some gateways give them as the client wrote them (aws/chalice issue 511)."""
        return variables_of(self._request)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; none may stand twice."""
        given = self._request.query_params
        return {name: given[name] for name in given} if given else {}

    @cached_property
    def body(self) -> bytes:
        """The body, empty when there is none."""
        try:
            raw = self._request.raw_body
            return raw.encode() if isinstance(raw, str) else raw
        except ValueError as error:
            raise BadRequest("The body can't be read.", hint="Send JSON in UTF-8.") from error

    def json(self) -> Any:
        """The body, which must be JSON; see ``body.read_json``."""
        headers = self._request.headers
        return read_json(self.body, headers.get("content-type"), headers.get("content-encoding"))

    def fields(self, *names: str) -> dict[str, Any]:
        """The body as a JSON object with some of the fields named; no body is an object without fields."""
        given = self.json() if self.body.strip() else {}
        hint = f"The fields are {', '.join(names)}." if names else "It takes no fields."
        if not isinstance(given, dict):
            raise BadRequest("The body is not a JSON object.", hint=hint)
        for name in given:
            if name not in names:
                raise bad_field(name, f"The body has the field {name!r}, which means nothing here.", hint)
        return given

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number of the query. Raises BadRequest when it is none or out of bounds."""
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
            raise bad_parameter(name, f"{name} is {text!r}.", f"It takes a whole number from {least} to {most}.")
        return int(text)

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """One of some words of the query; the first is the default."""
        text = self.query.get(name, choices[0])
        if text not in choices:
            raise bad_parameter(name, f"{name} is {text!r}.", f"It takes {' or '.join(choices)}.")
        return text

    @property
    def redirect(self) -> bool:
        """Whether to lead to a file, or to tell its URL: see ``parameters.REDIRECT``."""
        return self.choice("redirect", ("true", "false")) == "true"

    def identifier(self, name: str) -> str | None:
        """An identifier of the query, as ``after`` is one in the listings of runs and backups."""
        text = self.query.get(name)
        if text is not None and not is_id(text):
            raise bad_parameter(name, f"{name} is {text!r}.", TAKEN_FROM_NEXT)
        return text

    @property
    def languages(self) -> str:
        """The header Accept-Language, empty when there is none."""
        return str(self._request.headers.get("accept-language") or "")

    @property
    def format(self) -> str:
        """``json`` or ``csv``; see ``format_of``."""
        return self.format_of("json", "csv")

    def format_of(self, *formats: str) -> str:
        """One of some formats, by the query's ``format``, else by the Accept header. Raises NotAcceptable.

        Where the client likes several best, it is the first of them.
        """
        asked = self.query.get("format")
        if asked is not None:
            if asked not in formats:
                raise NotAcceptable(f"The answer has no format {asked!r}.", hint=f"It has {', '.join(formats)}.")
            return asked
        return _negotiated(self._request.headers.get("accept") or "*/*", formats)

    @property
    def wait(self) -> int:
        """How many seconds the client would wait for long work (RFC 7240), as far as a request can."""
        match = _WAIT.search(self._request.headers.get("prefer") or "")
        return min(int(match[1]), LONGEST_WAIT) if match else 0

    @property
    def idempotency_key(self) -> IdempotencyKey | None:
        """The request's Idempotency-Key, which counts for its caller, method and path. Raises BadRequest."""
        key = self._request.headers.get("idempotency-key")
        if key is None:
            return None
        query = "&".join(f"{name}={value}" for name, value in sorted(self.query.items()))
        digest = request_digest(query.encode("utf-8", "replace"), self.body)
        return IdempotencyKey(f"{self.principal.id} {self.method} {resource_of(self._request)}", key, digest)

    def reference(self, path: str) -> str:
        """A reference to a path of the API, relative to the request's own, as RFC 3986 resolves it.

        The client alone knows what its URL began with: a stage, a custom domain's base path, an emulator's prefix.
        """
        return "../" * (self._request.path.count("/") - 1 + self.path.endswith("/")) + path.lstrip("/")

    def next_link(self, token: str | None) -> dict[str, str]:
        """The header that leads to the next page of an answer whose body can't tell it (RFC 8288)."""
        if token is None:
            return {}
        return {"Link": f'<?{urlencode({**self.query, "after": token})}>; rel="next"'}

    def _check_query(self, parameters: Collection[str] | None) -> None:
        given = self._request.query_params
        for name in given or ():
            if parameters is not None and name not in parameters:
                hint = f"The parameters are {', '.join(parameters)}." if parameters else "It takes no parameters."
                raise bad_parameter(name, f"The parameter {name!r} means nothing here.", hint)
            if given is not None and len(given.getlist(name)) > 1:
                raise bad_parameter(name, f"The parameter {name!r} stands twice in the query.", "Keep one of them.")


def variables_of(request: Request) -> dict[str, str]:
    """The variables of a request's path."""
    return {name: unquote(value) for name, value in (request.uri_params or {}).items()}


def resource_of(request: Request) -> str:
    """The path below the API's root, with its variables filled in."""
    variables = variables_of(request)
    return re.sub(r"\{(\w+)\}", lambda match: variables.get(match[1], match[0]), request.path)


def bad_field(name: str, detail: str, hint: str) -> BadRequest:
    """The error of a request whose body has one field that can't be."""
    return BadRequest(detail, hint=hint, errors=[{"field": name, "message": detail}])


def bad_parameter(name: str, detail: str, hint: str | None) -> BadRequest:
    """The error of a request whose query has one parameter that can't be."""
    return BadRequest(detail, hint=hint, errors=[{"parameter": name, "message": detail}])


def checked_id(identifier: str, what: str) -> str:
    """An identifier from a path. Raises NotFound when it has not the form of one; ``what`` names its thing."""
    if not is_id(identifier):
        raise NotFound(f"There is no {what} {identifier!r}.")
    return identifier


def _negotiated(accept: str, formats: Sequence[str]) -> str:
    """The format that an Accept header likes best (RFC 9110, 12.5.1); the first when it likes several the same."""
    likings: dict[str, tuple[int, float]] = {}
    for part in accept.split(","):
        media, *parameters = (each.strip().lower() for each in part.split(";"))
        liking = next((_quality(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
        for name in formats:
            offered = _FORMATS[name]
            closeness = {"*/*": 1, offered.split("/")[0] + "/*": 2, offered: 3}.get(media, 0)
            if closeness > likings.get(name, (0, 0.0))[0]:
                likings[name] = (closeness, liking)
    liked = {name: liking for name, (_, liking) in likings.items() if liking > 0}
    if not liked:
        raise NotAcceptable(f"The answer has none of the formats {accept!r}.", hint=f"It has {' and '.join(formats)}.")
    return max(formats, key=lambda name: liked.get(name, 0.0))


def _quality(text: str) -> float:
    return float(text) if re.fullmatch(r"[01](\.[0-9]{0,3})?", text) else 0.0
