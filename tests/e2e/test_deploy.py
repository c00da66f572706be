"""`make deploy` and `make destroy`, as a team runs them: all stacks of a stage, from nothing to nothing, twice.

The database stack is made, changed and destroyed like the others; but an emulator's RDS has no server behind it, so the
application of this stage is told of another Postgres.
"""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.access.principal import Scope
from infra.deployment.order import StageStacks
from infra.deployment.stack import Stack as CloudFormationStack
from infra.deployment.target import Target
from infra.local.embedded_postgres import EmbeddedPostgres
from infra.local.emulator import REGION, Emulator
from infra.local.ports import LOOPBACK, free_port
from infra.local.schema import DATABASE, MASTER, Passwords, make_master, master_secret
from infra.tokens import Tokens
from tests.conftest import connect_url
from tests.stacks import ROOT, SETTINGS

STAGE = "local"  # the only one whose database may do without TLS, which this machine's Postgres does not know
STACKS = (f"decant-{STAGE}-network", f"decant-{STAGE}-database", f"decant-{STAGE}")
FILE = """
[network]
FlowLogs = "off"  # MiniStack has none

[database]
MasterPassword = "generated"  # its RDS manages none
DeletionProtection = {protected}
BackupDays = {days}

[application]
DatabaseHost = "{host}"
DatabasePort = {port}
DatabaseName = "{database}"
MasterSecret = "{secret}"
DatabaseTls = "off"
RotatePassword = false
RequireTls = false
TokenLimits = "off"
RejectedPercent = 0  # MiniStack has no alarms over two metrics
WorkerTimeout = 60
VisibilitySeconds = 65
ParentWaitSeconds = {wait}
"""


@dataclass
class Team:
    """An account with a Postgres beside it, and a checkout with a file for the stage."""

    emulator: Emulator
    postgres: EmbeddedPostgres
    stages: Path
    passwords: Passwords
    token: str = ""
    configured: dict[str, object] = field(default_factory=lambda: {"protected": "false", "days": 1, "wait": 10})

    def configure(self, **changes: object) -> None:
        """Write the stage's file, with these changes to what it said before."""
        self.configured |= changes
        secret = master_secret(self.target.client("secretsmanager"), "master", self.passwords.master)
        where = {"host": LOOPBACK, "port": self.postgres.port, "database": DATABASE, "secret": secret}
        self.stages.mkdir(exist_ok=True)
        (self.stages / f"{STAGE}.toml").write_text(FILE.format(**where, **self.configured))

    def make(self, *arguments: str, fails: bool = False) -> str:
        """Run make; give what it printed."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DECANT_"))}
        done = subprocess.run(
            ["make", "--no-print-directory", *arguments],
            cwd=ROOT,
            env={**environment, **self.account},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def deploy(self, *arguments: str, fails: bool = False) -> str:
        return self.make("deploy", f"STAGE={STAGE}", f"STAGES={self.stages}", *arguments, fails=fails)

    def get_token(self) -> None:
        self.token = Tokens.of_stage(STAGE, self.target).make("team", Scope)

    def destroy(self, *arguments: str, fails: bool = False) -> str:
        return self.make("destroy", f"STAGE={STAGE}", *arguments, fails=fails)

    @property
    def account(self) -> dict[str, str]:
        key = self.emulator.credentials
        return {
            "AWS_ENDPOINT_URL": self.emulator.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        }

    @property
    def target(self) -> Target:
        return self.emulator.target

    @property
    def outputs(self) -> dict[str, str]:
        return StageStacks(STAGE, self.target).stack("application").outputs()

    def stack(self, name: str) -> dict[str, Any]:
        return CloudFormationStack(name, self.target).describe()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the deployed API with the token at hand; give the JSON of its answer."""
        question = urllib.request.Request(
            self.target.api_url(self.outputs) + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
            method=method,
        )
        with urllib.request.urlopen(question, timeout=60) as answer:
            return json.load(answer)

    def ids(self, table: str) -> list[int]:
        """The ids of the rows that the database holds."""
        connection = connect_url(self.postgres.url(MASTER, self.passwords.master, DATABASE))
        try:
            cursor = connection.cursor()
            cursor.execute(f"SELECT id FROM {table} ORDER BY id")
            return [id_ for (id_,) in cursor.fetchall()]
        finally:
            connection.close()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, emulator: type[Emulator]) -> Iterator[Team]:
    if emulator.name != "ministack":
        pytest.skip(f"{emulator.name} has no RDS")
    folder = tmp_path_factory.mktemp("account")
    postgres = EmbeddedPostgres(folder / "postgres", free_port(), SETTINGS)
    account = emulator(folder / "emulator", free_port(), ROOT / ".local" / emulator.environment_name)
    passwords = Passwords.kept_in(folder / "passwords.json")
    with postgres, account:
        make_master(postgres, passwords.master)
        yield Team(account, postgres, folder / "stages", passwords)
    postgres.forget()


def eventually(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_stage_from_nothing_to_nothing_and_again(team: Team) -> None:
    team.configure()
    printed = team.deploy()
    assert [name for name in STACKS if f"  {name}\n" in printed] == list(STACKS)
    assert "IntakeBucket (AWS::S3::Bucket)" in printed
    assert f"Stage {STAGE} stands" in printed
    assert "\x1b" not in printed, "no colours and no bars off a terminal"
    assert {team.stack(name)["StackStatus"] for name in STACKS} == {"CREATE_COMPLETE"}
    first = team.outputs

    used(team)
    guarded(team)

    began = time.monotonic()
    printed = team.deploy()
    assert printed.count("nothing to do") == len(STACKS)
    assert "the database can take it" in printed, "the dictionary was compared before anything was packaged"
    assert time.monotonic() - began < 20

    team.configure(wait=20, days=2)
    printed = team.deploy()
    assert printed.count("nothing to do") == 1, "the network is as it was"
    function = team.target.client("lambda").get_function_configuration(FunctionName=first["WorkerName"])
    assert function["Environment"]["Variables"]["DECANT_PARENT_WAIT_SECONDS"] == "20"
    [database] = team.target.client("rds").describe_db_instances()["DBInstances"]
    assert database["BackupRetentionPeriod"] == 2
    assert team.outputs == first
    assert {run["state"] for run in team.call("GET", "/runs")["runs"]} == {"succeeded"}

    assert "YES=1" in team.destroy(fails=True), "nobody can be asked here"
    printed = team.destroy("YES=1")
    assert not [name for name in STACKS if team.stack(name)]
    for kept in (first["BackupBucket"], first["IntakeBucket"], first["CatalogTable"], "final-snapshot"):
        assert kept in printed
    assert "nothing to do" in team.destroy("YES=1")
    s3 = team.target.client("s3")
    assert {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} == {first["BackupBucket"], first["IntakeBucket"]}

    team.deploy()
    assert team.outputs["IntakeBucket"] != first["IntakeBucket"]
    assert team.ids("jobs") == [1], "the database was another's, and so it stays"
    team.get_token()
    team.call("POST", "/batch", {"jobs": [{"id": 2, "job": "Cook"}]})
    assert team.ids("jobs") == [1, 2]

    printed = team.destroy("YES=1", "WITH_BACKUPS=1")
    assert first["BackupBucket"] in printed
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=first["BackupBucket"])


def used(team: Team) -> None:
    """Get a token, post a batch, drop a file, see both in the database."""
    team.get_token()
    team.call("POST", "/batch", {"jobs": [{"id": 1, "job": "Gardener"}]})
    team.target.client("s3").put_object(
        Bucket=team.outputs["IntakeBucket"], Key="incoming/departments.csv", Body=b"7,Garden\n"
    )
    eventually(lambda: team.ids("departments") == [7])
    assert team.ids("jobs") == [1]


def guarded(team: Team) -> None:
    """What the commands themselves guard: the package bucket, and the network's default security group."""
    s3 = team.target.client("s3")
    bucket = StageStacks(STAGE, team.target).bucket.name
    closed = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(closed.values()) == {True}
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    group = CloudFormationStack(STACKS[0], team.target).outputs()["DefaultSecurityGroup"]
    [found] = team.target.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert (found["IpPermissions"], found["IpPermissionsEgress"]) == ([], [])


def test_what_would_go_wrong_is_told_before_anything_is_changed(team: Team) -> None:
    team.configure(protected="true", days=1)
    team.deploy()
    before = team.outputs

    printed = team.destroy("YES=1", fails=True)
    assert "protected from deletion, and nothing was deleted" in printed
    assert team.outputs == before

    team.stages.joinpath(f"{STAGE}.toml").write_text(
        team.stages.joinpath(f"{STAGE}.toml").read_text().replace("[database]", '[database]\nDatabaseName = "other"')
    )
    printed = team.deploy(fails=True)
    assert "replace Instance (AWS::RDS::DBInstance)" in printed
    assert "LOSE_DATA=1" in printed

    team.configure(protected="false", wait='"long"')
    assert "ParentWaitSeconds is 'long'; it takes a number" in team.deploy(fails=True)

    team.configure(wait=10)
    team.deploy()
    team.destroy("YES=1", "WITH_BACKUPS=1")


def test_a_stack_whose_creation_failed_is_made_again(team: Team) -> None:
    team.configure()
    formation = team.target.client("cloudformation")
    broken = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "free"}},
            "Alias": {
                "Type": "AWS::KMS::Alias",
                "DependsOn": "Queue",
                "Properties": {"AliasName": "alias/aws/reserved", "TargetKeyId": "none"},
            },
        }
    }
    stack = f"decant-{STAGE}-network"
    formation.create_stack(StackName=stack, TemplateBody=json.dumps(broken))
    eventually(lambda: team.stack(stack)["StackStatus"] == "ROLLBACK_COMPLETE")
    assert f"Stage {STAGE} stands" in team.deploy()
    team.destroy("YES=1", "WITH_BACKUPS=1")
