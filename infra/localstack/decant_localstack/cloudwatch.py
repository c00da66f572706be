"""What LocalStack's CloudFormation lacks of CloudWatch: dashboards, and numbers that come as parameters."""

from typing import Any

from localstack.runtime import hooks
from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
)
from localstack.services.cloudwatch.resource_providers.aws_cloudwatch_alarm import CloudWatchAlarmProvider

TYPE = "AWS::CloudWatch::Dashboard"


@hooks.on_infra_start()  # type: ignore[untyped-decorator] # LocalStack tells no types
def numbers_of_alarms() -> None:
    """Take the text that a parameter is for the number, as CloudFormation does."""
    create = CloudWatchAlarmProvider.create

    def create_with_number(provider: Any, request: Any) -> Any:
        if "Threshold" in request.desired_state:
            request.desired_state["Threshold"] = float(request.desired_state["Threshold"])
        return create(provider, request)

    CloudWatchAlarmProvider.create = create_with_number


class DashboardProvider(ResourceProvider):  # type: ignore[misc] # LocalStack tells no types
    """Makes dashboards."""

    TYPE = TYPE
    SCHEMA = {  # noqa: RUF012 - LocalStack reads it from the class
        "typeName": TYPE,
        "primaryIdentifier": ["/properties/DashboardName"],
        "properties": {"DashboardName": {"type": "string"}, "DashboardBody": {"type": "string"}},
    }

    def create(self, request: Any) -> ProgressEvent:
        """Make the dashboard, with a name that nobody chose when the template has none."""
        named = {"DashboardName": f"{request.stack_name}-{request.logical_resource_id}", **request.desired_state}
        request.aws_client_factory.cloudwatch.put_dashboard(**named)
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=named)

    def update(self, request: Any) -> ProgressEvent:
        """Write the dashboard again."""
        return self.create(request)

    def delete(self, request: Any) -> ProgressEvent:
        """Delete the dashboard."""
        named = request.previous_state["DashboardName"]
        request.aws_client_factory.cloudwatch.delete_dashboards(DashboardNames=[named])
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model={})


class DashboardPlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]
    """What LocalStack finds."""

    name = TYPE

    def __init__(self) -> None:
        self.factory: type[DashboardProvider] | None = None

    def load(self) -> None:
        """Name the provider."""
        self.factory = DashboardProvider
