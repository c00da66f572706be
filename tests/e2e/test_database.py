"""Migrator and rotator as deployed functions, with their own roles."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from infra.local.record import Record
from infra.local.stack import Stack
from tests.e2e.conftest import Call

ROOT = Path(__file__).parents[2]


def invoke(stack: Record, function: str, event: dict[str, Any]) -> dict[str, Any]:
    """Call a function; give its answer, or what it raised."""
    called = stack.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    answer = json.loads(called["Payload"].read())
    return {"raised": answer} if called.get("FunctionError") else {"answer": answer}


def test_the_database_is_migrated_and_nothing_is_left_to_do(stack: Record) -> None:
    for event in ({"plan": True}, {"by": "tests"}):
        assert invoke(stack, stack.migrator_function, event)["answer"]["state"] == "unchanged"


def test_make_migrate_tells_the_plan_and_refuses_with_status_1(local_stack: Stack, stack: Record) -> None:
    environment = {
        **os.environ, "DECANT_FOLDER": str(local_stack.folder), "AWS_DEFAULT_REGION": stack.region,
    }  # fmt: skip
    command = [sys.executable, "-m", "infra.migrate"]
    done = subprocess.run([*command, "--plan"], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "Nothing to migrate.\n"), done.stderr
    keys = {"AWS_ACCESS_KEY_ID": stack.access_key_id, "AWS_SECRET_ACCESS_KEY": stack.secret_access_key}
    elsewhere = {**environment, **keys, "AWS_ENDPOINT_URL": stack.endpoint_url}
    done = subprocess.run([*command, "--stage", "nowhere"], env=elsewhere, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("make migrate: There is no stack decant-nowhere in ")


def test_a_rotation_by_the_deployed_function_and_the_api_goes_on(stack: Record, call: Call) -> None:
    """The test takes the part of Secrets Manager, which in the emulator rotates nothing."""
    secrets = stack.client("secretsmanager")
    before = json.loads(secrets.get_secret_value(SecretId=stack.database_secret)["SecretString"])
    token = str(uuid.uuid4())
    pending = {**before, "username": "decant_app_2", "password": uuid.uuid4().hex}
    secrets.put_secret_value(
        SecretId=stack.database_secret, ClientRequestToken=token, SecretString=json.dumps(pending),
        VersionStages=["AWSPENDING"],
    )  # fmt: skip
    arn = secrets.describe_secret(SecretId=stack.database_secret)["ARN"]
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        event = {"Step": step, "SecretId": arn, "ClientRequestToken": token}
        assert invoke(stack, stack.rotator_function, event) == {"answer": None}
        assert call("GET", "/tables").status == 200
    after = json.loads(secrets.get_secret_value(SecretId=stack.database_secret)["SecretString"])
    assert (before["username"], after) == ("decant_app_1", pending)
    stack.client("lambda").update_function_configuration(  # another environment of the function: it connects anew
        FunctionName=stack.api_function, Description="connects anew"
    )
    assert call("GET", "/health").json["database"] == "ok"


@pytest.mark.parametrize("secret", ["arn:aws:secretsmanager:us-east-1:000000000000:secret:other-abcdef", "x"])
def test_the_rotator_refuses_a_secret_that_is_not_its_own(stack: Record, secret: str) -> None:
    event = {"Step": "createSecret", "SecretId": secret, "ClientRequestToken": "t"}
    secrets = stack.client("secretsmanager")
    before = secrets.describe_secret(SecretId=stack.database_secret)["VersionIdsToStages"]
    assert "raised" in invoke(stack, stack.rotator_function, event)
    assert secrets.describe_secret(SecretId=stack.database_secret)["VersionIdsToStages"] == before
