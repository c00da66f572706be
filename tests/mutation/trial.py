"""A plugin of pytest that tries mutants, all in one session: a Postgres for each would take hours."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

# A mutant may wait for what never comes. No test that is chosen takes a tenth of it.
_SECONDS = 30
# Tests that killed other mutants of a function are tried first.
_REMEMBERED = 6


class _Nothing:
    """What follows a test: nothing, which keeps the fixtures of the session, and no others."""

    nodeid = ""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session

    def listchain(self) -> list[Any]:
        """See ``pytest.Item``."""
        return [self._session]


class _Trial:
    def __init__(self, session: pytest.Session) -> None:
        self._nothing: Any = _Nothing(session)
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def fails(self, item: Any, mutant: str) -> bool:
        """Whether a test fails with a mutant at work, or does not come to its end."""
        set_mutant_under_test(mutant)
        self.failed = False
        item._initrequest()  # or it can't be run again
        # Again and again, for what tries examples takes the first as the failure of one.
        signal.setitimer(signal.ITIMER_REAL, _SECONDS, _SECONDS / 4)
        try:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=self._nothing)
        except TimeoutError:
            return True
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            set_mutant_under_test("")
        return self.failed


def pytest_collection() -> None:
    """Let properties be tried with the same examples each time, and none be made simpler once it failed."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", deadline=None, phases=phases, derandomize=True, database=None)
    hypothesis.settings.load_profile("mutants")


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Instead of each test once, run for each mutant the tests that reach it, until one fails."""
    signal.signal(signal.SIGALRM, _too_long)
    trial = _Trial(session)
    session.config.pluginmanager.register(trial)
    reached = _reached(trial, session.items)
    killers: dict[str, list[Any]] = defaultdict(list)
    file = Path(os.environ["DECANT_VERDICTS"])
    verdicts: dict[str, str] = json.loads(file.read_text())
    for mutant in json.loads(os.environ["DECANT_MUTANTS"]):
        if mutant in verdicts:
            continue
        function = mutant.rpartition("__mutmut_")[0]
        first = killers[function]
        # Should it bring the process down, this is what stands.
        verdicts[mutant] = "killed by a crash"
        file.write_text(json.dumps(verdicts))
        for item in [*first, *(each for each in reached[function] if each not in first)]:
            if trial.fails(item, mutant):
                verdicts[mutant] = f"killed by {item.nodeid}"
                first[:] = [item, *(each for each in first if each is not item)][:_REMEMBERED]
                break
        else:
            verdicts[mutant] = "survived" if reached[function] else "untested"
    file.write_text(json.dumps(verdicts))
    return True


def _reached(trial: _Trial, items: list[pytest.Item]) -> dict[str, list[pytest.Item]]:
    """The tests that come by a function, the quickest first. Raises when one fails though nothing was changed."""
    found: dict[str, list[tuple[float, int, pytest.Item]]] = defaultdict(list)
    for number, item in enumerate(items):
        state()._stats.clear()
        start = time.monotonic()
        if trial.fails(item, "stats"):
            raise pytest.UsageError(f"{item.nodeid} fails, and no mutant is at work.")
        for function in state()._stats:
            found[function].append((time.monotonic() - start, number, item))
    return defaultdict(list, {function: [item for *_, item in sorted(each)] for function, each in found.items()})


def _too_long(*_: object) -> None:
    raise TimeoutError("The test did not come to its end.")
