"""A stage as the commands of operators find it: on AWS by the environment's credentials, or the one of `make up`."""

import argparse

from infra.deployment.errors import DeploymentError
from infra.deployment.stack import Stack
from infra.deployment.target import Target
from infra.local.record import FOLDER, Record

LOCAL = "local"


def add_stage(parser: argparse.ArgumentParser) -> None:
    """Let a command take the stage that it is about."""
    parser.add_argument("--stage", default=LOCAL, help="a stage on AWS; without it, the one of `make up`")


def reach(stage: str) -> Target:
    """Give the target where a stage is. Raises StackError when it is the local one and does not run."""
    if stage != LOCAL:
        return Target.from_environment()
    record = Record.read(FOLDER)
    return Target(record.session(), record.endpoint_url)


def outputs_of(stage: str, target: Target) -> dict[str, str]:
    """Give what the application's stack of a stage made. Raises DeploymentError when there is no such stack."""
    made = Stack(f"decant-{stage}", target).outputs()
    if not made:
        raise DeploymentError(f"There is no stack decant-{stage} in {target}: deploy it first.")
    return made
