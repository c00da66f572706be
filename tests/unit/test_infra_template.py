"""What an emulator does not apply is asserted on the template: encryption, recovery, closed buckets, privileges."""

import re
from pathlib import Path
from typing import Any

import pytest

from infra.application import application_template

ROOT = Path(__file__).parents[2]
TEMPLATE: dict[str, Any] = application_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
BUCKETS = ("IntakeBucket", "BackupBucket")
ROLES = ("ApiRole", "WorkerRole")


def of_type(kind: str) -> dict[str, Any]:
    return {name: resource for name, resource in RESOURCES.items() if resource.get("Type") == kind}


def statements(role: str) -> list[dict[str, Any]]:
    return [s for policy in RESOURCES[role]["Properties"]["Policies"] for s in policy["PolicyDocument"]["Statement"]]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_buckets_are_all_there_is() -> None:
    assert set(of_type("AWS::S3::Bucket")) == set(BUCKETS)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_closed_encrypted_versioned_and_kept(bucket: str) -> None:
    properties = RESOURCES[bucket]["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert RESOURCES[bucket]["DeletionPolicy"] == RESOURCES[bucket]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_refuses_plain_http(bucket: str) -> None:
    policy = RESOURCES[f"{bucket}Policy"]
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert policy["Condition"] == "TlsOnly"
    assert PARAMETERS["RequireTls"]["Default"] == "true"


def test_the_catalog_can_be_recovered_and_forgets_in_time() -> None:
    properties = RESOURCES["CatalogTable"]["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    keys = [(key["AttributeName"], key["KeyType"]) for key in properties["KeySchema"]]
    assert keys == [("partition", "HASH"), ("id", "RANGE")]


def test_work_that_keeps_failing_ends_in_the_dead_letter_queue_and_rings() -> None:
    redrive = RESOURCES["WorkQueue"]["Properties"]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert redrive["maxReceiveCount"] == 5
    watched = RESOURCES["DeadLettersAlarm"]["Properties"]["Dimensions"][0]["Value"]
    assert watched == {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}


@pytest.mark.parametrize("queue", ["WorkQueue", "DeadLetterQueue"])
def test_queues_are_encrypted(queue: str) -> None:
    assert RESOURCES[queue]["Properties"]["SqsManagedSseEnabled"] is True


def test_work_stays_hidden_for_longer_than_a_worker_may_take() -> None:
    assert PARAMETERS["VisibilitySeconds"]["Default"] > PARAMETERS["WorkerTimeout"]["Default"]


def test_only_the_intake_bucket_may_send_through_s3() -> None:
    [statement] = RESOURCES["WorkQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    name = RESOURCES["IntakeBucket"]["Properties"]["BucketName"]["Fn::Sub"]
    source = {"aws:SourceArn": {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{name}"}}
    assert statement["Condition"] == {
        "ArnEquals": source,
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    }
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_names_what_it_may_do_and_to_what(role: str) -> None:
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        for action in as_list(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action), action
        for resource in as_list(statement["Resource"]):
            assert resource != "*"
            assert isinstance(resource, dict), f"{resource} names no resource of the template"


def test_only_lambda_takes_the_roles() -> None:
    assert set(of_type("AWS::IAM::Role")) == set(ROLES)
    for role in ROLES:
        [statement] = RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_the_api_writes_uploads_alone_and_only_the_worker_writes_backups() -> None:
    def writes(role: str) -> list[Any]:
        return [s["Resource"] for s in statements(role) if "s3:PutObject" in as_list(s["Action"])]

    assert writes("ApiRole") == [{"Fn::Sub": "${IntakeBucket.Arn}/incoming/*"}]
    assert writes("WorkerRole") == [{"Fn::Sub": "${BackupBucket.Arn}/*"}]


def test_the_functions_get_the_variables_that_the_application_reads() -> None:
    read = set(re.findall(r'"(DECANT_[A-Z_]+)"', (ROOT / "chalicelib" / "settings.py").read_text()))
    given = set(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"])
    assert given == read


def test_passwords_are_not_echoed_and_tls_is_the_default() -> None:
    assert PARAMETERS["DatabasePassword"]["NoEcho"] is True
    assert "Default" not in PARAMETERS["DatabasePassword"]
    assert PARAMETERS["DatabaseTls"]["Default"] == "verify-full"
