"""The console's files, and the page that starts it.

``make console`` makes ``static/console.js``, the words of each language and ``static/style.css`` of ``source/``. A
digest of all files stands in the path of each, so that a browser may keep them for good, and the page, which it
asks for each time, names those of today.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from html import escape
from pathlib import Path
from string import Template

_FOLDER = Path(__file__).parent
_OTHERWISE = "en"
_LIKED = re.compile(r"(?P<language>[a-zA-Z]{2})(?:-[a-zA-Z0-9-]*)?(?:\s*;\s*q=(?P<quality>[01](?:\.[0-9]{0,3})?))?")
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".LICENSE": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that a browser may ask for."""

    content: str
    media_type: str


@dataclass(frozen=True)
class Site:
    """All files of the console by their names, such as ``console.js``, and the template of its page."""

    assets: Mapping[str, Asset]
    template: str

    @cached_property
    def version(self) -> str:
        """A digest of all files."""
        told = json.dumps([self.template, *((name, asset.content) for name, asset in sorted(self.assets.items()))])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def asset(self, version: str, name: str) -> Asset | None:
        """The file of that name, if that is the version; else None. No name reaches the disk."""
        return self.assets.get(name) if version == self.version else None

    def page(self, prefix: str, accepted: str = "") -> str:
        """The page, as HTML; ``prefix`` leads from its URL to the files, as in ``console/``.

        It names the words of the language that the header Accept-Language, ``accepted``, asks for.
        """
        language = next(filter(self.languages.__contains__, _by_preference(accepted)), _OTHERWISE)
        return Template(self.template).substitute(assets=escape(f"{prefix}{self.version}/"), language=language)

    @property
    def languages(self) -> set[str]:
        """The languages that it has words of, as ``en``."""
        return {name.split(".")[1] for name in self.assets if re.fullmatch(r"text\.[a-z]{2}\.js", name)}


def content_security_policy(connect: Collection[str]) -> str:
    """What the page may do: run the console's files, and speak with the API and the origins ``connect``.

    https://www.w3.org/TR/CSP3/
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob: data:",
            " ".join(("connect-src 'self'", *sorted(connect))),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _by_preference(accepted: str) -> list[str]:
    """The languages of an Accept-Language, as ``en``, the best liked first (RFC 9110, 12.5.4)."""
    liked = [_LIKED.fullmatch(each.strip()) for each in accepted.split(",")]
    found = sorted((each for each in liked if each), key=lambda each: float(each["quality"] or 1), reverse=True)
    return [each["language"].lower() for each in found]


@cache
def site() -> Site:
    """The console as it ships."""
    files = sorted(path for path in (_FOLDER / "static").iterdir() if path.suffix in _MEDIA_TYPES)
    return Site(
        {path.name: Asset(path.read_text("utf-8"), _MEDIA_TYPES[path.suffix]) for path in files},
        (_FOLDER / "index.html").read_text("utf-8"),
    )
