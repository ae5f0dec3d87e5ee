"""The record of what a server received."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

_REMEMBERED = 100_000  # requests


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived, key included.

    `target` is what stood in the request line, `query` its decoded parameters, and header names are
    in lower case. `at` is the simulator's moment, `monotonic` the real one in seconds,
    `concurrency` how many requests were being answered, itself included.
    """

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    at: datetime
    monotonic: float
    concurrency: int


class Journal:
    """Notes when each request begins and ends; safe to use from several threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: deque[Received] = deque(maxlen=_REMEMBERED)
        self._running = 0
        self._peak = 0

    @property
    def requests(self) -> tuple[Received, ...]:
        """All requests, oldest first; of very many only the last."""
        with self._lock:
            return tuple(self._requests)

    @property
    def peak(self) -> int:
        """The most requests that were being answered at the same time."""
        with self._lock:
            return self._peak

    def forget(self) -> None:
        """Start anew, with the requests being answered now as the peak."""
        with self._lock:
            self._requests.clear()
            self._peak = self._running

    def begin(self, method: str, target: str, headers: Mapping[str, str]) -> Received:
        """Note that a request is being answered."""
        url = urlsplit(target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        with self._lock:
            self._running += 1
            self._peak = max(self._peak, self._running)
            received = Received(
                method,
                target,
                url.path,
                MappingProxyType(query),
                MappingProxyType({name.lower(): value for name, value in headers.items()}),
                self._clock(),
                time.monotonic(),
                self._running,
            )
            self._requests.append(received)
            return received

    def end(self) -> None:
        """Note that one has been answered."""
        with self._lock:
            self._running -= 1
