"""MiniStack, the AWS emulator: 127.0.0.1 only, the roles of the functions enforced, state kept in a folder."""

import json
import os
import secrets
import shutil
import string
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.local.guard import GuardedServer
from infra.local.ports import LOOPBACK, is_taken
from infra.local.process import ProcessRecord

REGION = "us-east-1"
READY_SECONDS = 60
STOP_SECONDS = 60
# By way of a shell that ends at once, so that the emulator is nobody's child and outlives the command.
_LAUNCH = '"$0" -m ministack >>"$1" 2>&1 & echo $!'


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
    """One emulator and its state.

    `folder` (made when missing) holds state, objects, log and administrator's credentials; `python` is the interpreter
    of the environment in which MiniStack is installed. `start()` leaves it running after this process; as a context
    manager it ends with the block, or with the process.
    """

    _stop_signal = "TERM"

    def __init__(self, folder: Path, port: int, python: Path) -> None:
        self.folder = folder
        self.port = port
        self._python = python
        self._record = ProcessRecord(folder / "process.json")

    @property
    def endpoint_url(self) -> str:
        """Where the AWS APIs answer."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def credentials(self) -> Credentials:
        """The administrator's key, made once for this folder."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # its state holds every secret of the stack
        return Credentials.kept_in(self.folder / "credentials.json")

    @property
    def log(self) -> Path:
        """The emulator's log."""
        return self.folder / "log"

    @property
    def pid(self) -> int | None:
        """The emulator's process; None when it does not run."""
        process = self._record.find()
        return process.pid if process else None

    def environment(self) -> dict[str, str]:
        """Give the variables with which any AWS SDK reaches the emulator as its administrator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_access_key,
        }

    def start(self) -> None:
        """Start the emulator and wait until it answers; one that runs is taken as it is.

        Raises EmulatorError when the port is taken or the emulator does not come up.
        """
        if self.pid is not None:
            return
        if is_taken(self.port):
            raise EmulatorError(f"port {self.port} of {LOOPBACK} is taken")
        settings = self._settings()
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)  # of functions whose emulator was killed
        for name in ("state", "objects", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        launched = subprocess.run(
            ["/bin/sh", "-c", _LAUNCH, str(self._python), str(self.log)],
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
        """Stop the emulator, leaving it the time to save its state; tell whether it could."""
        orderly = self._record.stop(STOP_SECONDS)
        self.unguard()
        return orderly

    def _settings(self) -> Mapping[str, str]:
        return {
            # The functions inherit all of this, so nothing of the caller's environment is in it.
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "BIND_HOST": LOOPBACK,
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": LOOPBACK,
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": self.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_access_key,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.folder / "objects"),
            # Otherwise it listens for MQTT and SFTP, and looks for Docker.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",
            "LOG_LEVEL": "WARNING",
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.pid is None:
                break
            try:
                with urllib.request.urlopen(f"{self.endpoint_url}/_ministack/ready", timeout=5):  # noqa: S310 - our own
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        said = self.log.read_text(errors="replace")[-2000:]
        self.stop()
        raise EmulatorError(f"The emulator did not come up; the end of {self.log}:\n{said}")
