"""Braze's rate limit: so many requests in a clock hour, counted over all keys of the workspace."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.simulator.times import HOUR, hour_start

REQUESTS_PER_HOUR = 250_000  # the pool most reading endpoints share (DOCS)
LIMIT, REMAINING, RESET = "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of this clock hour's requests after one of them; below 0 it was too much."""

    limit: int
    remaining: int
    reset: datetime

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The three headers; the reset is in whole seconds of the Unix epoch (RUBY-VCR)."""
        return (
            (LIMIT, str(self.limit)),
            (REMAINING, str(max(0, self.remaining))),
            (RESET, str(int(self.reset.timestamp()))),
        )


class Quota:
    """Counts the requests of a clock hour; safe to use from several threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._hour = datetime.min.replace(tzinfo=UTC)
        self._spent = 0
        self._lock = threading.Lock()

    def spend(self, now: datetime, requests: int) -> Allowance:
        """Count some requests and say what is left; the window is fixed, not sliding (RUBY-VCR)."""
        hour = hour_start(now, UTC)
        with self._lock:
            if hour != self._hour:
                self._hour, self._spent = hour, 0
            self._spent += requests
            return Allowance(self._limit, self._limit - self._spent, hour + HOUR)
