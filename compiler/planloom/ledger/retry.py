"""Waiting between attempts at a remote: longer each time, never in step with others, within a budget that is stated."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BUDGET_SECONDS: Final = 90
"""How long one operation goes on trying. GitHub's limits on pushes are counted by the minute, so one minute must fit in."""

FIRST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How to wait: the budget in seconds, and the clock, sleep and dice to use (tests bring their own)."""

    budget: float = BUDGET_SECONDS
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = field(default_factory=lambda: random.SystemRandom().uniform)


class Patience:
    """The patience of one operation; it begins when this is made."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._until = pace.monotonic() + pace.budget
        self._next = FIRST_SECONDS

    def wait(self) -> bool:
        """Wait before the next attempt and return True; return False at once when the budget does not allow another."""
        # "Full jitter" spreads contenders best (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).
        delay = self._pace.uniform(self._next / 4, self._next)
        if self._pace.monotonic() + delay > self._until:
            return False
        self._pace.sleep(delay)
        self._next = min(self._next * 2, LONGEST_SECONDS)
        return True
