"""A stage's file, what becomes parameters of it, and what is told of a deployment; CloudFormation itself is in e2e."""

import io
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import NoRegionError
from rich.console import Console

from chalicelib.settings import PACKAGED_DICTIONARY
from infra.deployment import __main__ as commands
from infra.deployment import layer, network
from infra.deployment.bucket import PackageBucket
from infra.deployment.changes import Change, losses
from infra.deployment.destroy import Destroyed
from infra.deployment.errors import DeploymentError
from infra.deployment.leftovers import backup_buckets
from infra.deployment.order import StageDeployment, StageStacks
from infra.deployment.parameters import parameters_for, variable
from infra.deployment.progress import Progress
from infra.deployment.stack import Applied, Stack
from infra.deployment.stages import FOLDER, Stage
from infra.deployment.target import Target
from infra.deployment.templates import DATABASE, NETWORK, load_template
from infra.deployment.watching import Event
from infra.migrate import Refused
from infra.package import Package


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some, of nobody."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write the file of the stage try, and read it."""

    def read(content: str) -> Stage:
        (tmp_path / "try.toml").write_text(content)
        return Stage.read("try", tmp_path)

    return read


class TestStageFile:
    def test_a_file_that_says_nothing_is_a_stage_of_our_own(self, write: Any) -> None:
        stage = write("")
        assert stage.network.own
        assert stage.database.own
        assert stage.application.given == {}
        assert (stage.package.chalice_stage, stage.package.python) == ("production", "3.13")

    def test_values_become_text_as_cloudformation_takes_it(self, write: Any) -> None:
        stage = write(
            "[database]\nMultiAz = true\nBackupDays = 7\nMinCapacity = 0.5\n[application]\nSubnetIds = ['a', 'b']"
        )
        assert stage.database.given == {"MultiAz": "true", "BackupDays": "7", "MinCapacity": "0.5"}
        assert stage.application.given == {"SubnetIds": "a,b"}

    def test_how_it_is_packaged(self, write: Any) -> None:
        stage = write("[package]\narchitecture = 'arm64'\n[package.environment]\nDECANT_AUTHORIZER = 'iam'")
        assert stage.package.architecture == "arm64"
        assert stage.package.environment == {"DECANT_AUTHORIZER": "iam"}

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            ("[databse]\nEngine = 'rds'", "databse is no table of a stage. Did you mean database?"),
            ("network = 'own'", "network is no table"),
            ("[network]\nuse = 'theirs'", 'use is \'theirs\'; it takes "own" or "existing"'),
            ("[application]\nuse = 'existing'", 'it takes "own"'),
            ("[package]\npyhton = '3.13'", "Did you mean python?"),
            ("[database]\nBackupDays = 2026-01-01", "takes a text, a number, true or false"),
            ("[database", "try.toml: "),
        ],
    )
    def test_what_is_wrong_is_told_with_its_place(self, write: Any, content: str, told: str) -> None:
        with pytest.raises(DeploymentError) as error:
            write(content)
        assert told in str(error.value)
        assert "try.toml" in str(error.value)

    def test_a_stage_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DeploymentError, match=r"There is no stage prod: .*Stages: dev, production\."):
            Stage.read("prod")
        with pytest.raises(DeploymentError, match="is no name of a stage"):
            Stage.read("../dev", tmp_path)

    @pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
    def test_the_stages_of_the_repository_are_taken_by_the_templates(self, file: Path) -> None:
        stage = Stage.read(file.stem)
        handed = {
            "network": {"S3PrefixList": "pl-1", "DynamoDbPrefixList": "pl-2"},
            "database": {"VpcId": "vpc-1", "SubnetIds": "a,b", "FunctionsSecurityGroup": "sg-1"},
        }
        for which, template in (("network", NETWORK), ("database", DATABASE)):
            given = getattr(stage, which).given
            parameters_for(load_template(template), given, {"Stage": stage.name, **handed[which]}, {}, which)


TEMPLATE = {
    "Parameters": {
        "Stage": {"Type": "String"},
        "Size": {"Type": "Number", "Default": 1, "MinValue": 1, "MaxValue": 9},
        "Mode": {"Type": "String", "Default": "off", "AllowedValues": ["off", "on"]},
        "Prefix": {"Type": "String", "Default": "a", "AllowedPattern": "[a-z]+"},
        "MasterPassword": {"Type": "String", "NoEcho": True, "Description": "of the master"},
    }
}


def taken(given: Mapping[str, str], handed: Mapping[str, str] | None = None) -> dict[str, str]:
    environment = {"DECANT_MASTER_PASSWORD": "secret"}
    return parameters_for(TEMPLATE, given, handed or {"Stage": "try"}, environment, "try.toml: [database]")


class TestParameters:
    def test_the_file_wins_over_what_earlier_stacks_hand_on(self) -> None:
        assert taken({"Size": "3"}, {"Stage": "try", "Size": "2", "Unknown": "x"}) == {
            "Stage": "try", "Size": "3", "MasterPassword": "secret",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"Sise": "3"}, "there is no Sise. Did you mean Size?"),
            ({"Size": "many"}, "Size is 'many'; it takes a number from 1 to 9"),
            ({"Size": "10"}, "from 1 to 9"),
            ({"Mode": "maybe"}, "Mode is 'maybe'; it takes off or on"),
            ({"Prefix": "A1"}, r"Prefix is 'A1', which is not of the form [a-z]+"),
            ({"MasterPassword": "x"}, "is a secret. Put it into the variable DECANT_MASTER_PASSWORD instead"),
        ],
    )
    def test_what_the_template_would_refuse_is_refused_at_once(self, given: dict[str, str], told: str) -> None:
        with pytest.raises(DeploymentError) as error:
            taken(given)
        assert told in str(error.value)
        assert str(error.value).startswith("try.toml: [database]")

    def test_all_that_is_missing_is_told_at_once(self) -> None:
        with pytest.raises(DeploymentError) as error:
            parameters_for(TEMPLATE, {}, {}, {}, "try.toml")
        assert "Stage: no default" in str(error.value)
        assert "the variable DECANT_MASTER_PASSWORD: of the master" in str(error.value)

    def test_a_secret_s_variable(self) -> None:
        assert variable("DatabasePassword") == "DECANT_DATABASE_PASSWORD"


class Account(Target):
    """AWS, as far as nobody asks it: its endpoints and an identity."""

    account = "111122223333"

    def __init__(self, clients: Mapping[str, Any] | None = None, emulated: bool = False) -> None:
        object.__setattr__(self, "_clients", clients or {})
        object.__setattr__(self, "_emulated", emulated)

    @property
    def region(self) -> str:
        return "eu-west-1"

    @property
    def emulated(self) -> bool:
        return bool(self.__dict__["_emulated"])

    def client(self, service: str) -> Any:
        return self.__dict__["_clients"][service]

    def __str__(self) -> str:
        return "account 111122223333, eu-west-1"


def test_the_local_stage_stays_at_home() -> None:
    with pytest.raises(DeploymentError, match="stage local is that of `make up`"):
        commands.refuse_local("local", Account())
    commands.refuse_local("local", Account(emulated=True))
    commands.refuse_local("dev", Account())


@pytest.mark.parametrize(
    ("url", "emulated"),
    [
        (None, False),
        ("http://127.0.0.1:4566", True),
        ("http://localstack:4566", True),
        ("https://amazonaws.com.example.org", True),
        ("https://cloudformation.cn-north-1.amazonaws.com.cn", False),
    ],
)
def test_what_is_an_emulator(monkeypatch: pytest.MonkeyPatch, url: str | None, emulated: bool) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    if url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert Target.from_environment().emulated is emulated


def test_the_region_is_that_of_every_aws_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert Target.from_environment().region == "eu-west-2"


def test_a_region_must_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises((DeploymentError, NoRegionError), match="AWS_REGION"):
        Target.from_environment()


def test_credentials_must_be_at_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with pytest.raises(DeploymentError, match="No AWS credentials are at hand"):
        Target.from_environment()


class TestLayer:
    class Parameters:
        class exceptions:
            class ParameterNotFound(Exception):
                pass

        def __init__(self, known: Mapping[str, str]) -> None:
            self.known = known

        def get_parameter(self, Name: str) -> dict[str, Any]:
            if Name not in self.known:
                raise self.exceptions.ParameterNotFound
            return {"Parameter": {"Value": self.known[Name]}}

    TEMPLATE: dict[str, Any] = {  # noqa: RUF012 - nobody changes it
        "Resources": {
            "Worker": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"Runtime": "python3.13", "Architectures": ["arm64"]},
            }
        }
    }

    def test_it_is_the_one_that_aws_publishes_for_the_functions(self) -> None:
        name = f"/aws/service/aws-sdk-pandas/{version('awswrangler')}/py3.13/arm64/layer-arn"
        account = Account({"ssm": self.Parameters({name: "arn:layer"})})
        assert layer.find_layer(account, self.TEMPLATE) == "arn:layer"

    def test_where_there_is_none_the_stage_file_names_one(self) -> None:
        with pytest.raises(DeploymentError, match=r"eu-west-1.*\[application\] SdkPandasLayer"):
            layer.find_layer(Account({"ssm": self.Parameters({})}), self.TEMPLATE)


def change(action: str, kind: str, replacement: str = "False") -> Change:
    described = {"Action": action, "LogicalResourceId": "It", "ResourceType": kind, "Replacement": replacement}
    return Change.read({"ResourceChange": described})


class TestChanges:
    @pytest.mark.parametrize(
        ("told", "loses"),
        [
            (change("Modify", "AWS::RDS::DBInstance", "True"), True),
            (change("Modify", "AWS::EC2::VPC", "True"), True),
            (change("Remove", "AWS::S3::Bucket"), True),
            (change("Modify", "AWS::RDS::DBInstance", "Conditional"), False),
            (change("Modify", "AWS::RDS::DBInstance"), False),
            (change("Modify", "AWS::Lambda::Function", "True"), False),
            (change("Add", "AWS::S3::Bucket"), False),
        ],
        ids=str,
    )
    def test_which_lose_data(self, told: Change, loses: bool) -> None:
        assert bool(losses([told])) is loses

    def test_they_are_told_in_words(self) -> None:
        kind = "AWS::SQS::Queue"
        assert str(change("Add", kind)) == f"make It ({kind})"
        assert str(change("Modify", kind)) == f"change It ({kind})"
        assert str(change("Modify", kind, "True")) == f"replace It ({kind})"
        assert str(change("Modify", kind, "Conditional")) == f"change, perhaps replace, It ({kind})"
        assert str(change("Remove", kind)) == f"delete It ({kind})"


def test_off_a_terminal_progress_is_lines_as_they_are() -> None:
    printed = io.StringIO()
    with Progress(Console(file=printed, width=120)) as progress:
        progress.began("decant-try")
        progress.planned("decant-try", [change("Add", "AWS::SQS::Queue"), change("Remove", "AWS::SNS::Topic")])
        progress.happened("decant-try", Event("Secret", "AWS::X", "CREATE_IN_PROGRESS", ""))
        progress.happened("decant-try", Event("Secret", "AWS::X", "CREATE_COMPLETE", ""))
        progress.happened("decant-try", Event("Queue", "AWS::Y", "CREATE_FAILED", "[red]no[/red] :secret:"))
        progress.ended("decant-try", True)
    lines = printed.getvalue().splitlines()
    assert "1 to make, 0 to change, 1 to delete" in lines[1]
    assert "delete It (AWS::SNS::Topic)" in lines[2]
    assert "CREATE_COMPLETE" in lines[3]
    assert "Secret (AWS::X), 0m00s" in lines[3]
    assert lines[4].endswith("[red]no[/red] :secret:")
    assert len(lines) == 6


def test_that_one_was_stopped_because_another_failed_is_no_reason() -> None:
    assert Event("A", "", "CREATE_FAILED", "Resource creation cancelled").failed is False
    assert Event("A", "", "CREATE_FAILED", "no such key").failed is True


class Silent:
    """Who is told, and does not care."""

    def planned(self, *_: Any) -> None: ...
    def happened(self, *_: Any) -> None: ...
    def began(self, *_: Any) -> None: ...
    def ended(self, *_: Any) -> None: ...


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """Stacks that stand as soon as they are asked for; gives what was asked."""
    asked: list[tuple[str, dict[str, str]]] = []
    outputs = {
        "decant-try-network": {
            "VpcId": "vpc-1", "SubnetIds": "a,b", "FunctionsSecurityGroup": "sg-1", "DefaultSecurityGroup": "sg-0",
        },
        "decant-try-database": {
            "Host": "db", "Port": "5432", "DatabaseName": "decant", "MasterSecretArn": "arn:master",
            "EncryptionKey": "arn:key", "DatabaseIdentifier": "instance",
        },
        "decant-try": {"DatabaseSecret": "arn:app"},
    }  # fmt: skip

    def apply(self: Stack, _source: Any, parameters: dict[str, str], _bucket: PackageBucket, **_: Any) -> Applied:
        asked.append((self.name, parameters))
        return Applied(outputs[self.name], changed=True)

    monkeypatch.setattr(Stack, "apply", apply)
    monkeypatch.setattr(Stack, "outputs", lambda self: outputs[self.name] if self.name in dict(asked) else {})
    monkeypatch.setattr(network, "prefix_lists", lambda _: {"S3PrefixList": "pl-1", "DynamoDbPrefixList": "pl-2"})
    monkeypatch.setattr(network, "close_default_group", lambda *_: None)
    return asked


APPLICATION = Package(
    "digest",
    Path("none.zip"),
    {
        "Parameters": {
            name: {"Type": "String", "Default": ""}
            for name in (
                "Stage",
                "DatabaseHost",
                "MasterSecret",
                "MasterSecretKey",
                "DatabaseIdentifier",
                "SubnetIds",
                "SecurityGroupIds",
                "SdkPandasLayer",
                "RotatePassword",
            )
        },
        "Resources": {},
    },
)
LAYER = "\n[application]\nSdkPandasLayer = 'arn:layer'"


def deploy(stage: Stage) -> None:
    StageDeployment(stage, Account(), {}, Silent()).deploy(APPLICATION)


class TestOrder:
    def test_each_stack_hands_on_to_the_next(self, write: Any, applied: list[tuple[str, dict[str, str]]]) -> None:
        deploy(write(LAYER))
        assert [name for name, _ in applied] == ["decant-try-network", "decant-try-database", "decant-try"]
        given = dict(applied)
        assert given["decant-try-network"] == {"Stage": "try", "S3PrefixList": "pl-1", "DynamoDbPrefixList": "pl-2"}
        assert given["decant-try-database"] == {
            "Stage": "try", "VpcId": "vpc-1", "SubnetIds": "a,b", "FunctionsSecurityGroup": "sg-1",
        }  # fmt: skip
        assert given["decant-try"] == {
            "Stage": "try", "DatabaseHost": "db", "MasterSecret": "arn:master", "MasterSecretKey": "arn:key",
            "DatabaseIdentifier": "instance", "SubnetIds": "a,b", "SecurityGroupIds": "sg-1",
            "SdkPandasLayer": "arn:layer",
        }  # fmt: skip

    def test_what_exists_is_named_in_the_words_of_our_own(
        self, write: Any, applied: list[tuple[str, dict[str, str]]]
    ) -> None:
        networked = "[network]\nuse = 'existing'\nSubnetIds = ['a', 'b']\nFunctionsSecurityGroup = 'sg-9'\n"
        database = "[database]\nuse = 'existing'\nHost = 'theirs'\nMasterSecretArn = 'arn:theirs'"
        deploy(write(networked + database + LAYER))
        [(name, given)] = applied
        assert name == "decant-try"
        assert given["DatabaseHost"] == "theirs"
        assert given["MasterSecret"] == "arn:theirs"
        assert given["SecurityGroupIds"] == "sg-9"

    def test_what_an_existing_network_does_not_have(self, write: Any) -> None:
        with pytest.raises(DeploymentError, match=r"\[network\]: there is no Subnets. Did you mean SubnetIds\?"):
            deploy(write("[network]\nuse = 'existing'\nSubnets = 'a'" + LAYER))

    def test_the_proxy_comes_when_the_application_s_secret_is_known(
        self, write: Any, applied: list[tuple[str, dict[str, str]]]
    ) -> None:
        deploy(write("[database]\nProxy = true" + LAYER))
        databases = [given.get("ApplicationSecret") for name, given in applied if name == "decant-try-database"]
        assert databases == [None, "arn:app"]
        assert [name for name, _ in applied][-1] == "decant-try", "which is told the proxy's address"

    def test_the_network_lets_the_functions_to_the_port_of_a_database_elsewhere(
        self, write: Any, applied: list[tuple[str, dict[str, str]]]
    ) -> None:
        deploy(write("[database]\nuse = 'existing'\nHost = 'theirs'\nPort = 6432\nEncryptionKey = 'arn:k'" + LAYER))
        given = dict(applied)
        assert given["decant-try-network"]["DatabasePort"] == "6432"
        assert given["decant-try"]["MasterSecretKey"] == "arn:k"

    @pytest.mark.parametrize("rotation", ["", "\nRotatePassword = true"])
    def test_a_proxy_is_refused_with_a_rotation_that_it_could_not_follow(self, write: Any, rotation: str) -> None:
        stage = write(f"[database]\nProxy = true{LAYER}{rotation}")
        with pytest.raises(DeploymentError, match=r"\[database\]: Proxy = true takes RotatePassword = false"):
            StageDeployment(stage, Account(), {}, Silent()).refuse()
        StageDeployment(
            write(f"[database]\nProxy = true{LAYER}\nRotatePassword = false"), Account(), {}, Silent()
        ).refuse()


class TestDictionary:
    """What the database of a stage that stands is asked, before anything of it is changed."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
        """The dictionaries that the migrator was asked about; it refuses them."""
        about: list[tuple[str, Path]] = []

        def refuse(_functions: Any, name: str, file: Path) -> str:
            about.append((name, file))
            raise Refused("it was text and is date")

        monkeypatch.setattr(commands, "refuse_dictionary", refuse)
        monkeypatch.setattr(commands, "patient_client", lambda _: None)
        return about

    @pytest.mark.parametrize("said", ["", "[application]\nDictionary = 'chalicelib/dictionary/datapackage.json'"])
    def test_one_that_the_database_can_not_follow_stops_the_deployment(
        self, write: Any, asked: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch, said: str
    ) -> None:
        monkeypatch.setattr(Stack, "outputs", lambda _: {"MigratorName": "f"})
        with pytest.raises(Refused), Progress(Console(file=io.StringIO())) as progress:
            commands.ask_migrator(write(said), Account(), progress)
        assert asked == [("f", PACKAGED_DICTIONARY)]

    def test_one_that_is_not_there_is_told(self, write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Stack, "outputs", lambda _: {"MigratorName": "f"})
        with pytest.raises(DeploymentError, match="there is no file"):
            commands.ask_migrator(write("[application]\nDictionary = 'none.json'"), Account(), Progress(Console()))

    def test_a_stage_that_is_new_has_nobody_to_ask(
        self, write: Any, asked: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Stack, "outputs", lambda _: {})
        commands.ask_migrator(write(""), Account(), Progress(Console()))
        assert asked == []


def test_backup_buckets_are_those_of_this_stage_alone() -> None:
    class Buckets:
        def get_paginator(self, _: str) -> "Buckets":
            return self

        def paginate(self, Prefix: str) -> list[dict[str, Any]]:
            names = ("decant-dev-backupbucket-1a2b", "decant-dev-backupbucket-x-y", "decant-dev-2-backupbucket-1a2b")
            return [{"Buckets": [{"Name": name} for name in names if name.startswith(Prefix)]}, {}]

    assert backup_buckets(Account({"s3": Buckets()}), "dev") == ["decant-dev-backupbucket-1a2b"]


class TestTakingDown:
    @pytest.fixture
    def taken_down(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
        """What was destroyed, of stages and backups; nobody's stacks."""
        done: list[tuple[str, bool]] = []

        def destroy(stacks: StageStacks, *, with_backups: bool) -> Destroyed:
            done.append((stacks.stage, with_backups))
            return Destroyed([f"decant-{stacks.stage}"], ["AWS::KMS::Key 1"], ["decant-dev-backupbucket-1"], [])

        monkeypatch.setattr(commands, "destroy", destroy)
        monkeypatch.setattr(Target, "from_environment", lambda: Account())
        return done

    @pytest.mark.parametrize("typed", ["dev", "prod", ""])
    def test_it_takes_the_name_of_the_stage(
        self, monkeypatch: pytest.MonkeyPatch, taken_down: list[tuple[str, bool]], typed: str
    ) -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        console = Console(file=io.StringIO())
        monkeypatch.setattr(console, "input", lambda _: typed)
        if typed == "dev":
            commands.take_down(console, "dev", confirmed=False, with_backups=False)
        else:
            with pytest.raises(DeploymentError, match="nothing was done"):
                commands.take_down(console, "dev", confirmed=False, with_backups=False)
        assert taken_down == ([("dev", False)] if typed == "dev" else [])

    def test_backups_are_named_before_they_go_and_told_when_they_stay(self, taken_down: list[tuple[str, bool]]) -> None:
        with pytest.raises(DeploymentError, match="and ALL ITS BACKUPS down"):
            commands.take_down(Console(file=io.StringIO()), "dev", confirmed=False, with_backups=True)
        assert taken_down == []
        printed = io.StringIO()
        commands.take_down(Console(file=printed, width=120), "dev", confirmed=True, with_backups=False)
        assert "the backups stay in decant-dev-backupbucket-1" in printed.getvalue()
        assert "stays: AWS::KMS::Key 1" in printed.getvalue()
