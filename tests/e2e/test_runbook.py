"""The run-book's local commands, run as printed on a stack, and the names that the others use."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from decant.samples import drop, follow
from infra.application import application_template
from infra.local.record import Record
from tests.e2e.shell import ROOT, shell
from tests.stacks import own_stack

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
SECTIONS = {section.partition("\n")[0]: section for section in RUNBOOK.split("\n## ")}
LOCAL = {title: "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL)) for title, text in SECTIONS.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a stack of its own, for it is restored; with the samples and a backup."""
    stack = own_stack(tmp_path_factory.mktemp("runbook"))
    with stack as record:
        follow(record, drop(record, ROOT / "sample_data"), lambda _: None)
        shell(stack.folder, "make post ROUTE=/backups")
        yield stack.folder
    stack.forget()


@pytest.mark.parametrize(
    "title", [title for title, commands in LOCAL.items() if commands], ids=lambda title: title[:24]
)
def test_the_local_commands_of_a_section_work_as_printed(folder: Path, title: str) -> None:
    shell(folder, LOCAL[title])


def test_what_a_person_looks_for_is_told(folder: Path) -> None:
    """By the commands of some sections, after what they are for has been made to happen."""
    record = Record.read(folder)
    run = "20261122T022045123456-4f2a9c1b"
    lost = json.dumps({"work": "backup", "run": run, "tables": ["jobs"]})
    record.client("sqs").send_message(QueueUrl=record.dead_letter_queue_url, MessageBody=lost)
    said = shell(folder, "make dead-letters; make redrive; make dead-letters")
    assert run in said
    assert "1 messages are in the work queue again." in said
    assert said.rstrip().endswith("0 messages are in the dead-letter queue.")
    table = record.client("dynamodb")
    for item in table.scan(TableName=record.catalog_table)["Items"]:
        table.delete_item(TableName=record.catalog_table, Key={name: item[name] for name in ("partition", "id")})
    assert json.loads(shell(folder, "make -s get ROUTE=/backups"))["backups"] == []
    said = shell(folder, LOCAL["A lost catalogue"])
    assert re.search(r"[1-9]\d* backups are in the catalogue, [1-9]\d* runs came back", said)
    assert "can be restored." in shell(folder, "make drill")


def test_every_make_command_that_it_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make (?:-s )?([a-z-]+)|^make (?:-s )?([a-z-]+)", RUNBOOK, re.MULTILINE)) <= {
        *((target, "") for target in targets),
        *(("", target) for target in targets),
    }


def test_every_output_and_parameter_that_it_names_is_the_template_s() -> None:
    template = application_template()
    made_by_chalice = {"EndpointURL", "APIHandlerName"}
    assert set(re.findall(r"\$\(output (\w+)\)", RUNBOOK)) <= set(template["Outputs"]) | made_by_chalice
    named = set(re.findall(r"`((?:Keep|Parent|Backup|Drill|Retention)[A-Z]\w+)`", RUNBOOK))
    assert named - {"BackupAgeSeconds", "DrillFailed"} <= set(template["Parameters"])
    assert {"KeepLast", "BackupSchedule", "ParentWaitSeconds"} <= named


def test_its_shell_commands_can_be_read_by_a_shell() -> None:
    for block in re.findall(r"```sh\n(.*?)```", RUNBOOK, re.DOTALL):
        done = subprocess.run(["bash", "-n", "-c", block], capture_output=True, text=True)
        assert done.returncode == 0, block + done.stderr
