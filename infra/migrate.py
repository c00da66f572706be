"""Brings a deployed database up to its dictionary and code: calls the migrator function, and tells its answer.

python -m infra.migrate [--stage STAGE] [--plan].
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.errors import DeploymentError
from infra.deployment.target import Target
from infra.local.record import StackError
from infra.stage import add_stage, outputs_of, reach
from infra.telling import complain

# Decant's own, as a checkout and a package have it.
DICTIONARY = Path("chalicelib", "dictionary", "datapackage.json")
# A migration may take as long as a function may, and is not to be begun a second time beside the first.
CONFIG = Config(read_timeout=910, retries={"total_max_attempts": 1})


class MigrationError(Exception):
    """The migration was refused or did not end; the message says why, and what to do."""


class Refused(MigrationError):
    """The database can't be brought to the dictionary."""


def migrate(functions: Any, name: str, *, plan: bool = False, by: str = "make") -> dict[str, Any]:
    """Let the migrator function migrate, or only plan; give its answer, which ``lines`` tells.

    ``functions`` is a client of Lambda that waits for 15 minutes. Raises MigrationError.
    """
    return _invoke(functions, name, {"plan": True} if plan else {"by": by})


def refuse_dictionary(functions: Any, name: str, file: Path) -> str:
    """Raise Refused when the database can't be brought to a dictionary; asked before that is deployed.

    A migrator that can't answer is no obstacle, for a deployment may be what mends it; give why, or an empty text.
    """
    try:
        _invoke(functions, name, {"plan": True, "dictionary": json.loads(file.read_text())})
    except Refused:
        raise
    except (MigrationError, BotoCoreError, ClientError) as error:
        return str(error)
    return ""


def lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """An answer of the migrator, for a person."""
    state = {"unchanged": "Nothing to migrate.", "planned": "To be migrated:", "applied": "Migrated:"}
    yield state[answer["state"]]
    yield from (f"  {statement};" for statement in answer["preparation"])
    for migration in answer["migrations"]:
        yield f"  {migration['name']} (SHA-256 {migration['checksum'][:12]})"
        if migration["name"].startswith("dictionary"):
            for step in migration["steps"]:
                yield from (f"    {line}" for line in f"{step['sql']};".splitlines())
                if step["note"]:
                    yield f"    -- {step['note']}"
    yield from (f"  {note}" for note in answer["notes"])


def patient_client(target: Target) -> Any:
    """Give a client of Lambda that waits for as long as a function may take, and calls it once."""
    return target.session.client("lambda", endpoint_url=target.endpoint_url, config=CONFIG)


def _invoke(functions: Any, name: str, event: Mapping[str, Any]) -> dict[str, Any]:
    called = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    answer = json.loads(called["Payload"].read())
    if called.get("FunctionError"):
        raise MigrationError(
            f"The migrator failed: {answer.get('errorMessage', answer)}. Its log is /aws/lambda/{name}."
        )
    if answer["state"] in ("refused", "failed"):
        reasons = [f"{each['where']}: {each['reason']}. {each['way']}" for each in answer["errors"]]
        kind = Refused if answer["state"] == "refused" else MigrationError
        raise kind("\n".join(reasons) or " ".join(filter(None, (answer["detail"], answer["hint"]))))
    return dict(answer)


def main() -> int:
    """Migrate or plan; give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.migrate", description=__doc__)
    add_stage(parser)
    parser.add_argument("--plan", action="store_true", help="tell what would be done, and write nothing")
    arguments = parser.parse_args()
    try:
        target = reach(arguments.stage)
        name = outputs_of(arguments.stage, target)["MigratorName"]
        answer = migrate(patient_client(target), name, plan=arguments.plan, by=target.caller)
    except (MigrationError, DeploymentError, StackError, BotoCoreError, ClientError) as error:
        complain("migrate", error)
        return 1
    for line in lines(answer):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
