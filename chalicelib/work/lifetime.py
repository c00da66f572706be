"""How long work may be on its way: for as long as the queues keep its message."""

from __future__ import annotations

import datetime as dt

from chalicelib.ports import Run

# So long the queues keep a message, the time among the dead letters included: ``infra/application/queues.yaml``. It is
# the longest that SQS offers. A message that is brought back is a new one.
MESSAGE_LIVES = dt.timedelta(days=14)
# A run that is older has met many sweeps, so none looks back further.
LOOKED_AT = dt.timedelta(days=60)


def on_its_way(run: Run, moment: dt.datetime) -> bool:
    """Whether there may be a message for a run, or a worker at it, as far as the run tells."""
    known = max(filter(None, (run.created, run.started, run.reopened)), default=moment)
    return not run.state.final and moment - known < MESSAGE_LIVES
