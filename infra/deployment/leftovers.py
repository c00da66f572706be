"""What outlives a stage: buckets, tables and keys that its stacks keep, and the last snapshots of its database."""

import re
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment.errors import DeploymentError
from infra.deployment.stack import Stack
from infra.deployment.target import Target


def kept_resources(stack: Stack) -> list[str]:
    """Give what the stack will leave when it is deleted, by type and name; nothing when there is no stack."""
    described = stack.describe()
    if not described:
        return []
    formation = stack.target.client("cloudformation")
    template = formation.get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    kept = {
        name
        for name, each in template["Resources"].items()
        # A bucket's policy is the bucket's, and not told apart from it.
        if each.get("DeletionPolicy") == "Retain" and each["Type"] != "AWS::S3::BucketPolicy"
    }
    return [
        f"{resource['ResourceType']} {resource['PhysicalResourceId']}"
        for resource in _resources(stack)
        if resource["LogicalResourceId"] in kept and resource["ResourceStatus"] != "DELETE_COMPLETE"
    ]


def refuse_protected(stack: Stack) -> None:
    """Raise DeploymentError when the database is protected from deletion: better before half a stage is gone."""
    rds = stack.target.client("rds")
    for kind, name in _databases(stack):
        try:
            if kind == "AWS::RDS::DBCluster":
                [found] = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
            else:
                [found] = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        except ClientError as error:
            if "NotFound" in error.response["Error"]["Code"]:
                continue  # it was deleted by hand
            raise
        if found.get("DeletionProtection"):
            raise DeploymentError(
                f"The database {name} is protected from deletion, and nothing was deleted. Put DeletionProtection = "
                "false under [database] into the stage file, `make deploy`, then destroy."
            )


def snapshots(target: Target, databases: list[tuple[str, str]]) -> list[str]:
    """Give the snapshots that were taken of databases, by type and name, as `databases_of` told them before."""
    rds = target.client("rds")
    found = []
    for kind, name in databases:
        if kind == "AWS::RDS::DBCluster":
            taken = rds.describe_db_cluster_snapshots(DBClusterIdentifier=name)["DBClusterSnapshots"]
            found += [f"snapshot {each['DBClusterSnapshotIdentifier']}" for each in taken]
        else:
            taken = rds.describe_db_snapshots(DBInstanceIdentifier=name)["DBSnapshots"]
            found += [f"snapshot {each['DBSnapshotIdentifier']}" for each in taken]
    return found


def databases_of(stack: Stack) -> list[tuple[str, str]]:
    """Give the databases of a stack, as type and name."""
    return list(_databases(stack))


def backup_buckets(target: Target, stage: str) -> list[str]:
    """Give the backup buckets of the stage, that of a stack which is gone too."""
    # As CloudFormation names what has no name of its own.
    form = re.compile(rf"decant-{re.escape(stage)}-backupbucket-[a-z0-9]+")
    pages = target.client("s3").get_paginator("list_buckets").paginate(Prefix=f"decant-{stage}-backupbucket-")
    return [each["Name"] for page in pages for each in page.get("Buckets", []) if form.fullmatch(each["Name"])]


def delete_bucket(target: Target, bucket: str) -> bool:
    """Delete a bucket with every version in it; tell whether there was one. Raises DeploymentError when it holds on."""
    s3 = target.client("s3")
    owned = {"Bucket": bucket, "ExpectedBucketOwner": target.account}
    try:
        for page in s3.get_paginator("list_object_versions").paginate(**owned):
            versions = [
                {"Key": each["Key"], "VersionId": each["VersionId"]}
                for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            ]
            if versions:
                refused = s3.delete_objects(**owned, Delete={"Objects": versions, "Quiet": True}).get("Errors", [])
                if refused:
                    first = refused[0]
                    raise DeploymentError(
                        f"{bucket} keeps {len(refused)} objects, {first['Key']} for instance: {first['Message']}. "
                        "Backups under Object Lock can't be deleted before their time."
                    )
        s3.delete_bucket(**owned)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return False
        raise
    return True


def _databases(stack: Stack) -> Iterator[tuple[str, str]]:
    resources = _resources(stack)
    clusters = [each for each in resources if each["ResourceType"] == "AWS::RDS::DBCluster"]
    # The instances of a cluster hold nothing of their own.
    for each in clusters or [each for each in resources if each["ResourceType"] == "AWS::RDS::DBInstance"]:
        yield each["ResourceType"], each["PhysicalResourceId"]


def _resources(stack: Stack) -> list[dict[str, Any]]:
    if not stack.describe():
        return []
    pages = stack.target.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.name)
    return [
        resource
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource.get("PhysicalResourceId") and resource["ResourceStatus"] != "DELETE_COMPLETE"
    ]
