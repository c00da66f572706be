"""The audit log from the command line: python -m infra.audit audit|audit-verify [--stage STAGE]."""

import argparse
import datetime as dt
import getpass
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from heapq import nlargest
from itertools import chain as chained
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.audit.anchors import verify
from chalicelib.audit.chain import REGISTER, chain_of
from chalicelib.audit.recording import record
from chalicelib.audit_log import DynamoAuditLog
from chalicelib.errors import DecantError
from chalicelib.ports import AuditEvent, AuditLog
from chalicelib.storage import S3Storage
from infra.deployment.errors import DeploymentError
from infra.local.record import StackError
from infra.stage import add_stage, outputs_of, reach
from infra.telling import complain


def main() -> int:
    """Run one command; give the exit status: 1 when a chain is broken, 2 when nothing could be found out."""
    arguments = _parser().parse_args()
    try:
        target = reach(arguments.stage)
        made = outputs_of(arguments.stage, target)
        log = DynamoAuditLog(made["AuditTable"], target.region, target.connection())
        if arguments.command == "audit":
            return show(log, arguments.principal, arguments.limit)
        return check(log, S3Storage(target.client("s3"), made["BackupBucket"], owner=target.account))
    except (BotoCoreError, ClientError, DecantError, DeploymentError, StackError) as error:
        complain(arguments.command, error)
        return 2


def show(log: DynamoAuditLog, principal: str | None, limit: int) -> int:
    """Print the newest entries, of one principal or of all, the newest last."""
    chains = [chain_of(principal)] if principal else [each for each in log.chains() if each != REGISTER]
    found = chained.from_iterable(log.entries(each, newest_first=True, limit=limit) for each in chains)
    for content in reversed(nlargest(limit, (entry.content for entry in found), key=_moment)):
        print(_line(content))
    return 0


def check(log: DynamoAuditLog, bucket: S3Storage) -> int:
    """Hold all chains against themselves and their anchors; print where one is broken."""
    broken = list(verify(log, bucket))
    for each in broken:
        print(each)
    if broken:
        return 1
    heads = log.heads().values()
    print(f"{len(heads)} chains of {sum(head.number for head in heads)} entries are as they were written.")
    return 0


@contextmanager
def audited(log: AuditLog, sts: Any, action: str, resource: str, run: str | None = None) -> Iterator[None]:
    """Enter into the audit log what a command does within this context, by whom, and how it ended.

    ``action`` is the command, such as ``make revoke-token``, and ``resource`` what it is done to; neither holds a
    secret. Who does it is whom AWS takes the credentials of the ``sts`` client for, by the name of the user of this
    machine.
    """
    outcome = "failed"
    try:
        yield
        outcome = "succeeded"
    finally:
        principal = sts.get_caller_identity()["Arn"]
        moment = dt.datetime.now(dt.UTC)
        record(log, AuditEvent(principal, getpass.getuser(), action, resource, outcome, moment, run=run))


def _line(content: Mapping[str, Any]) -> str:
    who = f"{content.get('name')} ({content.get('principal')})"
    what = f"{content.get('action')} {content.get('resource')}: {content.get('outcome')}"
    rest = [f"{name} {content[name]}" for name in ("run", "request", "address") if content.get(name)]
    line = f"{_moment(content)}  {who}  {what}  {', '.join(rest)}".rstrip()
    # A caller may write a path that would begin a line of its own, or tell the terminal what to do.
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in line)


def _moment(content: Mapping[str, Any]) -> str:
    return str(content.get("moment", ""))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.audit", description=__doc__)
    parser.add_argument("command", choices=["audit", "audit-verify"], help="list the newest entries, or check them all")
    add_stage(parser)
    parser.add_argument("--principal", help="whose entries to list, by the id of the token or the ARN")
    parser.add_argument("--limit", type=int, default=100, help="how many of the newest entries to list")
    return parser


if __name__ == "__main__":
    sys.exit(main())
