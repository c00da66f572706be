"""One command's surroundings: which API it speaks with, and where its output goes."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rich.console import Console

from decant.client import Client
from decant.exits import Exit
from decant.failures import CommandError, usage
from infra.local.folder import stack_folder

if TYPE_CHECKING:
    from infra.local.record import Record

# What is not shown on a terminal is read by programs, or by people in wide windows.
_WIDE = 120
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Session:
    """The API by ``url`` and ``token``, or else by the environment, or else the local stack's.

    Results go to standard output, for people or, with ``as_json``, for programs; all else goes to standard error.
    """

    def __init__(
        self, url: str | None, token: str | None, as_json: bool, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._url = url or environment.get("DECANT_URL") or None
        self._token = token or environment.get("DECANT_TOKEN") or None
        self.as_json = as_json
        self.out = _console(sys.stdout)
        self.err = _console(sys.stderr)

    @cached_property
    def client(self) -> Client:
        """The API. Raises CommandError when nobody says where it is."""
        local = _local_stack()
        url = self._url or local.get("api_url")
        if url is None:
            raise CommandError(
                "There is no stack here, and no URL of one.",
                hint="Start one with `decant up`, or name one: --url and --token, or DECANT_URL and DECANT_TOKEN.",
                exit=Exit.UNREACHABLE,
                code="no-stack",
            )
        own = local.get("token") if url.rstrip("/") == local.get("api_url") else None
        return Client(_checked(url), self._token or own)

    @property
    def is_remote(self) -> bool:
        """Whether the API is one that was named, and not the local stack's."""
        return self._url is not None and not self.is_local

    @property
    def is_local(self) -> bool:
        """Whether the API is that of the local stack."""
        return self.client.url == _local_stack().get("api_url")

    @cached_property
    def record(self) -> "Record":
        """The local stack. Raises CommandError when there is none, or the API is another one's."""
        from infra.local.record import Record

        if self.is_remote:
            raise usage("This is for the local stack alone.", "Leave --url and DECANT_URL out.")
        return Record.read(stack_folder())

    def tell(self, document: Any, show: Callable[[Console], object]) -> None:
        """Give the result: as JSON, or as ``show`` prints it."""
        if self.as_json:
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        else:
            show(self.out)

    def note(self, text: str) -> None:
        """Tell something beside the result."""
        self.err.print(text, markup=False, highlight=False, soft_wrap=True)

    def step(self, name: str) -> None:
        """Tell what is done now."""
        self.note(f"• {name}")

    def complain(self, error: CommandError) -> Exit:
        """Tell why the command did not do what it is for; give how it ends."""
        if self.as_json:
            sys.stdout.write(json.dumps({"error": error.told()}, indent=2, ensure_ascii=False) + "\n")
        self.err.print(f"decant: {error.detail}", style="red", markup=False, highlight=False, soft_wrap=True)
        for each in error.errors[:20]:
            self.note(f"  {_listed(each)}")
        if len(error.errors) > 20:
            self.note(f"  … and {len(error.errors) - 20} more")
        if error.before:
            self.note("Done before that, and not undone:")
        for each in error.before:
            self.note(f"  {_listed(each)}")
        if error.hint:
            self.note(f"→ {error.hint}")
        return error.exit


def _listed(part: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in part.items())


def _console(stream: Any) -> Console:
    wide = None if stream.isatty() or os.environ.get("COLUMNS") else _WIDE
    return Console(file=stream, width=wide, emoji=False)


def _local_stack() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((stack_folder() / "stack.json").read_text())
    except FileNotFoundError:
        return {}
    return found


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise usage(f"The URL is {url!r}.", "It takes the API's own, such as https://….amazonaws.com/api.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise usage(f"{url} would carry the token for everybody to read.", "Only this machine's own may be http.")
    return url
