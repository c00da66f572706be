"""The console's files, and the page that starts it.

There is no build: browsers load the modules of ``static/`` as they are. A digest of all files stands in the path of
each, so that a browser may keep them for good, and the page, which it asks for each time, names those of today.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from html import escape
from pathlib import Path
from string import Template

_FOLDER = Path(__file__).parent
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
# The names by which modules import what is vendored; a browser learns them from the page's import map.
_PACKAGES = {"preact": "vendor/preact.js", "preact/hooks": "vendor/preact-hooks.js", "htm": "vendor/htm.js"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that a browser may ask for."""

    content: str
    media_type: str


@dataclass(frozen=True)
class Site:
    """All files of the console by their names, such as ``pages/run.js``, and the template of its page."""

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

    def page(self, prefix: str) -> str:
        """The page, as HTML; ``prefix`` leads from its URL to the files, as in ``console/``."""
        here = f"{prefix}{self.version}/"
        # What is needed first comes first; the pages follow in the same round trip.
        modules = sorted(
            (name for name in self.assets if name.endswith(".js")), key=lambda name: (name.startswith("pages/"), name)
        )
        links = [f'<link rel="modulepreload" href="{escape(here + name)}">' for name in modules]
        return Template(self.template).substitute(
            assets=escape(here), imports=self._import_map(prefix), modules="\n".join(links)
        )

    def content_security_policy(self, prefix: str, connect: Collection[str]) -> str:
        """What the page at ``prefix`` may do: run these files, and speak with the API and the origins ``connect``.

        https://www.w3.org/TR/CSP3/. The import map stands in the page, for nothing else can be one; its digest lets
        that text through and no other.
        """
        digest = base64.b64encode(hashlib.sha256(self._import_map(prefix).encode()).digest()).decode()
        return "; ".join(
            (
                "default-src 'none'",
                f"script-src 'self' 'sha256-{digest}'",
                "style-src 'self'",
                "img-src 'self' blob: data:",
                " ".join(("connect-src 'self'", *sorted(connect))),
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            )
        )

    def _import_map(self, prefix: str) -> str:
        # A relative URL of an import map must say that it is one.
        imports = {name: f"./{prefix}{self.version}/{path}" for name, path in _PACKAGES.items()}
        return json.dumps({"imports": imports}, separators=(",", ":"))


@cache
def site() -> Site:
    """The console as it ships."""
    folder = _FOLDER / "static"
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.suffix in _MEDIA_TYPES}
    return Site(
        {name: Asset(path.read_text("utf-8"), _MEDIA_TYPES[path.suffix]) for name, path in sorted(found.items())},
        (_FOLDER / "index.html").read_text("utf-8"),
    )
