"""Lets a workspace's requests go, one at a time, within our own ceiling and Braze's limit."""

import threading
from collections.abc import Callable

from exporter.model import RateLimit
from exporter.pacing import PATIENCE, burst, reserve_wait


class Interrupted(Exception):
    """The wait was ended because the exporter stops, or the workspace is no longer polled."""


class Paused(Exception):
    """Braze asked for, or our reserve needs, a longer pause than a poll may wait for."""


class Limiter:
    """A bucket of tokens shared by all collectors of one workspace; a request takes a token.

    `monotonic` and `now` are the clocks (seconds; epoch seconds), `pause(seconds)` waits and
    returns True when it was interrupted, `throttled(seconds)` is told of each wait. Safe for
    threads.
    """

    def __init__(
        self,
        requests_per_hour: int,
        reserve: float,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        pause: Callable[[float], bool],
        throttled: Callable[[float], None],
    ) -> None:
        self._rate = requests_per_hour / 3600
        self._burst = burst(requests_per_hour)
        self._reserve = reserve
        self._now = now
        self._monotonic = monotonic
        self._pause = pause
        self._throttled = throttled
        self._lock = threading.Lock()
        self._tokens = self._burst
        self._counted = monotonic()
        self._closed_until = self._counted

    def go_on_from(self, other: "Limiter") -> None:
        """Take over what `other` has spent and the pause it keeps: a reload is no new hour."""
        with other._lock:
            other._refill()
            spent, closed_until = other._burst - other._tokens, other._closed_until
        with self._lock:
            self._tokens = self._burst - spent
            self._closed_until = closed_until

    def acquire(self) -> None:
        """Wait for a token.

        Raises Paused, without waiting, when the pause in force is longer than a poll may wait for,
        and Interrupted when the wait is ended from outside.
        """
        self._wait_until_open()
        # A token may be owed: whoever comes next waits behind this one, so that nobody starves.
        with self._lock:
            self._refill()
            self._tokens -= 1
            owed = -self._tokens / self._rate
        if owed > 0:
            self._wait(owed)
            self._wait_until_open()  # Braze may have asked for a pause meanwhile

    def heed(self, limit: RateLimit) -> None:
        """Pause until Braze's window ends, if its headers leave less than the reserve."""
        self.close(reserve_wait(limit, self._reserve, self._now()))

    def close(self, seconds: float) -> None:
        """Let nothing go for `seconds` from now on."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._monotonic() + seconds)

    def _wait_until_open(self) -> None:
        while True:
            with self._lock:
                closed = self._closed_until - self._monotonic()
            if closed > PATIENCE:
                raise Paused
            if closed <= 0:
                return
            self._wait(closed)

    def _wait(self, seconds: float) -> None:
        begun = self._monotonic()
        interrupted = self._pause(seconds)
        self._throttled(self._monotonic() - begun)
        if interrupted:
            raise Interrupted

    def _refill(self) -> None:
        moment = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (moment - self._counted) * self._rate)
        self._counted = moment
