"""What an update would do to a stack, told by CloudFormation before it does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# What holds data, and where the database stands: a replacement leaves data behind in the old one, or deletes them.
_HOLDS_DATA = (
    "AWS::DynamoDB::Table",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::KMS::Key",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
)


@dataclass(frozen=True)
class Change:
    """What would happen to one resource: `action` is Add, Modify, Remove or Import; `replacement` is no empty text
    when a modification makes another resource of it, surely (True) or perhaps (Conditional)."""

    action: str
    resource: str
    kind: str
    replacement: str

    @classmethod
    def read(cls, described: dict[str, Any]) -> "Change":
        """Read a change as CloudFormation describes it."""
        change = described["ResourceChange"]
        replacement = change.get("Replacement", "False")
        return cls(
            change["Action"],
            change["LogicalResourceId"],
            change["ResourceType"],
            replacement if change["Action"] == "Modify" and replacement != "False" else "",
        )

    @property
    def loses_data(self) -> bool:
        """Whether data are in the resource, which are not in what comes after it."""
        return self.kind in _HOLDS_DATA and (self.action == "Remove" or self.replacement == "True")

    def __str__(self) -> str:
        """Tell a person."""
        verb = {"Add": "make", "Modify": "change", "Remove": "delete"}.get(self.action, self.action.lower())
        if self.replacement:
            verb = "replace" if self.replacement == "True" else "change, perhaps replace,"
        return f"{verb} {self.resource} ({self.kind})"


def losses(changes: Sequence[Change]) -> str:
    """Tell, one a line, the changes that lose data; empty when there is none."""
    return "\n".join(f"  {change}" for change in changes if change.loses_data)
