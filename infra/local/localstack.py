"""LocalStack without Docker and without an account: the functions are processes, and nothing is kept."""

from collections.abc import Mapping
from pathlib import Path

from infra.local.emulator import REGION, Emulator
from infra.local.environment import environment_python
from infra.local.ports import LOOPBACK

PLUGINS = Path(__file__).parents[1] / "localstack"


class LocalStack(Emulator):
    """The community's LocalStack in a process of its own, with the plugins of `infra/localstack`."""

    name = "localstack"
    title = "LocalStack"
    requirements = PLUGINS / "requirements.txt"
    environment_name = "localstack-venv"
    keeps_state = False
    enforces = frozenset()
    runs_workers_at_once = False
    _stop_seconds = 2  # some of its clients keep it for much longer, and nothing is lost when it is ended
    _module = "localstack.runtime.main"
    _ready_path = "/_localstack/health"

    def install(self) -> Path:
        """Make the environment of LocalStack and its plugins when needed; give its interpreter."""
        return environment_python(self._environment, self.requirements, PLUGINS)

    def _settings(self) -> Mapping[str, str]:
        gateway = f"{LOOPBACK}:{self.port}"
        return {
            **self._environment_of_process(),
            "FILESYSTEM_ROOT": str(self.folder / "tmp" / "localstack"),
            "GATEWAY_LISTEN": gateway,
            "LOCALSTACK_HOST": gateway,
            "GATEWAY_SERVER": "hypercorn",  # the usual one listens on every address, whatever GATEWAY_LISTEN says
            "OVERRIDE_IN_DOCKER": "0",
            "DNS_ADDRESS": "0",
            "AWS_DEFAULT_REGION": REGION,
            # No word to anybody outside.
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DISABLE_EVENTS": "1",
            "DOCKER_HOST": "unix:///nonexistent",
            "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "0",
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "60",
            "PROVIDER_OVERRIDE_DYNAMODB": "moto",
            "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "moto",
            "LS_LOG": "warning",
        }
