"""One workspace of the simulator, polled by hand under a clock that stands still."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from exporter.client import Client
from exporter.families import DISCOVERY, EVENTS, KPI, SEGMENTS, SESSIONS
from exporter.limiter import Limiter
from exporter.model import Reading, Unit
from exporter.negotiation import Format
from exporter.poll import poll_discovery, poll_series
from exporter.poller import endpoints
from exporter.recall import Recall, read_pasts
from exporter.simulator import DEFAULT_KEY, Simulator, World
from exporter.simulator import serve as serve_simulator
from exporter.snapshot import Store
from exporter.telemetry import Telemetry
from exporter.transport import HTTP, Reply, Transport
from exporter.watch import Watch
from tests.inline import Inline

WORKSPACE = "production"


class Clock:
    """A clock that moves when told to, and by the seconds that somebody waits."""

    def __init__(self, start: datetime) -> None:
        self.moment = start
        self.waited: list[float] = []

    def now(self) -> float:
        """Epoch seconds."""
        return self.moment.timestamp()

    def pause(self, seconds: float) -> bool:
        """Wait, without waiting; 0 only asks whether to stop."""
        if seconds:
            self.waited.append(seconds)
            self.moment += timedelta(seconds=seconds)
        return False


class Route:
    """Sends each request the way that is open at the moment."""

    def __init__(self, way: HTTP) -> None:
        self.way = way

    def get(self, path: str, query: Mapping[str, str], key: str) -> Reply:
        """What the way answers."""
        return self.way.get(path, query, key)


class Unsocketed:
    """Hands each request to the simulator, without a socket."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def get(self, path: str, query: Mapping[str, str], key: str) -> Reply:
        """The simulator's answer."""
        headers = {"authorization": f"Bearer {key}"}
        response = self._simulator.respond("GET", path, tuple(query.items()), headers)
        lower = {name.lower(): value for name, value in response.headers}
        return Reply(response.status, lower, response.body)


def watch(world: World, **changes: object) -> Watch:
    """All of `world`, unless changed."""
    settings: dict[str, object] = {
        "workspace": WORKSPACE,
        "ids": (),
        "discover": True,
        "include": (),
        "exclude": (),
        "tags": (),
        "limit": 2000,
        "apps": {app.id: app.name for app in world.apps},
        "units": (Unit.DAY, Unit.HOUR),
        "workspace_total": True,
        "by_segment": (),
        "zero_after": 6 * 3600.0,
        "settle": 900.0,
        "keep": 6 * 3600.0,
        "polls": {
            DISCOVERY: 3600.0,
            SEGMENTS: 1800.0,
            SESSIONS: 300.0,
            KPI: 1800.0,
            EVENTS: 300.0,
        },
    }
    return Watch(**(settings | changes))  # type: ignore[arg-type]  # each value has its field's type


class Workbench:
    """Client, store and telemetry of one workspace, put together as the daemon does it.

    With `timeout` it talks to the simulator over real sockets, and a request may take so many
    seconds.
    """

    def __init__(
        self,
        world: World,
        start: datetime,
        *,
        timeout: float | None = None,
        key: Callable[[], str] = lambda: DEFAULT_KEY,
        **changes: object,
    ) -> None:
        self.clock = Clock(start)
        self.simulator = Simulator(world, lambda: self.clock.moment.astimezone(UTC))
        self.server = serve_simulator(self.simulator, "127.0.0.1", 0) if timeout else None
        self.transport = (
            Transport(self.server.url, connections=2, timeout=timeout, monotonic=time.monotonic)
            if timeout and self.server
            else None
        )
        self.route = Route(self.transport or Unsocketed(self.simulator))
        self.watch = watch(world, **changes)
        self.store = Store(self.clock.now)
        self.recall = Recall(self.clock.now)
        self.telemetry = Telemetry(process=False)
        counters = self.telemetry.of(WORKSPACE, endpoints(self.watch))
        self.client = Client(
            self.route,
            Limiter(
                10_000,
                0.1,
                now=self.clock.now,
                monotonic=self.clock.now,
                pause=self.clock.pause,
                throttled=counters.throttled,
            ),
            counters,
            key=key,
            zone=self.watch.zone,
            now=self.clock.now,
            monotonic=self.clock.now,
            pause=self.clock.pause,
            chance=lambda: 0.0,
        )
        self.store.expect([self.watch])
        self.telemetry.settings_read(self.clock.now())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.transport is not None:
            self.transport.close()
        if self.server is not None:
            self.server.close()

    def poll(self, *collectors: str) -> Reading:
        """Poll each collector once, in this order; returns the last reading."""
        for collector in collectors or self.watch.intervals:
            reading = self._read(collector)
            self.store.publish(reading, self.watch)
            if collector != DISCOVERY:
                self._read_past(collector)
        return reading

    def page(self, form: Format = Format.TEXT) -> bytes:
        """What a scrape gets."""
        return self.store.snapshot().pages[form].plain + self.telemetry.render(form)

    def samples(self) -> dict[tuple[str, frozenset[str]], float]:
        """The values on the page, by the metric's name and its labels' values."""
        return {
            (
                sample.name,
                frozenset(value for name, value in sample.labels.items() if name != "workspace"),
            ): sample.value
            for family in text_string_to_metric_families(self.page().decode())
            for sample in family.samples
        }

    def value(self, name: str, *labels: str) -> float | None:
        """One value, None where it is not on the page."""
        return self.samples().get((name, frozenset(labels)))

    def _read_past(self, collector: str) -> None:
        pasts = self.store.without_past(self.watch, collector)
        past = read_pasts(
            self.recall.due(pasts),
            pasts,
            self.client.data_series,
            threads=Inline(),
            width=1,
            go_on=lambda: True,
        )
        self.recall.asked(past)
        self.store.publish_past(past, collector, self.watch)

    def _read(self, collector: str) -> Reading:
        if collector == DISCOVERY:
            known = self.store.listing(self.watch) or ()
            return poll_discovery(
                WORKSPACE, lambda: self.client.segments(known), now=self.clock.now
            )
        return poll_series(
            WORKSPACE,
            collector,
            self.store.wanted(self.watch, collector),
            self.client.data_series,
            threads=Inline(),
            width=1,
            now=self.clock.now,
        )
