"""One CloudFormation stack: brought to a template and parameters through a change set, or taken down."""

import copy
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment.bucket import PackageBucket
from infra.deployment.changes import Change, losses
from infra.deployment.errors import DeploymentError
from infra.deployment.target import Target
from infra.deployment.watching import Event, Nobody, Watcher
from infra.package import Package

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
STANDING = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
# Their creation or deletion failed: such stacks can only be deleted.
_LOST = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
_AGAIN = "Mend the cause, then run the same command again."
_NOW = {
    "UPDATE_ROLLBACK_COMPLETE": f"It stands as it stood before. {_AGAIN}",
    "ROLLBACK_COMPLETE": f"What was made of it is gone again. {_AGAIN}",
    "UPDATE_ROLLBACK_FAILED": f"It hangs between old and new. {_AGAIN} It goes back first.",
    "DELETE_FAILED": f"The rest of it is gone. {_AGAIN}",
}
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
_POLL_SECONDS = (0.1, 2.0)


@dataclass(frozen=True)
class Applied:
    """A stack that stands: its outputs, and whether anything had to be done."""

    outputs: dict[str, str]
    changed: bool


@dataclass(frozen=True)
class Stack:
    """A stack of the target, which may not exist yet."""

    name: str
    target: Target
    watcher: Watcher = field(default_factory=Nobody)

    def describe(self) -> dict[str, Any]:
        """Give CloudFormation's description; empty when there is no such stack."""
        return _describe(self.target.client("cloudformation"), self.name)

    def outputs(self) -> dict[str, str]:
        """Give the outputs; none when there is no such stack."""
        return _outputs(self.describe())

    def apply(
        self,
        source: Package | dict[str, Any],
        parameters: Mapping[str, str],
        bucket: PackageBucket,
        *,
        may_lose_data: bool = False,
    ) -> Applied:
        """Bring the stack to a package or a template, and to these parameters.

        Where it stands at them already, as noted in the bucket, nothing is done. An operation under way is waited for,
        a failed creation is taken away first. Raises DeploymentError with CloudFormation's reasons, and, unless
        `may_lose_data`, before anything that holds data is replaced or deleted.
        """
        formation = self.target.client("cloudformation")
        about = source.digest if isinstance(source, Package) else source
        digest = hashlib.sha256(json.dumps([about, dict(parameters)], sort_keys=True).encode()).hexdigest()
        described = self.describe()
        standing = {"digest": digest, "stack": described.get("StackId", "")}
        if described.get("StackStatus") in STANDING[:2] and bucket.recall(self.name) == standing:
            return Applied(_outputs(described), changed=False)
        described = self._made_ready(formation, described)
        changed = self._change(formation, described, _uploaded(source, bucket), parameters, may_lose_data)
        described = self.describe()
        bucket.note(self.name, {"digest": digest, "stack": described["StackId"]})
        return Applied(_outputs(described), changed)

    def delete(self) -> bool:
        """Take the stack down and wait; tell whether there was one. Raises DeploymentError with the reasons."""
        formation = self.target.client("cloudformation")
        described = self.describe()
        if not described:
            return False
        if described["StackStatus"] != "REVIEW_IN_PROGRESS":  # where a change set was made, and nothing else
            described = self._settled(formation, described)
        seen = _seen(formation, described["StackId"])
        formation.delete_stack(StackName=described["StackId"])
        ended = self._settled(formation, described, seen)
        if ended["StackStatus"] != "DELETE_COMPLETE":
            raise self._failure(formation, ended, seen)
        return True

    def _made_ready(self, formation: Any, described: dict[str, Any]) -> dict[str, Any]:
        """Wait for what is under way, and take away what stands in the way."""
        if not described:
            return {}
        if described["StackStatus"] != "REVIEW_IN_PROGRESS":
            described = self._settled(formation, described)
        if described["StackStatus"] in _LOST:
            self.delete()
            return {}
        if described["StackStatus"] == "UPDATE_ROLLBACK_FAILED":
            seen = _seen(formation, described["StackId"])
            formation.continue_update_rollback(StackName=self.name)
            described = self._settled(formation, described, seen)
            if described["StackStatus"] not in STANDING:
                raise self._failure(formation, described, seen)
        return {} if described["StackStatus"] == "DELETE_COMPLETE" else described

    def _change(
        self, formation: Any, described: dict[str, Any], url: str, parameters: Mapping[str, str], may_lose_data: bool
    ) -> bool:
        """Make a change set, tell of it, execute it; tell whether there was anything to change."""
        new = described.get("StackStatus", "REVIEW_IN_PROGRESS") == "REVIEW_IN_PROGRESS"
        change_set = self._change_set(formation, url, parameters, new)
        changes, problem = _changes(formation, change_set)
        if not problem and not may_lose_data and (lost := losses(changes)):
            problem = (
                f"this would leave data behind, or delete them:\n{lost}\n"
                "Nothing was changed. If that is what you want, say so: make deploy … LOSE_DATA=1"
            )
        if problem:
            formation.delete_change_set(ChangeSetName=change_set)
            if new:  # the change set made an empty stack
                formation.delete_stack(StackName=self.name)
            if any(said in problem for said in _UNCHANGED):
                return False
            raise DeploymentError(f"Stack {self.name}: {problem}")
        self.watcher.planned(self.name, changes)
        described = self.describe()
        seen = _seen(formation, described["StackId"])
        formation.execute_change_set(ChangeSetName=change_set, RetainExceptOnCreate=True)
        ended = self._settled(formation, described, seen)
        if ended["StackStatus"] not in STANDING[:2]:
            raise self._failure(formation, ended, seen)
        return True

    def _change_set(self, formation: Any, url: str, parameters: Mapping[str, str], new: bool) -> str:
        try:
            made = formation.create_change_set(
                StackName=self.name,
                ChangeSetName=f"deploy-{uuid.uuid4()}",
                ChangeSetType="CREATE" if new else "UPDATE",
                TemplateURL=url,
                Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
                Capabilities=CAPABILITIES,
            )
        except ClientError as error:
            raise DeploymentError(f"CloudFormation refused the stack {self.name}: {error}") from error
        return str(made["Id"])

    def _settled(self, formation: Any, described: dict[str, Any], seen: frozenset[str] | None = None) -> dict[str, Any]:
        """Wait until the stack is at rest, telling each new event; give its description then.

        `seen` are the events from before an operation, which must have begun as well.
        """
        told = set(_seen(formation, described["StackId"]) if seen is None else seen)
        pause, longest = _POLL_SECONDS
        while True:
            # Its id still names a stack that was deleted, for some months.
            found = _describe(formation, described["StackId"])
            for event in _events(formation, described["StackId"], told) if found else ():
                self.watcher.happened(self.name, Event.read(event))
            described = found or {**described, "StackStatus": "DELETE_COMPLETE"}
            begun = seen is None or len(told) > len(seen) or not found
            if begun and not described["StackStatus"].endswith("_IN_PROGRESS"):
                return described
            time.sleep(pause)
            pause = min(longest, pause * 1.3)

    def _failure(self, formation: Any, ended: dict[str, Any], seen: frozenset[str]) -> DeploymentError:
        failed = [
            event for each in _events(formation, ended["StackId"], set(seen)) if (event := Event.read(each)).failed
        ]
        reasons = "\n".join(f"  {event.resource} ({event.kind}): {event.reason or event.state}" for event in failed)
        state = ended["StackStatus"]
        return DeploymentError(f"Stack {self.name} ended in {state}:\n{reasons}\n{_NOW.get(state, '')}".rstrip())


def _uploaded(source: Package | dict[str, Any], bucket: PackageBucket) -> str:
    """Upload a template, and the zip of a package; give the template's URL."""
    if not isinstance(source, Package):
        digest = hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()[:32]
        return bucket.put_template(f"{digest}.json", source)
    key = bucket.put_file(f"{source.digest}.zip", source.archive)
    template = copy.deepcopy(source.template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket.name, "Key": key}
    return bucket.put_template(f"{source.digest}.json", template)


def _describe(formation: Any, stack: str) -> dict[str, Any]:
    try:
        described: dict[str, Any] = formation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return {}
        raise
    return described


def _outputs(described: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def _changes(formation: Any, change_set: str) -> tuple[list[Change], str]:
    """Wait for a change set; give its changes, and why it can't be executed, if so."""
    pause, longest = _POLL_SECONDS
    while True:
        page = formation.describe_change_set(ChangeSetName=change_set)
        if page["Status"] == "FAILED":
            return [], page.get("StatusReason", "CloudFormation gave no reason")
        if page["Status"] == "CREATE_COMPLETE":
            break
        time.sleep(pause)
        pause = min(longest, pause * 1.3)
    changes = [Change.read(change) for change in page.get("Changes", [])]
    while page.get("NextToken"):
        page = formation.describe_change_set(ChangeSetName=change_set, NextToken=page["NextToken"])
        changes += [Change.read(change) for change in page.get("Changes", [])]
    return changes, ""


def _seen(formation: Any, stack: str) -> frozenset[str]:
    known: set[str] = set()
    _events(formation, stack, known)
    return frozenset(known)


def _events(formation: Any, stack: str, known: set[str]) -> list[dict[str, Any]]:
    """Give the events that are not known yet, the oldest first; from then on they are known."""
    new: list[dict[str, Any]] = []
    for page in formation.get_paginator("describe_stack_events").paginate(StackName=stack):
        unknown = [event for event in page["StackEvents"] if event["EventId"] not in known]
        new += unknown
        if len(unknown) < len(page["StackEvents"]):  # the newest come first
            break
    known.update(event["EventId"] for event in new)
    return new[::-1]
