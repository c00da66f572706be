"""The usual emulator by itself: it keeps its state, refuses a taken port, and dies with its owner."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from infra.local.emulator import EmulatorError
from infra.local.ministack import MiniStack
from infra.local.ports import free_port

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".local" / MiniStack.environment_name


def test_its_state_survives_a_stop(tmp_path: Path) -> None:
    emulator = MiniStack(tmp_path / "emulator", free_port(), VENV)
    with emulator:
        emulator.target.client("s3").create_bucket(Bucket="kept")
        emulator.target.client("s3").put_object(Bucket="kept", Key="key", Body=b"content")
        emulator.target.client("sqs").create_queue(QueueName="kept")
    assert emulator.pid is None
    with emulator:
        assert emulator.target.client("s3").get_object(Bucket="kept", Key="key")["Body"].read() == b"content"
        assert emulator.target.client("sqs").get_queue_url(QueueName="kept")["QueueUrl"].endswith("/kept")


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    port = free_port()
    with MiniStack(tmp_path / "one", port, VENV):
        with pytest.raises(EmulatorError, match=f"port {port} of 127.0.0.1 is taken"):
            MiniStack(tmp_path / "two", port, VENV).start()
        assert not (tmp_path / "two" / "process.json").exists()


def test_one_that_does_not_come_up_tells_why(tmp_path: Path) -> None:
    class Another(MiniStack):
        _module = "not_there"

    with pytest.raises(EmulatorError, match="No module named not_there"):
        Another(tmp_path / "emulator", free_port(), VENV).start()


@pytest.mark.parametrize("death", [signal.SIGINT, signal.SIGKILL])
def test_it_dies_with_its_owner(tmp_path: Path, death: signal.Signals, gone: Callable[[psutil.Process], bool]) -> None:
    script = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it\n"
        "from pathlib import Path\n"
        "from infra.local.ministack import MiniStack\n"
        "with MiniStack(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])) as emulator:\n"
        "    print(emulator.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "emulator"), str(free_port()), str(VENV)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as owner:
        assert owner.stdout is not None
        emulator = psutil.Process(int(owner.stdout.readline()))
        owner.send_signal(death)
    assert gone(emulator)
