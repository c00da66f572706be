"""MiniStack: an emulator that enforces the roles of the functions and the API's authorizers, and keeps its state."""

from collections.abc import Mapping
from pathlib import Path

from infra.local.emulator import REGION, Emulator
from infra.local.ports import LOOPBACK


class MiniStack(Emulator):
    """MiniStack in a process of its own; it saves its state when it is stopped, not when it is killed."""

    name = "ministack"
    title = "MiniStack"
    requirements = Path(__file__).with_name("ministack-requirements.txt")
    environment_name = "emulator-venv"
    keeps_state = True
    enforces = frozenset({"authorizers", "roles"})
    runs_workers_at_once = True
    _stop_seconds = 60
    _module = "ministack"
    _ready_path = "/_ministack/ready"

    def _settings(self) -> Mapping[str, str]:
        for name in ("state", "objects"):
            (self.folder / name).mkdir(exist_ok=True)
        return {
            **self._environment_of_process(),
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
