"""Deploys a package: uploads it, then creates or updates its CloudFormation stack, on AWS as on an emulator."""

import copy
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.package import Package

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
STANDING = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
TAG = "decant:deployed"
POLL_SECONDS = 0.5
Progress = Callable[[str], None]


class DeploymentError(Exception):
    """The stack could not be created or updated; the message holds CloudFormation's reasons."""


@dataclass(frozen=True)
class Deployment:
    """What to deploy, and where: stack name, bucket for the package (made when missing), template parameters."""

    stack: str
    bucket: str
    parameters: Mapping[str, str]

    def apply(
        self, package: Package, session: boto3.Session, progress: Progress, endpoint_url: str | None = None
    ) -> dict[str, str]:
        """Bring the stack to this package and these parameters; give its outputs. `endpoint_url` names an emulator.

        `progress` is told each event of the stack. Where they stand already, by a tag of the stack, nothing is done.
        Raises DeploymentError.
        """
        formation = session.client("cloudformation", endpoint_url=endpoint_url)
        digest = hashlib.sha256(json.dumps([package.digest, dict(self.parameters)]).encode()).hexdigest()
        described = describe(formation, self.stack)
        state = described.get("StackStatus")
        if state in STANDING and {"Key": TAG, "Value": digest} in described.get("Tags", []):
            return outputs(described)
        template_url = self._upload(package, session.client("s3", endpoint_url=endpoint_url))
        arguments = {
            "StackName": self.stack,
            "TemplateURL": template_url,
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
            "Capabilities": CAPABILITIES,
            "Tags": [{"Key": TAG, "Value": digest}],
        }
        if state == "ROLLBACK_COMPLETE":  # its creation failed: such a stack can only be deleted
            formation.delete_stack(StackName=self.stack)
            state = _settle(formation, self.stack, progress)
        try:
            if state is None or state == "DELETE_COMPLETE":
                formation.create_stack(**arguments)
            else:
                formation.update_stack(**arguments)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise DeploymentError(f"CloudFormation refused the stack: {error}") from error
        state = _settle(formation, self.stack, progress)
        if state not in STANDING:
            reasons = "\n".join(_failures(formation, self.stack))
            raise DeploymentError(f"Stack {self.stack} ended in {state}:\n{reasons}")
        return outputs(describe(formation, self.stack))

    def _upload(self, package: Package, s3: Any) -> str:
        """Upload zip and template; give the template's URL. Names hold digests, so the same is never sent twice."""
        try:
            s3.create_bucket(Bucket=self.bucket, **_place(s3.meta.region_name))
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise
        archive = f"{package.digest}.zip"
        if not _exists(s3, self.bucket, archive):
            s3.upload_file(str(package.archive), self.bucket, archive)
        template = copy.deepcopy(package.template)
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = {"Bucket": self.bucket, "Key": archive}
        name = f"{package.digest}.json"
        s3.put_object(Bucket=self.bucket, Key=name, Body=json.dumps(template).encode())
        return f"{s3.meta.endpoint_url}/{self.bucket}/{name}"


def describe(formation: Any, stack: str) -> dict[str, Any]:
    """Give CloudFormation's description of a stack; empty when there is no such stack."""
    try:
        described: dict[str, Any] = formation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return {}
        raise
    return described


def outputs(described: Mapping[str, Any]) -> dict[str, str]:
    """Give the outputs of a described stack."""
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def _settle(formation: Any, stack: str, progress: Progress) -> str | None:
    """Wait until the stack is at rest, telling each state that a resource reaches; give the stack's state."""
    told: set[tuple[str, str]] = set()
    while True:
        state: str | None = describe(formation, stack).get("StackStatus")
        if state is None or not state.endswith("_IN_PROGRESS"):
            return state
        for event in _events(formation, stack):
            step = (event["LogicalResourceId"], event["ResourceStatus"])
            if step not in told and event["ResourceStatus"].endswith("_COMPLETE"):
                told.add(step)
                progress(f"{event['LogicalResourceId']} {event['ResourceStatus']}")
        time.sleep(POLL_SECONDS)


def _failures(formation: Any, stack: str) -> Iterator[str]:
    for event in _events(formation, stack):
        if event["ResourceStatus"].endswith("_FAILED"):
            yield f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', event['ResourceStatus'])}"


def _events(formation: Any, stack: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = formation.describe_stack_events(StackName=stack)["StackEvents"]
    return events


def _exists(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def _place(region: str) -> dict[str, Any]:
    """The bucket's region; us-east-1 must not be named."""
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
