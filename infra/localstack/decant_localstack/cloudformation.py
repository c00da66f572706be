"""CloudFormation that looks again soon: LocalStack waits 5 seconds between two looks at a resource in the making."""

from functools import partialmethod

from localstack.runtime import hooks
from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor

SECONDS = 0.2


@hooks.on_infra_start()  # type: ignore[untyped-decorator] # LocalStack tells no types
def shorter_waits() -> None:
    """Shorten the waits."""
    ResourceProviderExecutor.deploy_loop = partialmethod(ResourceProviderExecutor.deploy_loop, sleep_time=SECONDS)
