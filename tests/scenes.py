"""Situations that the status page has to show, at a clock that stands still."""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from exporter.families import COLLECTORS, KPI, SEGMENTS, SESSIONS
from exporter.model import RateLimit, Segment, Unit
from exporter.simulator import World
from exporter.simulator.pulse import EVENTS, KPIS
from exporter.snapshot import Store
from exporter.standing import Standing
from exporter.status import Status, status_of
from tests.fakes import DAY, a_listing, a_reading, a_watch, daily, days, size
from tests.workbench import WORKSPACE, Workbench

NOW = datetime(2026, 11, 22, 14, 40, tzinfo=UTC)
MARKUP = """<img src=x onerror=alert(1)>"'&{{ 7*7 }}"""

DUE: dict[tuple[str, ...], float] = {
    (workspace, collector): NOW.timestamp() + seconds
    for workspace in (WORKSPACE, "staging")
    for collector, seconds in zip(COLLECTORS, (1260, 1025, 203, 1400, 170), strict=True)
}

FORBIDDEN = "forbidden: status 403: Access Denied"


def demo() -> Status:
    """What `braze-exporter demo` shows: one segment collapsed, one app fell, the rest is well."""
    world = World(7, NOW)
    tracked = tuple(segment.id for segment in world.segments if segment.tracked)[:2]
    with Workbench(
        world,
        NOW,
        by_segment=tracked,
        endpoint="https://rest.iad-01.braze.com",
        kpis=tuple(KPIS),
        events=tuple(EVENTS),
    ) as one:
        one.poll()
        one.clock.moment += timedelta(seconds=7)
        return status_of(one.store.standing(), one.telemetry.quotas(), DUE, one.clock.now())


def failing() -> Status:
    """Beside a workspace that is well one whose key lacks a permission, with 0 to show for it."""
    world = World(7, NOW)
    with Workbench(world, NOW, endpoint="https://rest.iad-01.braze.com") as one:
        one.poll()
        standings = (*one.store.standing(), _without_permission())
        return status_of(standings, one.telemetry.quotas(), DUE, one.clock.now())


def _without_permission() -> Standing:
    watch = a_watch(
        workspace="staging",
        apps={"3bbc4555-8fa0-4c9b-a5c0-4505edf3e064": "ios"},
        endpoint="https://rest.fra-01.braze.eu",
    )
    now = NOW.timestamp()
    store = Store(lambda: now)
    store.expect([watch])
    store.publish(a_listing("welcome", "winback", sent=now - 60, workspace="staging"), watch)
    sizes = dict.fromkeys(watch.wanted(SEGMENTS, ("welcome", "winback")), FORBIDDEN)
    sessions = dict.fromkeys(watch.wanted(SESSIONS), "timeout: no whole answer within 15 s")
    for collector, failures in ((SEGMENTS, sizes), (SESSIONS, sessions)):
        reading = a_reading(
            collector, sent=now - 50, workspace="staging", failures=failures, asked=2, answered=2
        )
        store.publish(reading, watch)
    return store.standing()[0]


def well() -> Status:
    """A workspace in which nothing happens."""
    return _of({"VIP": [9000.0] * 35}, {"web": [9000.0] * 35})


def many(segments: int = 500) -> Status:
    """A workspace of many segments, of which the first has collapsed."""
    chance = random.Random(7)  # noqa: S311 - numbers to look at
    names = ["Push Enabled - iOS", *(f"Audience {number:05}" for number in range(1, segments))]

    def sizes(number: int) -> list[float]:
        usual = 3000 * math.exp(6 * chance.random())
        size = [round(usual * (0.95 + 0.1 * chance.random())) for _ in range(35)]
        return [*size[:34], size[34] // 10 if number == 0 else size[34]]

    return _of({name: sizes(number) for number, name in enumerate(names)}, {"web": [9000.0] * 35})


def named(names: Iterable[str], app: str = "ios") -> Status:
    """Segments of these names, all of which have dropped, and an app that has."""
    fallen = [9000.0] * 34 + [90.0]
    return _of(dict.fromkeys(names, fallen), {app: fallen})


def twins() -> Status:
    """Two workspaces of the same app; in both it has fallen, and with it the whole workspace."""
    now = NOW.timestamp()
    today = int(now) // DAY * DAY
    store = Store(lambda: now)
    watches = [
        a_watch(workspace=name, apps={"app-0": "web"}, units=(Unit.DAY,), workspace_total=True)
        for name in ("state", "production")
    ]
    store.expect(watches)
    fallen = days(*[9000.0] * 34, 90.0, last=today - DAY)
    for watch in watches:
        answers = dict.fromkeys(watch.wanted(SESSIONS), fallen)
        store.publish(a_reading(SESSIONS, answers, sent=now - 50, workspace=watch.workspace), watch)
    return status_of(store.standing(), {}, {}, now)


def uninstalls(newest: float) -> Status:
    """An app with so many uninstalls in the newest day, and 500 in each before."""
    now = NOW.timestamp()
    store = Store(lambda: now)
    watch = a_watch(apps={"a1": "ios"}, discover=False, kpis=("uninstalls",), kpi_total=False)
    store.expect([watch])
    answer = days(*[500.0] * 34, newest, last=int(now) // DAY * DAY - DAY)
    store.publish(a_reading(KPI, dict.fromkeys(watch.wanted(KPI), answer), sent=now - 50), watch)
    return status_of(store.standing(), {}, {}, now)


def absurd() -> Status:
    """Numbers that no workspace has, and that a float can hold: they take no page away."""
    least, most = 5e-324, 1.7e308
    return _of(
        {
            "from nothing": [least] * 34 + [most],
            "to nothing": [most] * 34 + [least],
            "most": [most] * 35,
            "least": [least] * 35,
            "whole": [10**300] * 34 + [1],
        },
        {"web": [most] * 35, "ios": [most] * 34 + [least]},
    )


def _of(sizes: Mapping[str, Sequence[float]], sessions: Mapping[str, Sequence[float]]) -> Status:
    """Sizes up to today of segments, sessions up to yesterday of apps, by their names."""
    now = NOW.timestamp()
    today = int(now) // DAY * DAY
    watch = a_watch(
        apps={f"app-{number}": name for number, name in enumerate(sessions)},
        endpoint="https://rest.iad-01.braze.com",
    )
    store = Store(lambda: now)
    store.expect([watch])
    segments = [Segment(str(UUID(int=2**96 * n + 7)), name) for n, name in enumerate(sizes)]
    store.publish(a_listing(*segments, sent=now - 60), watch)
    of_segments = {size(one.id): days(*sizes[one.name], last=today) for one in segments}
    store.publish(a_reading(SEGMENTS, of_segments, sent=now - 50), watch)
    of_apps = {
        daily(app): days(*sessions[name], last=today - DAY) for app, name in watch.apps.items()
    }
    store.publish(a_reading(SESSIONS, of_apps, sent=now - 50), watch)
    quota = RateLimit(250_000, 1_000, now + 600)
    return status_of(store.standing(), {watch.workspace: quota}, DUE, now)


def unpolled() -> Status:
    """The first second: nothing was polled yet."""
    now = NOW.timestamp()
    store = Store(lambda: now)
    store.expect([a_watch(apps={"a1": "ios"})])
    return status_of(store.standing(), {}, {}, now)


def nothing() -> Status:
    """No workspace at all."""
    return status_of((), {}, {}, NOW.timestamp())
