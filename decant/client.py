"""Requests to the API with a token: questions, orders, downloads."""

import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlencode, urljoin

from decant.exits import Exit
from decant.failures import CommandError, Unreachable
from decant.form import form_body

ENDED = ("succeeded", "failed", "refused", "duplicate")
_FAILED = ("failed", "refused")
POLL_SECONDS = 0.3
_WAIT = {"Prefer": "wait=20"}
_ANSWER_SECONDS = 60
_TRIES = 4
_NOBODY = "The API wants a token, and there is none for this URL."
# Of a path and its query; all else that a person may have typed is encoded.
_AS_WRITTEN = "/?=&%:@!$'()*+,;~"
_PROBLEM = "urn:decant:problem:"
Run = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Message
    body: bytes

    @property
    def is_outcome(self) -> bool:
        """Whether this is a batch of which nothing went in, which is told by its own document and is no problem."""
        kind = self.headers.get("Content-Type", "")
        return self.status == HTTPStatus.UNPROCESSABLE_ENTITY and "problem" not in kind


class Client:
    """The API at ``url``, spoken with as the holder of ``token``."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self._token = token

    def request(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Give the API's answer, whatever it is; an order is waited for, up to 20 seconds. Raises Unreachable."""
        sent = {"Content-Type": "application/json"} if body else {}
        known = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        request = urllib.request.Request(  # noqa: S310 - the session lets no other scheme pass
            self.url + quote(path, safe=_AS_WRITTEN),
            data=body,
            headers={**_WAIT, **sent, **known, **(headers or {})},
            method=method,
        )
        return self._send(request)

    def ask(
        self, path: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> dict[str, Any]:
        """Give the document that the API answers with; None in the query is left out. Raises CommandError."""
        answer = self.fetch(path, method, body, headers, **query)
        try:
            document: dict[str, Any] = json.loads(answer.body)
        except ValueError:
            raise self._no_api(f"{method} {path} answered no JSON") from None
        return document

    def fetch(
        self, path: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> Answer:
        """Give an answer that is none of a problem. Raises CommandError."""
        given = {name: value for name, value in query.items() if value is not None}
        content = None if body is None else json.dumps(body).encode()
        joined = "&" if "?" in path else "?"
        whole = f"{path}{joined}{urlencode(given)}" if given else path
        answer = self.request(whole, method, content, headers)
        if answer.status >= HTTPStatus.BAD_REQUEST and not answer.is_outcome:
            raise self.problem(f"{method} {path}", answer)
        return answer

    def run(self, run_id: str) -> Run:
        """Give a run. A short silence of the API is bridged: the run goes on meanwhile. Raises CommandError."""
        for tries_left in reversed(range(_TRIES)):
            try:
                return self.ask(f"/runs/{quote(run_id, safe='')}")
            except Unreachable:
                if not tries_left:
                    raise
                time.sleep(POLL_SECONDS * (_TRIES - tries_left))
        raise AssertionError

    def order(self, path: str, body: Any = None) -> Run:
        """POST an order and wait for the end of its run, however it ends. Raises CommandError."""
        run = self.ask(path, "POST", body)
        while run["state"] not in ENDED:
            time.sleep(POLL_SECONDS)
            run = self.run(run["id"])
        return run

    def pages(
        self, path: str, name: str, limit: int | None = None, at_once: int = 1000, **query: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of a collection, pages of ``at_once``, ``limit`` of them at most. Raises CommandError."""
        left, after = limit, None
        while left is None or left > 0:
            page = self.ask(path, limit=min(left or at_once, at_once), after=after, **query)
            yield from page[name]
            after = page["next"]
            left = None if left is None else left - len(page[name])
            if after is None:
                return

    def open(self, path: str, **query: Any) -> BinaryIO:
        """Open what the API answers with, from wherever it leads; the caller closes it. Raises CommandError."""
        answer = self.fetch(path, **query)
        location = answer.headers.get("Location")
        if location is None:
            return io.BytesIO(answer.body)
        return self.open_url(urljoin(self.url + path, location))

    def open_url(self, url: str) -> BinaryIO:
        """Open what a URL of the API's leads to; its own signature is in it, and the token is none of its business.

        The caller closes it. Raises Unreachable.
        """
        request = urllib.request.Request(url)  # noqa: S310
        try:
            return cast(BinaryIO, _OPENER.open(request, timeout=_ANSWER_SECONDS))
        except (OSError, HTTPException) as error:
            raise Unreachable(f"The download failed: {error}.", hint="Try again.") from error

    def upload(self, form: Mapping[str, Any], name: str, size: int, blocks: Iterable[bytes]) -> None:
        """Put a file where a form of ``POST /uploads`` says, as the form wants it. Raises CommandError."""
        headers, content = form_body(form["fields"], name, size, blocks)
        answer = self._send(urllib.request.Request(form["url"], content, headers, method="POST"))  # noqa: S310
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            told = answer.body.decode(errors="replace")[:500]
            raise CommandError(f"The bucket refused the upload of {name} ({answer.status}): {told}", hint="Try again.")

    def problem(self, asked: str, answer: Answer) -> CommandError:
        """The error that a problem document tells (RFC 9457), or an answer that is none."""
        try:
            problem = json.loads(answer.body)
            detail, kind = str(problem["detail"]), str(problem["type"])
        except (ValueError, KeyError, TypeError):
            return self._no_api(f"{asked} answered {answer.status}")
        code = kind.removeprefix(_PROBLEM)
        errors = problem.get("errors", [])
        match answer.status:
            case HTTPStatus.UNAUTHORIZED:
                hint = "Give one with --token or DECANT_TOKEN; `decant token make` makes one for the stack's operator."
                what = "The API does not know this token: it is wrong, revoked or expired." if self._token else _NOBODY
                return CommandError(what, hint=hint, exit=Exit.NOT_ALLOWED, code=code)
            case HTTPStatus.FORBIDDEN:
                return CommandError(detail, exit=Exit.NOT_ALLOWED, code=code)
            case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return Unreachable(detail, code=code)
        return CommandError(detail, code=code, errors=errors)

    def _send(self, request: urllib.request.Request) -> Answer:
        try:
            with _OPENER.open(request, timeout=_ANSWER_SECONDS) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())
        except (OSError, ValueError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise Unreachable(
                f"{request.full_url.partition('?')[0]} does not answer: {reason}.",
                hint="Is the stack up (decant status), and the URL right (--url, DECANT_URL)?",
            ) from error

    def _no_api(self, told: str) -> Unreachable:
        hint = "It takes the API's own URL, with its stage: `decant url` tells the local one."
        return Unreachable(f"{told} at {self.url}, as Decant's API never does.", hint=hint)


def has_failed(run: Run) -> bool:
    """Whether a run failed or was refused. What tells no state is the answer to a batch, which did not."""
    return run.get("state") in _FAILED


def done(run: Run) -> Run:
    """The run of an order, which must have succeeded. Raises CommandError."""
    if run["state"] != "succeeded":
        error: dict[str, Any] = run["error"] or {}
        raise CommandError(
            f"The {run['kind']} ended as {run['state']}: {error.get('detail')}",
            hint=error.get("hint"),
            exit=Exit.REJECTED,
            code=str(error.get("code") or run["state"]),
            errors=error.get("errors", ()),
        )
    return run


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any, **_keywords: Any) -> None:
        """Follow nothing: the token would go with it."""


class _Redirect(urllib.request.HTTPErrorProcessor):
    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        """Take a redirection for an answer."""
        if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
            return response
        return super().http_response(request, response)

    https_response = http_response


_OPENER = urllib.request.build_opener(_NoRedirects, _Redirect)
