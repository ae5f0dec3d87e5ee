"""A few questions to one workspace, and what they cost and tell of clock and rate limit."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

from exporter.account import Account
from exporter.client import Client
from exporter.config import Workspace
from exporter.model import RateLimit
from exporter.secretfile import ApiKey
from exporter.transport import HTTP, Reply


class Visit:
    """Asks the workspace `name` as its settings say; safe for threads.

    `timeout` is the seconds a request may take, `now` the clock in epoch seconds.
    """

    def __init__(
        self,
        name: str,
        workspace: Workspace,
        timeout: float,
        key: ApiKey,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._seen = _Seen(now)
        self._account = Account(
            name, workspace, timeout, key, self._seen, through=self._seen.through, now=now
        )

    @property
    def client(self) -> Client:
        """What asks."""
        return self._account.client

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
        """End it, and give the connections back."""
        self._account.stop()
        self._account.close()


class _Seen:
    """Passes requests on, and notes what is told of them and by them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._http: HTTP
        self._now = now
        self._lock = threading.Lock()
        self.sent: Counter[str] = Counter()
        self.limit = RateLimit()
        self.ahead: float | None = None

    def through(self, http: HTTP) -> HTTP:
        """Pass requests on to `http`."""
        self._http = http
        return self

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

    def throttled(self, seconds: float) -> None:
        """Of no interest here."""


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
