"""What is known of a stack after the command that made it: its ports, and the record that scripts read."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import boto3

from infra.local.folder import stack_folder

FOLDER = stack_folder()
LOCAL_STACK = "decant-local"
_PORTS = {"emulator": ("DECANT_PORT", 4566), "postgres": ("DECANT_POSTGRES_PORT", 55432)}


class StackError(Exception):
    """The stack can't be brought up; the message says why, and what to do."""


@dataclass(frozen=True)
class Ports:
    """Where the emulator (the AWS APIs and the deployed API) and Postgres listen, on 127.0.0.1."""

    emulator: int
    postgres: int

    @classmethod
    def wanted(cls, folder: Path, environment: Mapping[str, str]) -> "Ports":
        """Give the ports of the stack in `folder`: those it was made with, else the environment's, else the usual.

        Raises StackError when the environment wants others than the stack was made with: URLs with its ports are in
        the deployed functions, and in the emulator's state.
        """
        file = folder / "ports.json"
        kept = json.loads(file.read_text()) if file.exists() else {}
        chosen = {}
        for name, (variable, usual) in _PORTS.items():
            value = environment.get(variable) or str(kept.get(name, usual))
            if not (value.isascii() and value.isdecimal()) or not 0 < int(value) < 65536:
                raise StackError(f"{variable} is {value!r}; it takes a port, 1 to 65535.")
            if name in kept and int(value) != kept[name]:
                raise StackError(
                    f"This stack was made with {variable}={kept[name]}. Leave the variable out, "
                    f"or forget the stack and its data (`make reset`) to make it with {value}."
                )
            chosen[name] = int(value)
        return cls(**chosen)

    def keep(self, folder: Path) -> None:
        """Note the ports in the stack's folder."""
        (folder / "ports.json").write_text(json.dumps(asdict(self)))


@dataclass(frozen=True)
class Record:
    """What a script needs to use the stack; kept in `stack.json`, for its owner's eyes. URLs end without a slash."""

    api_url: str
    token: str = field(repr=False)
    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    intake_bucket: str
    backup_bucket: str
    database_url: str = field(repr=False)
    app_database_url: str = field(repr=False)
    queue_url: str
    dead_letter_queue_url: str
    catalog_table: str
    tokens_table: str
    api_function: str
    authorizer_function: str
    worker_function: str
    api_role: str
    authorizer_role: str
    worker_role: str
    migrator_function: str
    migrator_role: str
    rotator_function: str
    rotator_role: str
    database_secret: str
    retention_function: str
    retention_role: str

    @classmethod
    def read(cls, folder: Path) -> "Record":
        """Read the record of the stack in `folder`; raises StackError when there is none."""
        try:
            return cls(**json.loads((folder / "stack.json").read_text()))
        except FileNotFoundError:
            raise StackError("There is no stack: start it with `make up`.") from None

    def write(self, folder: Path) -> None:
        """Write the record into the stack's folder, whole or not at all, for its owner alone."""
        file = folder / "stack.json"
        unfinished = file.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(asdict(self), out, indent=2)
        unfinished.replace(file)

    def authorization(self) -> dict[str, str]:
        """Give the header that shows the API who calls."""
        return {"Authorization": f"Bearer {self.token}"}

    def session(self) -> boto3.Session:
        """Give a session of the administrator; clients take `endpoint_url` from the record."""
        return boto3.Session(self.access_key_id, self.secret_access_key, region_name=self.region)

    def variables(self) -> dict[str, str]:
        """Give the environment in which the application's own code works on this stack, as its administrator."""
        function = self.client("lambda").get_function_configuration(FunctionName=self.api_function)
        return {
            **function["Environment"]["Variables"],
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }

    def client(self, service: str) -> Any:
        """Give the administrator's client of an AWS service of the emulator."""
        return self.session().client(service, endpoint_url=self.endpoint_url)
