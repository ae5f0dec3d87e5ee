"""The collectors that the matrix tries, and the series of each: a row for each.

What is true of a series is asked of the simulator's world, which knows nothing of the exporter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from exporter.model import Kind, Unit
from exporter.simulator import APP_IDS, Point, World
from tests.plainly import Rows

APPS = {"ios": APP_IDS["ios"]}
WATCHED = 4
"""Segments that are selected: the oldest so many of the list."""

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Collector:
    """What is polled by itself: the endpoint it asks, and what its polls ask for.

    `polls` are conditions of a fault that pick its polls, so that the history is read all the same.
    """

    name: str
    path: str
    polls: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class Family:
    """The series of one metric: which there are in a world, and the `length` points of each."""

    metric: str
    collector: str
    kind: Kind
    unit: Unit
    scopes: Callable[[World], list[Labels]]
    points: Callable[[World, Labels, int], tuple[Point, ...]]

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
            Kind.COUNT,
            unit,
            scopes,
            _sessions(unit),
        )
        for unit, word in ((Unit.DAY, "daily"), (Unit.HOUR, "hourly"))
    ]


COLLECTORS = (
    Collector("discovery", "/segments/list"),
    Collector("segments", "/segments/data_series", (":length=35",)),
    Collector("sessions", "/sessions/data_series", (":length=35", ":length=48")),
)

FAMILIES = (
    Family(
        "braze_segment_size",
        "segments",
        Kind.LEVEL,
        Unit.DAY,
        lambda world: [{"segment_id": segment.id} for segment in world.segments[: WATCHED + 1]],
        _sizes,
    ),
    *_families_of_sessions("app", lambda _: [{"app_id": app} for app in APPS.values()]),
    *_families_of_sessions(
        "segment",
        lambda world: [{"segment_id": by_segment(world), "app_id": app} for app in APPS.values()],
    ),
    *_families_of_sessions("workspace", lambda _: [{}]),
)

POINTS = {Unit.DAY: 35, Unit.HOUR: 48}
PAST = {Unit.DAY: 35, Unit.HOUR: 748}
"""How many points a poll asks for, and how many are known once the history is read."""

LENGTH = {Unit.DAY: timedelta(days=1), Unit.HOUR: timedelta(hours=1)}
