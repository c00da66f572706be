"""Who makes a request, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a caller may do."""

    READ = "read"
    WRITE = "write"
    OPERATE = "operate"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that has been recognised. ``id`` is stable and no secret; ``name`` is what people call it."""

    id: str
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether the caller may do what asks for this scope."""
        return scope in self.scopes


# A request that passed no authorizer.
ANONYMOUS = Principal("anonymous", "anonymous", frozenset())
