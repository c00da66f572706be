"""An AWS emulator as the local stack needs it: a process of its own, on 127.0.0.1, in a folder."""

import json
import os
import secrets
import shutil
import string
import subprocess
import time
import urllib.error
import urllib.request
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

import boto3

from infra.deployment.target import Target
from infra.local.environment import environment_python
from infra.local.guard import GuardedServer
from infra.local.ports import LOOPBACK, is_taken
from infra.local.process import ProcessRecord
from infra.packaging.runtime import Runtime

REGION = "us-east-1"
READY_SECONDS = 90
_PORT_SECONDS = 5
# By way of a shell that ends at once, so that the emulator is nobody's child and outlives the command.
_LAUNCH = '"$0" -m "$2" >>"$1" 2>&1 & echo $!'

Enforced = Literal["authorizers", "roles"]


class EmulatorError(Exception):
    """The emulator can't be started; the message says why, and what to do."""


@dataclass(frozen=True)
class Credentials:
    """The key of the emulator's administrator."""

    access_key_id: str
    secret_access_key: str

    @classmethod
    def kept_in(cls, file: Path) -> "Credentials":
        """Give the credentials in `file`, making them at first."""
        if not file.exists():
            letters = "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
            file.touch(mode=0o600)
            file.write_text(json.dumps(asdict(cls(f"AKIA{letters}", secrets.token_urlsafe(30)))))
        return cls(**json.loads(file.read_text()))


class Emulator(GuardedServer):
    """One emulator and what it keeps.

    `folder` (made when missing) holds its files, log and administrator's credentials; `environment` is the virtual
    environment of its program, made at the first start. `start()` leaves it running after this process; as a context
    manager it ends with the block, or with the process.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    # Its program: what pip installs, where, the module to run, and the path that answers when it is ready.
    requirements: ClassVar[Path]
    environment_name: ClassVar[str]
    _module: ClassVar[str]
    _ready_path: ClassVar[str]
    # Whether buckets, tables and the deployment are there again after a stop.
    keeps_state: ClassVar[bool]
    # Whether one queue has several workers at once, as on AWS.
    runs_workers_at_once: ClassVar[bool]
    # How long it may take to end by itself.
    _stop_seconds: ClassVar[float]
    # What it refuses as AWS does; the rest it lets pass.
    enforces: ClassVar[frozenset[Enforced]]
    # The Python of its functions; None for the interpreter at hand.
    made_for: ClassVar[Runtime | None] = None

    _stop_signal = "TERM"

    def __init__(self, folder: Path, port: int, environment: Path) -> None:
        self.folder = folder
        self.port = port
        self._environment = environment
        self._record = ProcessRecord(folder / "process.json")

    @abstractmethod
    def _settings(self) -> Mapping[str, str]:
        """Give the process's whole environment."""

    @property
    def endpoint_url(self) -> str:
        """Where the AWS APIs answer."""
        return f"http://{LOOPBACK}:{self.port}"

    def api_url(self, rest_api: str) -> str:
        """Give the URL of a REST API that Chalice deployed, without a slash at its end."""
        return f"{self.endpoint_url}/_aws/execute-api/{rest_api}/api"

    @property
    def credentials(self) -> Credentials:
        """The administrator's key, made once for this folder."""
        self._make_folder()
        return Credentials.kept_in(self.folder / "credentials.json")

    @property
    def target(self) -> Target:
        """Where to deploy to, and what to ask: the emulator, as its administrator."""
        key = self.credentials
        session = boto3.Session(key.access_key_id, key.secret_access_key, region_name=REGION)
        return Target(session, self.endpoint_url)

    @property
    def log(self) -> Path:
        """The emulator's log."""
        return self.folder / "log"

    @property
    def pid(self) -> int | None:
        """The emulator's process; None when it does not run."""
        process = self._record.find()
        return process.pid if process else None

    def install(self) -> Path:
        """Make the environment of its program when needed; give its interpreter. Raises InstallationError."""
        return environment_python(self._environment, self.requirements)

    def start(self) -> None:
        """Start the emulator and wait until it answers; one that runs is taken as it is.

        Raises EmulatorError when the port is taken or the emulator does not come up, InstallationError when its
        program can't be installed.
        """
        if self.pid is not None:
            return
        if is_taken(self.port):
            raise EmulatorError(f"port {self.port} of {LOOPBACK} is taken")
        python = self.install()
        self._make_folder()
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)  # of functions whose emulator was killed
        (self.folder / "tmp").mkdir()
        settings = self._settings()
        launched = subprocess.run(
            ["/bin/sh", "-c", _LAUNCH, str(python), str(self.log), self._module],
            cwd=self.folder,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            start_new_session=True,
        )
        self._record.write(int(launched.stdout))
        self._wait_until_ready()

    def stop(self) -> bool:
        """Stop the emulator, leaving it the time to end in order; tell whether it did, and so saved what it keeps."""
        orderly = self._record.stop(self._stop_seconds)
        until = time.monotonic() + _PORT_SECONDS
        while not orderly and is_taken(self.port) and time.monotonic() < until:
            time.sleep(0.02)  # the threads of one that was ended by force end one by one
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
        self.unguard()
        return orderly

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # its state holds every secret of the stack

    def _environment_of_process(self) -> dict[str, str]:
        """Give what every emulator's process has. Functions inherit it, so nothing of the caller's is in it."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.pid is None:
                break
            try:
                with urllib.request.urlopen(self.endpoint_url + self._ready_path, timeout=5):  # noqa: S310 - our own
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        said = self.log.read_text(errors="replace")[-2000:]
        self.stop()
        raise EmulatorError(f"The emulator did not come up; the end of {self.log}:\n{said}")
