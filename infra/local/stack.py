"""The whole local stack in one folder: Postgres, emulator, deployed application."""

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType

from chalicelib.access.gateway import AuthorizerKind
from chalicelib.access.principal import Scope
from infra.deployment.bucket import PackageBucket
from infra.deployment.stack import Stack as CloudFormationStack
from infra.local.embedded_postgres import EmbeddedPostgres
from infra.local.emulator import REGION, Emulator
from infra.local.emulators import keep_emulator
from infra.local.layer import publish_layer
from infra.local.ministack import MiniStack
from infra.local.ports import LOOPBACK, is_taken, taken
from infra.local.record import LOCAL_STACK, Ports, Record, StackError
from infra.local.schema import DATABASE, MASTER, Passwords, make_master, master_secret
from infra.migrate import DICTIONARY, lines, migrate, patient_client, refuse_dictionary
from infra.package import package
from infra.tokens import Tokens

STAGE = "local"
LOCAL_CALLER = "make up"
# What differs from AWS: no TLS on this machine, no rotation by the clock, no limits for each token, which the emulator
# can't keep (see api.yaml), shorter waits for a person who watches, and nothing happens by itself.
PARAMETERS = {
    "Stage": STAGE,
    "DatabaseTls": "off",
    "RotatePassword": "false",
    "RequireTls": "false",
    "TokenLimits": "off",
    "ParentWaitSeconds": "60",
    "WorkerTimeout": "300",
    "VisibilitySeconds": "330",
    "BackupSchedule": "",
    "DrillSchedule": "",
    "RetentionSchedule": "",
    "RejectedPercent": "0",
    "OldestBackupSeconds": "0",
}
Progress = Callable[[str], None]


class Stack:
    """One stack: `root` is the checkout, `folder` holds its data, `tools` what several stacks may share.

    `up()` leaves it running after this process; as a context manager it lives as long as the block, or the process.
    `parameters` override those of the template, `settings` those of Postgres; `emulator` is the kind that it runs on.
    """

    def __init__(
        self,
        root: Path,
        folder: Path,
        ports: Ports,
        tools: Path,
        parameters: Mapping[str, str] = MappingProxyType({}),
        settings: Mapping[str, str] = MappingProxyType({}),
        emulator: type[Emulator] = MiniStack,
    ) -> None:
        self._root = root
        self._tools = tools
        self._parameters = {**PARAMETERS, **parameters}
        self.folder = folder
        self.ports = ports
        self.postgres = EmbeddedPostgres(folder / "postgres", ports.postgres, settings)
        self._running = ExitStack()
        self.emulator = emulator(folder / "emulator", ports.emulator, tools / emulator.environment_name)

    def __enter__(self) -> Record:
        """Bring the stack up, and have it stopped should this process be killed."""
        self.emulator.install()
        with ExitStack() as running:
            running.enter_context(self.postgres)
            running.enter_context(self.emulator)
            record, _ = self._raise(lambda _: None)
            self._running = running.pop_all()
        return record

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop the stack."""
        self._running.close()

    def up(self, progress: Progress) -> Record:
        """Start what does not run, make or update what is out of date, write and give the record.

        The ports of the first time are kept: the deployed functions hold URLs with them.
        """
        record, created = self._raise(progress)
        if created and self.emulator.keeps_state:
            # The emulator saves its state only when it stops. With the deployment saved, the stack survives a crash
            # of the machine: what the catalog then lacks, the application restores from the database's ledger.
            self.emulator.stop()
            self.emulator.start()
        return record

    def down(self) -> bool:
        """Stop the stack, its data stay; tell whether the emulator could save its state."""
        orderly = self.emulator.stop()
        self.postgres.stop()
        return orderly

    def forget(self) -> None:
        """Stop the stack and delete its data."""
        self.down()
        self.postgres.forget()
        shutil.rmtree(self.folder / "emulator", ignore_errors=True)
        for name in ("stack.json", "passwords.json", "ports.json"):
            (self.folder / name).unlink(missing_ok=True)

    def _raise(self, progress: Progress) -> tuple[Record, bool]:
        """Bring everything up; give the record, and whether the CloudFormation stack is new."""
        self._check_ports()
        self.folder.mkdir(parents=True, exist_ok=True)
        progress("Environment of the emulator")
        self.emulator.install()
        progress("Postgres")
        self.ports.keep(self.folder)
        keep_emulator(self.folder, self.emulator)
        self.postgres.start()
        passwords = Passwords.kept_in(self.folder / "passwords.json")
        make_master(self.postgres, passwords.master)
        progress("AWS emulator")
        self.emulator.start()
        progress("Application")
        made, created = self._deploy(passwords)
        progress("Database")
        done = migrate(patient_client(self.emulator.target), made["MigratorName"], by="make up")
        if done["state"] == "applied" and not created:
            for line in lines(done):
                progress(line)
        return self._write(made, passwords), created

    def _check_ports(self) -> None:
        """Raise StackError, before anything is started, when somebody else listens on a port of the stack."""
        for part, port, variable in (
            (self.postgres, self.ports.postgres, "DECANT_POSTGRES_PORT"),
            (self.emulator, self.ports.emulator, "DECANT_PORT"),
        ):
            if part.pid is None and is_taken(port):
                raise StackError(taken(port, variable))

    def _deploy(self, passwords: Passwords) -> tuple[dict[str, str], bool]:
        """Deploy the application; give the outputs of the CloudFormation stack, and whether that is new."""
        target = self.emulator.target
        stack = CloudFormationStack(LOCAL_STACK, target)
        deployed = stack.outputs()
        if deployed:
            refuse_dictionary(patient_client(target), deployed["MigratorName"], self._root / DICTIONARY)
        # An emulator that knows no authorizers would let nobody in, for the API believes none but them.
        kind = AuthorizerKind.TOKEN if "authorizers" in self.emulator.enforces else AuthorizerKind.NONE
        built = package(
            self._root,
            STAGE,
            self._tools / "packages",
            self.emulator.made_for,
            environment={"DECANT_AUTHORIZER": kind.value},
        )
        parameters = {
            "DatabaseHost": LOOPBACK,
            "DatabasePort": str(self.postgres.port),
            "DatabaseName": DATABASE,
            "MasterSecret": master_secret(target.client("secretsmanager"), f"{LOCAL_STACK}-master", passwords.master),
            "SdkPandasLayer": publish_layer(target.client("lambda")),
            **self._parameters,
        }
        # What a change of the template leaves behind here can be loaded again.
        bucket = PackageBucket(target, f"{LOCAL_STACK}-packages")
        return stack.apply(built, parameters, bucket, may_lose_data=True).outputs, not deployed

    def _token(self) -> str:
        """Give a token that may do everything, in the place of the one of the run before."""
        tokens = Tokens.of_stage(STAGE, self.emulator.target)
        return tokens.renew(LOCAL_CALLER, Scope)

    def _write(self, made: Mapping[str, str], passwords: Passwords) -> Record:
        credentials = self.emulator.credentials
        secret = self.emulator.target.client("secretsmanager").get_secret_value(SecretId=made["DatabaseSecret"])
        login = json.loads(secret["SecretString"])
        record = Record(
            api_url=self.emulator.api_url(made["RestAPIId"]),
            token=self._token(),
            endpoint_url=self.emulator.endpoint_url,
            region=REGION,
            access_key_id=credentials.access_key_id,
            secret_access_key=credentials.secret_access_key,
            intake_bucket=made["IntakeBucket"],
            backup_bucket=made["BackupBucket"],
            database_url=self.postgres.url(MASTER, passwords.master, DATABASE),
            app_database_url=self.postgres.url(login["username"], login["password"], DATABASE),
            queue_url=made["WorkQueueUrl"],
            dead_letter_queue_url=made["DeadLetterQueueUrl"],
            catalog_table=made["CatalogTable"],
            tokens_table=made["TokensTable"],
            api_function=made["APIHandlerName"],
            authorizer_function=made["AuthorizerName"],
            worker_function=made["WorkerName"],
            api_role=made["ApiRole"],
            authorizer_role=made["AuthorizerRole"],
            worker_role=made["WorkerRole"],
            migrator_function=made["MigratorName"],
            migrator_role=made["MigratorRole"],
            rotator_function=made["RotatorName"],
            rotator_role=made["RotatorRole"],
            database_secret=made["DatabaseSecret"],
            retention_function=made["RetentionName"],
            retention_role=made["RetentionRole"],
        )
        record.write(self.folder)
        return record
