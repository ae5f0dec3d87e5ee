"""One whole page of metrics at a fixed clock: `make golden` writes it, a test compares.

It is made from the simulator's answers without sockets: what a poll at that moment reads.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from exporter.catalog import DISCOVERY, SEGMENTS, SESSIONS
from exporter.client import Client
from exporter.limiter import Limiter
from exporter.model import Unit
from exporter.negotiation import Format
from exporter.poll import poll_discovery, poll_series
from exporter.simulator import DEFAULT_KEY, Simulator, World
from exporter.snapshot import Store
from exporter.telemetry import Telemetry
from exporter.transport import Reply
from exporter.watch import Watch
from tests.inline import Inline

PAGES = {
    Format.TEXT: Path(__file__).parent / "data" / "metrics.txt",
    Format.OPENMETRICS: Path(__file__).parent / "data" / "metrics.openmetrics",
}
NOW = datetime(2026, 11, 22, 14, 40, tzinfo=UTC)


class SimulatedHTTP:
    """Hands each request to the simulator, without a socket."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def get(self, path: str, query: Mapping[str, str], key: str) -> Reply:
        """The simulator's answer."""
        headers = {"authorization": f"Bearer {key}"}
        response = self._simulator.respond("GET", path, tuple(query.items()), headers)
        lower = {name.lower(): value for name, value in response.headers}
        return Reply(response.status, lower, response.body)


def pages() -> dict[Format, bytes]:
    """The page in each format."""
    world = World(7, NOW)
    now = NOW.timestamp
    store, telemetry = Store(now), Telemetry(process=False)
    watch = Watch(
        workspace="production",
        ids=(),
        discover=True,
        include=(),
        exclude=(),
        tags=(),
        limit=10,
        apps={app.id: app.name for app in world.apps},
        units=(Unit.DAY, Unit.HOUR),
        workspace_total=True,
        by_segment=(next(segment.id for segment in world.segments if segment.tracked),),
        zero_after=6 * 3600.0,
        settle=900.0,
        keep=6 * 3600.0,
        polls={DISCOVERY: 3600.0, SEGMENTS: 1800.0, SESSIONS: 300.0},
    )
    counters = telemetry.of("production", ("/segments/list",))
    client = Client(
        SimulatedHTTP(Simulator(world, lambda: NOW)),
        Limiter(
            10_000,
            0.1,
            now=now,
            monotonic=lambda: 0.0,
            pause=lambda _: False,
            throttled=counters.throttled,
        ),
        counters,
        key=lambda: DEFAULT_KEY,
        zone=ZoneInfo("UTC"),
        now=now,
        monotonic=lambda: 0.0,
        pause=lambda _: False,
        chance=lambda: 0.0,
    )
    store.expect([watch])
    telemetry.settings_read(now())
    store.publish(poll_discovery("production", client.segments, now=now), watch)
    for collector in (SEGMENTS, SESSIONS):
        reading = poll_series(
            "production",
            collector,
            store.wanted(watch, collector),
            client.data_series,
            threads=Inline(),
            width=1,
            now=now,
        )
        store.publish(reading, watch)
    return {
        form: store.snapshot().pages[form].plain + _stable(telemetry.render(form))
        for form in Format
    }


def _stable(tail: bytes) -> bytes:
    """The exporter's own metrics without what differs by machine."""
    lines = tail.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"braze_exporter_build_info{"))


if __name__ == "__main__":
    for form, path in PAGES.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(pages()[form])
