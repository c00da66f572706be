"""A stage, taken down: application, database, network, in this order, and its packages. What holds data stays."""

from dataclasses import dataclass

from infra.deployment import leftovers
from infra.deployment.order import StageStacks
from infra.deployment.stages import STACKS


@dataclass(frozen=True)
class Destroyed:
    """What came of it: the names of the stacks that were there, and what stays or is gone of what holds data."""

    stacks: list[str]
    kept: list[str]
    backups_kept: list[str]
    backups_deleted: list[str]


def destroy(stacks: StageStacks, *, with_backups: bool) -> Destroyed:
    """Take the stacks of a stage down; what is gone already is no error.

    The backup buckets go only `with_backups`. Raises DeploymentError when the database is protected, before anything
    is deleted, and when a stack can't be deleted.
    """
    target = stacks.target
    databases = leftovers.databases_of(stacks.stack("database"))
    leftovers.refuse_protected(stacks.stack("database"))
    kept: list[str] = []
    gone: list[str] = []
    for which in reversed(STACKS):
        stack = stacks.stack(which)
        keeps = leftovers.kept_resources(stack)
        if stack.delete():
            gone.append(stack.name)
            kept += keeps
    kept += leftovers.snapshots(target, databases)
    leftovers.delete_bucket(target, stacks.bucket.name)
    backups = leftovers.backup_buckets(target, stacks.stage)
    deleted = [bucket for bucket in backups if with_backups and leftovers.delete_bucket(target, bucket)]
    return Destroyed(
        stacks=gone,
        kept=[each for each in kept if each.rpartition(" ")[2] not in backups],
        backups_kept=[bucket for bucket in backups if bucket not in deleted],
        backups_deleted=deleted,
    )
