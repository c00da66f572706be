"""The migrations of the database, run by a function of the application beside the database."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.config import Config

from infra.deployment.errors import DeploymentError
from infra.deployment.target import Target

FUNCTION = "MigratorName"  # output of the application's stack, where there is such a function
_SECONDS = 900


def migrate(target: Target, outputs: Mapping[str, str]) -> dict[str, Any]:
    """Run the migrations that were not run yet; give what the function tells of them. Raises DeploymentError."""
    patient = Config(read_timeout=_SECONDS, retries={"total_max_attempts": 1})
    functions = target.session.client("lambda", endpoint_url=target.endpoint_url, config=patient)
    event = json.dumps({"by": target.caller}).encode()
    answer = functions.invoke(FunctionName=outputs[FUNCTION], Payload=event)
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or told.get("state") in ("refused", "failed"):
        reason = told.get("errorMessage") or json.dumps(told, indent=2)
        raise DeploymentError(f"The stacks stand, but the database was not migrated: {reason}")
    return told
