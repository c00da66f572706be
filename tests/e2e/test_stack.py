"""The local stack: it answers, is closed to the network, enforces the functions' roles, and leaves nothing behind."""

import json
import stat
from collections.abc import Callable
from typing import Any

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from infra.local.record import Record
from infra.local.stack import Stack


def test_the_api_answers_through_api_gateway(call: Callable[..., Any]) -> None:
    assert call("GET", "/health").status == 200


def test_its_record_is_for_its_owner_alone(local_stack: Stack, stack: Record) -> None:
    file = local_stack.folder / "stack.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    record = json.loads(file.read_text())
    required = ("api_url", "token", "endpoint_url", "region", "access_key_id", "secret_access_key")
    assert {*required, "intake_bucket", "backup_bucket", "database_url"} <= record.keys()
    assert record["token"] not in repr(stack)
    assert stack.secret_access_key not in repr(stack)


def test_secrets_are_readable_by_their_owner_alone(local_stack: Stack) -> None:
    secrets = [local_stack.folder / "passwords.json", local_stack.folder / "emulator" / "credentials.json"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in secrets} == {0o600}
    assert stat.S_IMODE((local_stack.folder / "emulator").stat().st_mode) == 0o700


def test_nothing_listens_but_on_loopback(local_stack: Stack, call: Callable[..., Any]) -> None:
    call("GET", "/health")  # so that a function's process is there as well
    assert local_stack.emulator.pid is not None
    assert local_stack.postgres.pid is not None
    listening = set()
    for pid in (local_stack.emulator.pid, local_stack.postgres.pid):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            listening |= {c.laddr for c in each.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert {address.port for address in listening} >= {local_stack.ports.emulator, local_stack.ports.postgres}


Case = tuple[str, str, dict[str, Any]]
TOKEN_KEY = {"TableName": "tokens", "Key": {"id": {"S": "-"}}}
BACKUP = {"partition": {"S": "backup"}, "id": {"S": "role-test"}}
ALLOWED: dict[str, list[Case]] = {
    "authorizer": [("dynamodb", "get_item", TOKEN_KEY)],
    "api": [
        ("s3", "put_object", {"Bucket": "intake", "Key": "incoming/role-test/folder/"}),
        ("s3", "list_objects_v2", {"Bucket": "intake"}),
        ("s3", "list_objects_v2", {"Bucket": "backup"}),
        ("dynamodb", "describe_table", {"TableName": "catalog"}),
        ("sqs", "get_queue_attributes", {"QueueUrl": "work"}),
        ("sqs", "receive_message", {"QueueUrl": "dead", "VisibilityTimeout": 0}),
    ],
    "worker": [
        ("s3", "list_objects_v2", {"Bucket": "intake"}),
        ("s3", "put_object", {"Bucket": "backup", "Key": "backups/role-test/data.avro"}),
        ("dynamodb", "describe_table", {"TableName": "catalog"}),
        ("sqs", "get_queue_attributes", {"QueueUrl": "work"}),
    ],
    "migrator": [
        ("secretsmanager", "get_secret_value", {"SecretId": "master"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "app"}),
    ],
    "rotator": [
        ("secretsmanager", "get_secret_value", {"SecretId": "master"}),
        ("secretsmanager", "describe_secret", {"SecretId": "app"}),
        ("secretsmanager", "get_secret_value", {"SecretId": "app"}),
    ],
    "retention": [
        ("s3", "list_objects_v2", {"Bucket": "backup"}),
        ("s3", "delete_object", {"Bucket": "backup", "Key": "backups/role-test"}),
        ("dynamodb", "delete_item", {"TableName": "catalog", "Key": BACKUP}),
    ],
}
FORBIDDEN: dict[str, list[Case]] = {
    "authorizer": [
        ("dynamodb", "scan", {"TableName": "tokens"}),
        ("dynamodb", "put_item", {"TableName": "tokens", "Item": {"id": {"S": "-"}}}),
        ("dynamodb", "delete_item", TOKEN_KEY),
        ("dynamodb", "describe_table", {"TableName": "catalog"}),
        ("secretsmanager", "list_secrets", {}),
        ("s3", "list_objects_v2", {"Bucket": "backup"}),
        ("sqs", "get_queue_attributes", {"QueueUrl": "work"}),
    ],
    "api": [
        ("dynamodb", "get_item", TOKEN_KEY),
        ("s3", "put_object", {"Bucket": "intake", "Key": "elsewhere"}),
        ("s3", "put_object", {"Bucket": "backup", "Key": "role-test"}),
        ("s3", "delete_object", {"Bucket": "backup", "Key": "role-test"}),
        ("s3", "delete_object", {"Bucket": "intake", "Key": "incoming/role-test"}),
        ("s3", "list_buckets", {}),
        ("dynamodb", "delete_item", {"TableName": "catalog", "Key": BACKUP}),
        ("dynamodb", "scan", {"TableName": "catalog"}),
        ("dynamodb", "delete_table", {"TableName": "catalog"}),
        ("sqs", "receive_message", {"QueueUrl": "work"}),
        ("sqs", "purge_queue", {"QueueUrl": "work"}),
        ("sqs", "purge_queue", {"QueueUrl": "dead"}),
        ("sqs", "send_message", {"QueueUrl": "dead", "MessageBody": "{}"}),
        ("secretsmanager", "list_secrets", {}),
        ("secretsmanager", "get_secret_value", {"SecretId": "master"}),
        ("lambda", "invoke", {"FunctionName": "migrator"}),
        ("iam", "list_roles", {}),
    ],
    "worker": [
        ("dynamodb", "get_item", TOKEN_KEY),
        ("s3", "put_object", {"Bucket": "intake", "Key": "incoming/role-test"}),
        ("s3", "delete_object", {"Bucket": "intake", "Key": "incoming/role-test"}),
        ("s3", "delete_object", {"Bucket": "backup", "Key": "backups/role-test"}),
        ("s3", "put_object", {"Bucket": "backup", "Key": "backups/role-test/pin.json"}),
        ("s3", "put_object", {"Bucket": "backup", "Key": "role-test"}),
        ("s3", "delete_bucket", {"Bucket": "backup"}),
        ("dynamodb", "delete_item", {"TableName": "catalog", "Key": BACKUP}),
        ("s3", "put_object", {"Bucket": "backup", "Key": "audit/role-test"}),
        ("dynamodb", "scan", {"TableName": "catalog"}),
        ("sqs", "purge_queue", {"QueueUrl": "work"}),
        ("sqs", "receive_message", {"QueueUrl": "dead"}),
        ("sqs", "send_message", {"QueueUrl": "dead", "MessageBody": "{}"}),
        ("secretsmanager", "list_secrets", {}),
        ("iam", "list_roles", {}),
        ("secretsmanager", "get_secret_value", {"SecretId": "master"}),
        ("lambda", "invoke", {"FunctionName": "migrator"}),
    ],
    "migrator": [
        ("secretsmanager", "put_secret_value", {"SecretId": "app", "SecretString": "x"}),
        ("secretsmanager", "put_secret_value", {"SecretId": "master", "SecretString": "x"}),
        ("s3", "list_objects_v2", {"Bucket": "intake"}),
        ("dynamodb", "describe_table", {"TableName": "catalog"}),
        ("sqs", "get_queue_attributes", {"QueueUrl": "work"}),
    ],
    "rotator": [
        ("secretsmanager", "put_secret_value", {"SecretId": "master", "SecretString": "x"}),
        ("secretsmanager", "delete_secret", {"SecretId": "app"}),
        ("s3", "list_objects_v2", {"Bucket": "backup"}),
        ("dynamodb", "describe_table", {"TableName": "catalog"}),
        ("lambda", "invoke", {"FunctionName": "migrator"}),
    ],
    "retention": [
        ("s3", "put_object", {"Bucket": "backup", "Key": "backups/role-test"}),
        ("s3", "delete_object", {"Bucket": "backup", "Key": "role-test"}),
        ("s3", "delete_object", {"Bucket": "backup", "Key": "backups/role-test", "VersionId": "1"}),
        ("s3", "delete_object", {"Bucket": "intake", "Key": "incoming/role-test"}),
        ("s3", "list_objects_v2", {"Bucket": "intake"}),
        ("s3", "delete_bucket", {"Bucket": "backup"}),
        ("dynamodb", "scan", {"TableName": "catalog"}),
        ("dynamodb", "delete_table", {"TableName": "catalog"}),
        ("sqs", "send_message", {"QueueUrl": "work", "MessageBody": "{}"}),
        ("secretsmanager", "list_secrets", {}),
        ("iam", "list_roles", {}),
    ],
}
CASES = [(role, case) for role in ALLOWED for case in ALLOWED[role]]
CASES_FORBIDDEN = [(role, case) for role in FORBIDDEN for case in FORBIDDEN[role]]


@pytest.mark.parametrize(("role", "case"), CASES, ids=lambda value: value if isinstance(value, str) else value[1])
def test_a_role_may_do_its_functions_work(stack: Record, role: str, case: Case) -> None:
    _do(stack, role, case)


@pytest.mark.enforced("roles")
@pytest.mark.parametrize(
    ("role", "case"), CASES_FORBIDDEN, ids=lambda value: value if isinstance(value, str) else value[1]
)
def test_a_role_may_do_nothing_else(stack: Record, role: str, case: Case) -> None:
    with pytest.raises(ClientError, match=r"not authorized|AccessDenied|Access Denied"):
        _do(stack, role, case)


def _do(stack: Record, role: str, case: Case) -> None:
    """Make a call with a session of a function's role, as the function itself would have it."""
    service, operation, named = case
    names = {
        "intake": stack.intake_bucket,
        "backup": stack.backup_bucket,
        "catalog": stack.catalog_table,
        "tokens": stack.tokens_table,
        "work": stack.queue_url,
        "dead": stack.dead_letter_queue_url,
        "app": stack.database_secret,
        "master": "decant-local-master",
        "migrator": stack.migrator_function,
    }
    roles = {
        "api": stack.api_role,
        "authorizer": stack.authorizer_role,
        "worker": stack.worker_role,
        "migrator": stack.migrator_role,
        "rotator": stack.rotator_role,
        "retention": stack.retention_role,
    }
    session = _session(stack, roles[role])
    client = session.client(service, endpoint_url=stack.endpoint_url)
    getattr(client, operation)(
        **{name: names.get(value, value) if isinstance(value, str) else value for name, value in named.items()}
    )


def _session(stack: Record, role: str) -> boto3.Session:
    """A session of a role. The role trusts Lambda alone, so an administrator's policy lets the test in for a moment."""
    iam, sts = stack.client("iam"), stack.client("sts")
    name = role.rpartition("/")[2]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    account = sts.get_caller_identity()["Account"]
    opened = {**trust, "Statement": [*trust["Statement"], _trust_account(account)]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(opened))
    try:
        given = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    return boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=stack.region
    )


def _trust_account(account: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}


def test_functions_run_the_package(stack: Record) -> None:
    for function in (
        stack.api_function,
        stack.worker_function,
        stack.migrator_function,
        stack.rotator_function,
        stack.retention_function,
    ):
        configuration = stack.client("lambda").get_function_configuration(FunctionName=function)
        assert configuration["Handler"].startswith("app.")
        assert configuration["CodeSize"] > 1_000_000
        assert configuration["Environment"]["Variables"]["DECANT_STAGE"] == "local"
