"""How the progress of a stack is told: CloudFormation's events, one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from infra.deployment.changes import Change


@dataclass(frozen=True)
class Event:
    """A resource of a stack came into a state, `CREATE_IN_PROGRESS` for instance."""

    resource: str
    kind: str
    state: str
    reason: str

    @classmethod
    def read(cls, described: dict[str, Any]) -> "Event":
        """Read an event as CloudFormation describes it."""
        return cls(
            described["LogicalResourceId"],
            described.get("ResourceType", ""),
            described["ResourceStatus"],
            described.get("ResourceStatusReason", ""),
        )

    @property
    def failed(self) -> bool:
        """Whether this is why a stack fails, not that it was stopped because another resource failed."""
        return self.state.endswith("_FAILED") and "cancelled" not in self.reason.lower()


class Watcher(Protocol):
    """Who is told."""

    def planned(self, stack: str, changes: Sequence[Change], /) -> None:
        """Hear what is about to happen to a stack."""

    def happened(self, stack: str, event: Event) -> None:
        """Hear what happened."""


class Nobody:
    """A watcher who does not listen."""

    def planned(self, stack: str, changes: Sequence[Change]) -> None:
        """See ``Watcher``."""

    def happened(self, stack: str, event: Event) -> None:
        """See ``Watcher``."""
