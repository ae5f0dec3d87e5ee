"""The collectors that the matrix tries, and the series of each: a row for each.

What is true of a series is asked of the simulator's world, which knows nothing of the exporter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from exporter.model import Concern, Kind, Unit
from exporter.simulator import APP_IDS, Point, World
from tests.plainly import ZERO_AFTER, Rows

APPS = {"ios": APP_IDS["ios"]}
WATCHED = 4
"""Segments that are selected: the oldest so many of the list."""

EVENT = "added_to_cart"

_SIZES = "/segments/data_series"
_SESSIONS = "/sessions/data_series"
_EVENTS = "/events/data_series"
_DAYS, _HOURS = ":length=35", ":length=48"
_UNITS = ((Unit.DAY, "daily"), (Unit.HOUR, "hourly"))

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Collector:
    """What is polled by itself: an endpoint it asks, and what its polls ask for.

    `polls` are conditions of a fault that pick its polls, so that the history is read all the same.
    `of` says which of its endpoints it is where there are several. `faults` are those that it is
    tried with, None for all that can happen to it.
    """

    name: str
    path: str
    polls: tuple[str, ...] = ("",)
    of: str = ""
    faults: frozenset[str] | None = None

    @property
    def row(self) -> str:
        """What it is called in the matrix."""
        return f"{self.name}.{self.of}" if self.of else self.name


@dataclass(frozen=True)
class Family:
    """The series of one metric: which there are in a world, and the `length` points of each."""

    metric: str
    collector: str
    path: str
    kind: Kind
    unit: Unit
    scopes: Callable[[World], list[Labels]]
    points: Callable[[World, Labels, int], tuple[Point, ...]]
    zero_after: timedelta = ZERO_AFTER
    concern: Concern = Concern.DROP

    def rows(self, world: World, labels: Labels, length: int) -> Rows:
        """The newest points, as the plain reading of the contract takes them."""
        return [
            (start.date() if self.unit is Unit.DAY else start, float(value))
            for start, value in self.points(world, labels, length)
        ]


def _sizes(world: World, labels: Labels, length: int) -> tuple[Point, ...]:
    return world.segment_points(labels["segment_id"], world.story_at, length)


def _sessions(unit: Unit) -> Callable[[World, Labels, int], tuple[Point, ...]]:
    def points(world: World, labels: Labels, length: int) -> tuple[Point, ...]:
        app, segment = labels.get("app_id"), labels.get("segment_id")
        return world.session_points(
            "day" if unit is Unit.DAY else "hour", app, segment, world.story_at, length
        )

    return points


def by_segment(world: World) -> str:
    """The segment whose sessions are read as well."""
    return next(segment.id for segment in world.segments if segment.tracked)


def _families_of_sessions(subject: str, scopes: Callable[[World], list[Labels]]) -> list[Family]:
    return [
        Family(
            f"braze_{subject}_sessions_{word}",
            "sessions",
            _SESSIONS,
            Kind.COUNT,
            unit,
            scopes,
            _sessions(unit),
        )
        for unit, word in _UNITS
    ]


def _events(unit: Unit) -> Callable[[World, Labels, int], tuple[Point, ...]]:
    def points(world: World, labels: Labels, length: int) -> tuple[Point, ...]:
        return world.event_points(
            labels["event"],
            "day" if unit is Unit.DAY else "hour",
            labels["app_id"],
            None,
            world.story_at,
            length,
        )

    return points


def _families_of_kpi(word: str, name: str, kind: Kind, **more: Any) -> list[Family]:
    def points(world: World, labels: Labels, length: int) -> tuple[Point, ...]:
        return world.kpi_points(word, labels.get("app_id"), world.story_at, length)

    return [
        Family(
            f"braze_{subject}_{name}",
            "kpi",
            f"/kpi/{word}/data_series",
            kind,
            Unit.DAY,
            scopes,
            points,
            **more,
        )
        for subject, scopes in (("app", _apps), ("workspace", _whole))
    ]


def _apps(_: World) -> list[Labels]:
    return [{"app_id": app} for app in APPS.values()]


def _whole(_: World) -> list[Labels]:
    return [{}]


_OF_AN_ANSWER = frozenset(
    {
        "access-denied",
        "key-echo",
        "server-error-503",
        "hang",
        "message-not-success",
        "unknown-app-400",
        "data-empty",
        "null-value",
        "newest-missing",
        "newest-zero",
        "zero-filled",
        "hour-naive",
    }
)
"""For the collectors that share all code with sessions: what an endpoint's own answer is about."""

COLLECTORS = (
    Collector("discovery", "/segments/list"),
    Collector("segments", _SIZES, (_DAYS,)),
    Collector("sessions", _SESSIONS, (_DAYS, _HOURS)),
    Collector("kpi", "/kpi/dau/data_series", (_DAYS,), "dau", frozenset({"access-denied"})),
    Collector("kpi", "/kpi/mau/data_series", (_DAYS,), "mau", _OF_AN_ANSWER),
    Collector("events", _EVENTS, (_DAYS, _HOURS), faults=_OF_AN_ANSWER),
)
NAMES = tuple(dict.fromkeys(collector.name for collector in COLLECTORS))

FAMILIES = (
    Family(
        "braze_segment_size",
        "segments",
        _SIZES,
        Kind.LEVEL,
        Unit.DAY,
        lambda world: [{"segment_id": segment.id} for segment in world.segments[: WATCHED + 1]],
        _sizes,
    ),
    *_families_of_sessions("app", _apps),
    *_families_of_sessions(
        "segment",
        lambda world: [{"segment_id": by_segment(world), "app_id": app} for app in APPS.values()],
    ),
    *_families_of_sessions("workspace", _whole),
    *_families_of_kpi("dau", "daily_active_users", Kind.COUNT),
    *_families_of_kpi("mau", "monthly_active_users", Kind.LEVEL, zero_after=timedelta(hours=27)),
    *_families_of_kpi("new_users", "new_users_daily", Kind.COUNT),
    *_families_of_kpi("uninstalls", "uninstalls_daily", Kind.COUNT, concern=Concern.SURGE),
    *(
        Family(
            f"braze_app_events_{word}",
            "events",
            _EVENTS,
            Kind.COUNT,
            unit,
            lambda world: [{**app, "event": EVENT} for app in _apps(world)],
            _events(unit),
        )
        for unit, word in _UNITS
    ),
)

POINTS = {Unit.DAY: 35, Unit.HOUR: 48}
PAST = {Unit.DAY: 35, Unit.HOUR: 748}
"""How many points a poll asks for, and how many are known once the history is read."""

LENGTH = {Unit.DAY: timedelta(days=1), Unit.HOUR: timedelta(hours=1)}
