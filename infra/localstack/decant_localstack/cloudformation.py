"""CloudFormation that looks again soon, and that lets templates name what only the SAM transform makes."""

from collections.abc import Callable
from functools import partialmethod
from typing import Any

from localstack.runtime import hooks
from localstack.services.cloudformation.engine.v2.change_set_model_transform import ChangeSetModelTransform
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor

SECONDS = 0.2
Visit = Callable[[Any, Any], Any]


@hooks.on_infra_start()  # type: ignore[untyped-decorator] # LocalStack tells no types
def shorter_waits() -> None:
    """Shorten the 5 seconds between two looks at a resource in the making."""
    ResourceProviderExecutor.deploy_loop = partialmethod(ResourceProviderExecutor.deploy_loop, sleep_time=SECONDS)


@hooks.on_infra_start()  # type: ignore[untyped-decorator]
def references_to_what_sam_makes() -> None:
    """Leave `!Ref RestAPI.Stage` as it is until SAM has made the stage; what is there then is checked afterwards."""
    for name in ("visit_node_intrinsic_function_ref", "visit_node_intrinsic_function_fn_get_att"):
        setattr(ChangeSetModelTransform, name, _tolerant(getattr(ChangeSetModelTransform, name)))


def _tolerant(visit: Visit) -> Visit:
    def visit_or_leave(transform: Any, function: Any) -> Any:
        try:
            return visit(transform, function)
        except ValidationError:
            return transform.visit(function.arguments)

    return visit_or_leave
