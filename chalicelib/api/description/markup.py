"""HTML made of elements, so that no text can become markup."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | Markup


def element(name: str, *inside: Content, **attributes: str) -> Markup:
    """An element; a text inside is escaped, markup stands as it is. ``class_`` is its class."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{told}>{together(*inside)}</{name}>")


def together(*parts: Content) -> Markup:
    """The parts, one behind the other."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part, quote=False) for part in parts))


def spelled(text: str) -> Markup:
    """Text in which what stands between backticks is code."""
    parts = text.split("`")
    return together(*(element("code", part) if index % 2 else part for index, part in enumerate(parts)))


def link(target: str, *inside: Content) -> Markup:
    """A link."""
    return element("a", *inside, href=target)


def grid(heads: list[str], rows: list[list[Content]], kind: str) -> Markup:
    """A table with a head; the style sheet knows its kind."""
    head = element("tr", *(element("th", each, scope="col") for each in heads))
    body = (element("tr", *(element("td", cell) for cell in row)) for row in rows)
    return element("table", element("thead", head), element("tbody", *body), class_=kind)
