"""When the next process is killed: drawn from a seed, at points that work of its kind is known to pass, or any time."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict

from tests.torture.attempts import Outcome, Plan

TIME = "any moment"


class Kills:
    """Plans kills, and counts them. Several workers may ask at once."""

    def __init__(self, chance: random.Random) -> None:
        self.by_point: Counter[str] = Counter()
        self.by_kind: Counter[str] = Counter()
        self._chance = chance
        self._lock = threading.Lock()
        self._known: dict[str, Counter[str]] = defaultdict(Counter)
        self._seconds: dict[str, float] = defaultdict(lambda: 0.2)
        self._kind = ""
        self._left = 0
        self._wanted: list[str] = []
        self._plan: Plan | None = None

    @property
    def total(self) -> int:
        """How many there were."""
        return self.by_point.total()

    def begin(self, kind: str, most: int, wanted: list[str] | None = None) -> None:
        """Plan up to so many kills for the work that begins; at the points that are ``wanted``, or else anywhere."""
        self._kind, self._left, self._wanted, self._plan = kind, most, list(wanted or ()), None

    def plan(self) -> Plan:
        """How the next attempt is to end."""
        with self._lock:
            if self._plan is None:
                if self._left <= 0:
                    return Plan()
                self._left -= 1
                self._plan = self._next()
            if self._plan.after is not None and self._chance.random() < 0.5:
                return Plan()  # another attempt of the same work is struck
            return self._plan

    def note(self, plan: Plan, outcome: Outcome) -> None:
        """Learn from an attempt that has ended."""
        with self._lock:
            for point, times in Counter(outcome.points).items():
                self._known[self._kind][point] = max(self._known[self._kind][point], times)
            if not outcome.killed:
                if plan == Plan() and outcome.code == 0:
                    self._seconds[self._kind] = 0.7 * self._seconds[self._kind] + 0.3 * outcome.seconds
                return
            self.by_point[plan.point or TIME] += 1
            self.by_kind[self._kind] += 1
            if self._plan == plan:  # two workers may have had the same plan, and both have died of it
                self._plan = None

    def _next(self) -> Plan:
        chance, known = self._chance, self._known[self._kind]
        if self._wanted:
            return Plan(self._wanted.pop(0))
        if not known or chance.random() < 0.3:
            return Plan(after=chance.uniform(0.001, 1.2 * self._seconds[self._kind]))
        points = sorted(known)
        [point] = chance.choices(points, [1 / (1 + self.by_point[each]) for each in points])
        return Plan(point, chance.randint(1, known[point]))
