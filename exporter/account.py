"""One workspace's way to Braze: its threads, connections and limits, which end together."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, Self

from exporter.client import Client, Observer
from exporter.config import Workspace
from exporter.limiter import Limiter
from exporter.secretfile import ApiKey
from exporter.shard import EVERYTHING, Shard
from exporter.steps import waiting
from exporter.transport import HTTP, Transport


class Counters(Observer, Protocol):
    """Who is told of each request and of each wait: `telemetry.WorkspaceTelemetry`, for one."""

    def throttled(self, seconds: float) -> None:
        """A request waited `seconds` for the limiter."""


class Account:
    """The settings of the workspace `name` at work, until `stop`; leaving it as a context ends it.

    `timeout` is what a request may take, in seconds; `counters` are told of each. The limits of
    `before`, which asked the same endpoint under other settings, go on. Requests go through what
    `through` makes of the transport; `now` is the clock, in epoch seconds. `shard` has its part of
    the ceiling.
    """

    def __init__(
        self,
        name: str,
        workspace: Workspace,
        timeout: float,
        key: ApiKey,
        counters: Counters,
        before: "Account | None" = None,
        *,
        through: Callable[[HTTP], HTTP] = lambda http: http,
        now: Callable[[], float] = time.time,
        shard: Shard = EVERYTHING,
    ) -> None:
        self.endpoint = workspace.endpoint
        self.width = workspace.concurrency
        self.threads = ThreadPoolExecutor(self.width, thread_name_prefix=f"poll-{name}")
        self._stopped = threading.Event()
        self._http = Transport(
            workspace.endpoint,
            connections=workspace.concurrency,
            timeout=timeout,
            monotonic=time.monotonic,
            ca_file=workspace.ca_file,
        )
        self._limiter = Limiter(
            shard.part_of(workspace.requests_per_hour),
            workspace.reserve,
            now=now,
            monotonic=time.monotonic,
            pause=self._pause,
            throttled=counters.throttled,
        )
        if before is not None and before.endpoint == self.endpoint:
            self._limiter.go_on_from(before._limiter)
        self.client = Client(
            through(self._http),
            self._limiter,
            counters,
            key=key.read,
            zone=workspace.time_zone,
            now=now,
            monotonic=time.monotonic,
            pause=self._pause,
            chance=random.random,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.close()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def _pause(self, seconds: float) -> bool:
        if not seconds:
            return self._stopped.is_set()  # asked before each request, which goes on with its turn
        with waiting():
            return self._stopped.wait(seconds)

    def stop(self) -> None:
        """End every wait and request.

        What is queued for the threads ends by itself: a future that is cancelled would leave the
        poll waiting for it.
        """
        self._stopped.set()
        self._http.abort()

    def close(self) -> None:
        """Wait for the threads, after `stop`, and give back the connections."""
        self.threads.shutdown()
        self._http.close()
