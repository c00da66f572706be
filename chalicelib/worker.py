"""The worker behind the queue: takes a message, does its work, and keeps callers informed in the catalogue.

A message may come twice, or again after a crash at any point. The ledger in Postgres tells what has been done; the
catalogue is written around it, and mended from it when the same message comes again.
"""

from __future__ import annotations

import logging

from chalicelib.errors import DecantError, Unavailable
from chalicelib.wiring import Services
from chalicelib.work.loading import load
from chalicelib.work.messages import BackupTask, LoadTask, RestoreTask, Task, tasks
from chalicelib.work.reporting import fail
from chalicelib.work.saving import bring_back, save

logger = logging.getLogger(__name__)

_TRIES = 6


def handle(services: Services, body: str) -> None:
    """Do the work of one message of the queue.

    Work that could not be done because a part was down is put into the queue again, a bounded number of times. What
    can't be done at all ends as a failed run. Only what this code did not foresee is raised, so that the queue keeps
    the message and, in the end, the dead-letter queue.
    """
    for task in tasks(body):
        try:
            _perform(services, task)
        except Unavailable as error:
            if task.tries >= _TRIES:
                fail(services, task, error)
                raise
            logger.warning("a part is down, trying again later: %s", error)
            services.queue.send(task.tried().message(), delay=min(300, 5 * 2**task.tries))
        except DecantError as error:
            fail(services, task, error)
        except Exception:
            fail(services, task, DecantError("The worker met a defect of its own; see its log."))
            raise


def _perform(services: Services, task: Task) -> None:
    match task:
        case LoadTask():
            load(services, task)
        case BackupTask():
            save(services, task)
        case RestoreTask():
            bring_back(services, task)
