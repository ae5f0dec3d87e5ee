"""A client of one workspace for a command that asks Braze a little, and ends."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

from exporter.client import HTTP, Client
from exporter.config import Workspace
from exporter.limiter import Limiter
from exporter.model import RateLimit
from exporter.transport import Reply, Transport


class Visit:
    """Asks one workspace as its settings say, and counts what that costs; safe for threads.

    `key` gives the API key, `timeout` is the seconds a request may take, `now` the clock in epoch
    seconds.
    """

    def __init__(
        self,
        workspace: Workspace,
        key: Callable[[], str],
        timeout: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._stopped = threading.Event()
        self._transport = Transport(
            workspace.endpoint,
            connections=workspace.concurrency,
            timeout=timeout,
            monotonic=time.monotonic,
            ca_file=workspace.ca_file,
        )
        self._seen = _Seen(self._transport, now)
        self.client = Client(
            self._seen,
            Limiter(
                workspace.requests_per_hour,
                workspace.reserve,
                now=now,
                monotonic=time.monotonic,
                pause=self._stopped.wait,
                throttled=lambda _: None,
            ),
            self._seen,
            key=key,
            zone=workspace.time_zone,
            now=now,
            monotonic=time.monotonic,
            pause=self._stopped.wait,
            chance=random.random,
        )

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self._seen.sent.total()

    @property
    def limit(self) -> RateLimit:
        """What Braze's headers said last of its rate limit."""
        return self._seen.limit

    @property
    def ahead(self) -> float | None:
        """Seconds by which our clock is ahead of the `Date` of Braze's first answer; None where
        there was none.
        """
        return self._seen.ahead

    def stop(self) -> None:
        """End every wait and request; whoever asks raises Interrupted."""
        self._stopped.set()
        self._transport.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back. Nothing may be under way."""
        self._transport.close()


class _Seen:
    """Passes requests on, and notes what is told of them and by them."""

    def __init__(self, http: HTTP, now: Callable[[], float]) -> None:
        self._http = http
        self._now = now
        self._lock = threading.Lock()
        self.sent: Counter[str] = Counter()
        self.limit = RateLimit()
        self.ahead: float | None = None

    def get(self, path: str, query: Mapping[str, str], key: str) -> Reply:
        begun = self._now()
        reply = self._http.get(path, query, key)
        if self.ahead is None:
            self.ahead = ahead_of(reply.headers.get("date", ""), begun, self._now())
        return reply

    def requested(self, endpoint: str, _seconds: float, _reason: str | None) -> None:
        with self._lock:
            self.sent[endpoint] += 1

    def rate_limit(self, limit: RateLimit) -> None:
        if limit.remaining is not None:  # those of a 401 are empty
            self.limit = limit


def ahead_of(date: str, begun: float, ended: float) -> float | None:
    """How far the moments `begun` and `ended` of a request lie after its answer's `Date`.

    Whatever lies between them is no difference, nor is the second that a `Date` leaves out.
    """
    try:
        moment = parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
    if begun > moment + 1:
        return begun - moment
    return min(ended - moment, 0.0)
