"""The commands behind `make deploy` and `make destroy`: python -m infra.deployment COMMAND STAGE."""

import argparse
import os
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from infra.deployment.destroy import Destroyed, destroy
from infra.deployment.errors import DeploymentError
from infra.deployment.order import StageDeployment, StageStacks
from infra.deployment.progress import Progress
from infra.deployment.stages import FOLDER, Packaging, Stage
from infra.deployment.target import Target
from infra.migrate import DICTIONARY, MigrationError, lines, migrate, patient_client, refuse_dictionary
from infra.package import Package, PackagingError, package
from infra.packaging.runtime import Runtime
from infra.ship import CACHE, ROOT, check_sizes
from infra.telling import complain


def main() -> int:
    """Run one command; give the exit status."""
    arguments = _parser().parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=120)
    try:
        if arguments.command == "deploy":
            deploy(console, arguments.stage, arguments.stages, may_lose_data=arguments.lose_data)
        else:
            take_down(console, arguments.stage, confirmed=arguments.yes, with_backups=arguments.with_backups)
    except (BotoCoreError, ClientError, DeploymentError, MigrationError, PackagingError) as error:
        complain(arguments.command, error)
        return 1
    except KeyboardInterrupt:
        complain(arguments.command, "Stopped. What CloudFormation has begun goes on; the same command finds its way.")
        return 130
    return 0


def deploy(console: Console, name: str, folder: Path, *, may_lose_data: bool) -> None:
    """Bring a stage up to date, migrate its database, tell where it is."""
    stage, target = Stage.read(name, folder), Target.from_environment()
    with Progress(console) as progress:
        progress.heading(f"Stage {name}: {target}")
        refuse_local(stage.name, target)
        deployment = StageDeployment(stage, target, os.environ, progress, may_lose_data)
        deployment.refuse()
        ask_migrator(stage, target, progress)
        progress.heading("Package")
        built = packaged(stage.package, target)
        outputs = deployment.deploy(built)
        progress.heading("Migrations of the database")
        try:
            done = migrate(patient_client(target), outputs["MigratorName"], by=target.caller)
        except MigrationError as error:
            raise MigrationError(f"The stacks stand, but the database was not migrated:\n{error}") from error
        for line in lines(done):
            progress.say(f"         {line}")
        progress.heading(f"Stage {name} stands")
        for output, value in sorted(outputs.items()):
            progress.say(f"         {output:<22} {value}")
        progress.say(
            f"\nTry it:\n  drop a file   aws s3 cp departments.csv s3://{outputs['IntakeBucket']}/incoming/\n"
            f'  get a token   make token STAGE={name} NAME=me SCOPES="read write"\n'
            f'  ask its API   curl -H "Authorization: Bearer TOKEN" {target.api_url(outputs)}/tables\n'
            f"  change it     {stage.file}, then `make deploy STAGE={name}` again\n"
            f"  take it down  make destroy STAGE={name}"
        )


def ask_migrator(stage: Stage, target: Target, progress: Progress) -> None:
    """Raise MigrationError when the database that is there can't be brought to the dictionary that comes."""
    made = StageStacks(stage.name, target).stack("application").outputs()
    if "MigratorName" not in made:
        return
    progress.heading("Dictionary")
    file = ROOT / (stage.application.given.get("Dictionary") or DICTIONARY)
    if not file.is_file():
        raise DeploymentError(f"{stage.file}: [application] Dictionary: there is no file {file}.")
    unasked = refuse_dictionary(patient_client(target), made["MigratorName"], file)
    progress.say(
        f"         not compared with the database: {unasked}" if unasked else "         the database can take it"
    )


def packaged(how: Packaging, target: Target) -> Package:
    """Package the application for a target. Raises PackagingError, also for what Lambda would find too big."""
    if target.emulated:
        return package(ROOT, how.chalice_stage, CACHE, environment=how.environment)
    made_for = Runtime.aws(how.python, how.architecture)
    built = package(ROOT, how.chalice_stage, CACHE, made_for, how.environment)
    check_sizes(built.archive)
    return built


def refuse_local(stage: str, target: Target) -> None:
    """Raise DeploymentError for the stage of `make up` anywhere but on an emulator."""
    if stage == "local" and not target.emulated:
        raise DeploymentError(
            f"The stage local is that of `make up`, without TLS; this is {target}. "
            "Copy infra/stages/dev.toml to make a stage of your own."
        )


def take_down(console: Console, name: str, *, confirmed: bool, with_backups: bool) -> None:
    """Take a stage down, once its name was typed, and tell what stays."""
    target = Target.from_environment()
    backups = "and ALL ITS BACKUPS " if with_backups else ""
    if not confirmed:
        if not sys.stdin.isatty():
            raise DeploymentError(f"This takes the stage {name} {backups}down. If nobody can be asked, say YES=1.")
        console.print(f"This takes the stage {name} {backups}down in {target}.", highlight=False)
        if console.input("Type its name to go on: ").strip() != name:
            raise DeploymentError("That is not its name; nothing was done.")
    with Progress(console) as progress:
        progress.heading(f"Stage {name}: {target}")
        _tell(progress, name, destroy(StageStacks(name, target, progress), with_backups=with_backups))


def _tell(progress: Progress, name: str, done: Destroyed) -> None:
    progress.heading(f"Stage {name} is gone" if done.stacks else f"There is no stage {name}: nothing to do")
    for bucket in done.backups_deleted:
        progress.say(f"         deleted, with every backup in it: {bucket}")
    for bucket in done.backups_kept:
        progress.say(f"         the backups stay in {bucket} (WITH_BACKUPS=1 deletes them)")
    for each in done.kept:
        progress.say(f"         stays: {each}")
    if done.kept:
        progress.say("\nWhat stays holds data and costs a little. The next `make deploy` makes its own beside it.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.deployment", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    deploying = commands.add_parser("deploy", help=deploy.__doc__)
    deploying.add_argument("stage")
    deploying.add_argument("--stages", type=Path, default=FOLDER, help="the folder of the stage files")
    deploying.add_argument("--lose-data", action="store_true", help="replace and delete even what holds data")
    destroying = commands.add_parser("destroy", help=take_down.__doc__)
    destroying.add_argument("stage")
    destroying.add_argument("--yes", action="store_true", help="do not ask")
    destroying.add_argument("--with-backups", action="store_true", help="delete the backup bucket as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
