"""A stage, brought up: network, database, application, in this order, each handing its outputs to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from infra.deployment import layer, network
from infra.deployment.bucket import PackageBucket
from infra.deployment.errors import DeploymentError
from infra.deployment.parameters import known_only, parameters_for
from infra.deployment.stack import Stack
from infra.deployment.stages import Stage, Table
from infra.deployment.target import Target
from infra.deployment.templates import DATABASE, NETWORK, load_template
from infra.deployment.watching import Nobody, Watcher
from infra.package import Package

# Parameter of a stack: output of an earlier one.
_TO_DATABASE = {"VpcId": "VpcId", "SubnetIds": "SubnetIds", "FunctionsSecurityGroup": "FunctionsSecurityGroup"}
_NETWORK_TO_APPLICATION = {"SubnetIds": "SubnetIds", "SecurityGroupIds": "FunctionsSecurityGroup"}
_DATABASE_TO_APPLICATION = {
    "DatabaseHost": "Host",
    "DatabasePort": "Port",
    "DatabaseName": "DatabaseName",
    "MasterSecret": "MasterSecretArn",
    "MasterSecretKey": "EncryptionKey",
    "DatabaseIdentifier": "DatabaseIdentifier",
}


class Reporter(Watcher, Protocol):
    """Who is told of the stacks of a stage, too."""

    def began(self, stack: str) -> None:
        """Hear that a stack is looked at."""

    def ended(self, stack: str, changed: bool, /) -> None:
        """Hear that a stack stands, and whether anything had to be done."""


@dataclass(frozen=True)
class StageStacks:
    """The stacks of a stage in a target, by name; they may not exist yet."""

    stage: str
    target: Target
    watcher: Watcher = field(default_factory=Nobody)

    def stack(self, which: str) -> Stack:
        """Give the stack of the network, the database or the application."""
        name = f"decant-{self.stage}"
        return Stack(name if which == "application" else f"{name}-{which}", self.target, self.watcher)

    @property
    def bucket(self) -> PackageBucket:
        """The bucket of the stage's packages."""
        return PackageBucket(self.target, f"decant-{self.stage}-packages-{self.target.account}-{self.target.region}")


@dataclass(frozen=True)
class StageDeployment:
    """The deployment of a stage as its file says. `environment` holds the secrets among the parameters.

    Unless `may_lose_data`, an update that replaces or deletes what holds data is refused.
    """

    stage: Stage
    target: Target
    environment: Mapping[str, str]
    reporter: Reporter
    may_lose_data: bool = False

    def refuse(self) -> None:
        """Raise DeploymentError for what the templates, each by itself, would take, and can't work."""
        if self._proxied and self.stage.application.given.get("RotatePassword") != "false":
            raise DeploymentError(
                f"{self._place('database')}: Proxy = true takes RotatePassword = false under [application]: a rotation "
                "gives the secret another login, which RDS Proxy would refuse (docs/deploy.md, RDS Proxy)."
            )

    def deploy(self, built: Package) -> dict[str, str]:
        """Bring all stacks of the stage up to date; give the application's outputs.

        Raises DeploymentError; what stands by then, stands.
        """
        networked = self._network()
        while True:
            secret = self._stacks.stack("application").outputs().get("DatabaseSecret", "")
            stored = self._database(networked, secret)
            made = self._application(built, networked, stored)
            # The proxy must know the application's secret, which is made after it: then once more, with both.
            if not self._proxied or made.get("DatabaseSecret", "") == secret:
                return made

    @property
    def _stacks(self) -> StageStacks:
        return StageStacks(self.stage.name, self.target, self.reporter)

    @property
    def _proxied(self) -> bool:
        return self.stage.database.own and self.stage.database.given.get("Proxy") == "true"

    def _network(self) -> dict[str, str]:
        table, template = self.stage.network, load_template(NETWORK)
        if not table.own:
            return self._existing("network", table, template)
        handed = network.prefix_lists(self.target)
        if not self.stage.database.own:
            handed |= _handed({"DatabasePort": "Port"}, self.stage.database.given)
        made = self._apply("network", template, template, table, handed)
        network.close_default_group(self.target, made["DefaultSecurityGroup"])
        return made

    def _database(self, networked: Mapping[str, str], secret: str) -> dict[str, str]:
        table, template = self.stage.database, load_template(DATABASE)
        if not table.own:
            return self._existing("database", table, template)
        handed = _handed(_TO_DATABASE, networked)
        if self._proxied and secret:
            handed["ApplicationSecret"] = secret
        return self._apply("database", template, template, table, handed)

    def _application(self, built: Package, networked: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
        table = self.stage.application
        handed = {**_handed(_NETWORK_TO_APPLICATION, networked), **_handed(_DATABASE_TO_APPLICATION, stored)}
        if "SdkPandasLayer" not in table.given:
            handed["SdkPandasLayer"] = layer.find_layer(self.target, built.template)
        return self._apply("application", built, built.template, table, handed)

    def _apply(
        self,
        which: str,
        source: Package | dict[str, Any],
        template: Mapping[str, Any],
        table: Table,
        handed: Mapping[str, str],
    ) -> dict[str, str]:
        parameters = parameters_for(
            template, table.given, {"Stage": self.stage.name, **handed}, self.environment, self._place(which)
        )
        stack = self._stacks.stack(which)
        self.reporter.began(stack.name)
        applied = stack.apply(source, parameters, self._stacks.bucket, may_lose_data=self.may_lose_data)
        self.reporter.ended(stack.name, applied.changed)
        return applied.outputs

    def _existing(self, which: str, table: Table, template: Mapping[str, Any]) -> dict[str, str]:
        """What an existing network or database hands on, as its stage file says."""
        known_only(table.given, template["Outputs"], self._place(which))
        return dict(table.given)

    def _place(self, which: str) -> str:
        return f"{self.stage.file}: [{which}]"


def _handed(names: Mapping[str, str], outputs: Mapping[str, str]) -> dict[str, str]:
    return {parameter: outputs[output] for parameter, output in names.items() if output in outputs}
