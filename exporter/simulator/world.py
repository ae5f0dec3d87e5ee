"""What is true in the made-up workspace: pure functions of the seed, the bucket and the moment.

The demo's story is told relative to `story_at`: that day one segment's size has collapsed, and
three hours before it one app's sessions fell. All the rest is alive and well.
"""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from exporter.simulator import workspace
from exporter.simulator.chance import chance, digest, swing
from exporter.simulator.pulse import EVENTS, KPIS, last_run
from exporter.simulator.times import (
    HOUR,
    Unit,
    day_start,
    days_before,
    hour_start,
    hours_before,
    hours_of_day,
)
from exporter.simulator.workspace import App, Segment

_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
_YEAR = timedelta(days=365)
_USERS = 2_400_000  # at the epoch
_USERS_GROWTH = 1.06  # a year
_SESSIONS_GROWTH = 1.12
_SAMPLING_ERROR = 0.01  # of all users, at worst (DOCS, measuring segment size)
_LEFT_AFTER_COLLAPSE = 0.12
_LEFT_AFTER_FALL = 0.15
_FALL_BEFORE_STORY = timedelta(hours=3)
_MOMENT = timedelta(microseconds=1)

_WEEK = (0.97, 0.94, 0.95, 0.98, 1.06, 1.14, 1.08)  # Monday first
_DAY = tuple(1 + 0.72 * math.sin((hour - 11.5) / 24 * 2 * math.pi) for hour in range(24))


class Point(NamedTuple):
    """One bucket: its first instant, in UTC, and its value."""

    start: datetime
    value: int


class World:
    """A workspace in which everything follows from the arguments. Nothing in it ever changes.

    `zone` is the company's time zone; it decides where days and hours begin. `segments` is how many
    there are, from none to many thousands.

    Raises ValueError when `story_at` has no time zone or `segments` is negative; its methods raise
    KeyError for an id that is none.
    """

    __slots__ = (
        "_apps_by_id",
        "_fall",
        "_segments_by_id",
        "apps",
        "seed",
        "segments",
        "story_at",
        "zone",
    )

    def __init__(
        self,
        seed: int,
        story_at: datetime,
        *,
        zone: tzinfo = UTC,
        segments: int = workspace.SEGMENT_COUNT,
    ) -> None:
        if story_at.tzinfo is None:
            raise ValueError("story_at needs a time zone")
        if segments < 0:
            raise ValueError(f"there cannot be {segments} segments")
        today = story_at.astimezone(zone).date()
        self.seed = seed
        self.story_at = story_at.astimezone(UTC)
        self.zone = zone
        self.apps: tuple[App, ...] = workspace.APPS
        self.segments = workspace.segments_of(seed, today, zone, segments)
        self._apps_by_id = {app.id: app for app in self.apps}
        self._segments_by_id = {segment.id: segment for segment in self.segments}
        self._fall = hour_start(self.story_at, UTC) - _FALL_BEFORE_STORY

    def segment(self, segment_id: str) -> Segment | None:
        """The segment of this id, if there is one."""
        return self._segments_by_id.get(segment_id)

    def app(self, app_id: str) -> App | None:
        """The app of this id, if there is one."""
        return self._apps_by_id.get(app_id)

    def segment_size(self, segment_id: str, day: date) -> int:
        """Braze's estimate of a segment's users for one day: it stands from midnight and stays.

        It is 0 for days before the segment existed (AIRBYTE-REC). It is taken from a sample, so it
        is off by up to 1% of *all* users, less for small segments, differently each day (DOCS).
        """
        segment = self._segments_by_id[segment_id]
        start = day_start(day, self.zone)
        if start < segment.created_at:
            return 0
        users = _USERS * _grown(_USERS_GROWTH, start)
        rhythm = 1 + 0.02 * math.sin((day.weekday() + 7 * segment.share) / 7 * 2 * math.pi)
        share = min(segment.share * _grown(segment.growth, start) * rhythm, 0.99)
        error = _SAMPLING_ERROR * 2 * math.sqrt(share * (1 - share))
        size = users * (share + error * swing(self.seed, segment.id, day))
        if segment.name == workspace.COLLAPSED_SEGMENT and day >= self._story_day:
            size *= _LEFT_AFTER_COLLAPSE
        return max(0, round(size))

    @property
    def _story_day(self) -> date:
        return self.story_at.astimezone(self.zone).date()

    def sessions(self, app_id: str | None, segment_id: str | None, hour: datetime) -> int:
        """The sessions of the whole hour that starts at `hour`, whether or not it is over.

        Without an app it is the sum over all apps; with a segment it is that segment's share of the
        app's sessions: none when it is not tracked or did not exist yet.
        """
        segment = None if segment_id is None else self._segments_by_id[segment_id]
        return sum(self._sessions(app, segment, hour) for app in self._chosen(app_id))

    def _sessions(self, app: App, segment: Segment | None, hour: datetime) -> int:
        hour = hour.astimezone(UTC)
        count = self._busyness(app, hour)
        if app.name == workspace.FALLEN_APP and hour >= self._fall:
            count *= _LEFT_AFTER_FALL
        return int(count) if segment is None else int(int(count) * self._part(app, segment, hour))

    def _busyness(self, app: App, hour: datetime) -> float:
        """The sessions of an app in an hour of UTC, were it not for the story."""
        noise = digest(self.seed, app.id, hour.date(), size=26)  # of the day, then of each hour
        count = app.daily_sessions / 24 * _grown(_SESSIONS_GROWTH, hour)
        count *= _WEEK[hour.weekday()] * _DAY[hour.hour]
        count *= 0.97 + 0.06 * noise[24] / 255
        count *= 0.95 + 0.10 * noise[hour.hour] / 255
        return count

    def _part(self, app: App, segment: Segment, hour: datetime) -> float:
        if not segment.tracked or hour < segment.created_at:
            return 0.0
        return min(1.0, segment.share * (0.8 + 0.4 * chance(self.seed, segment.id, app.id)))

    def segment_points(
        self, segment_id: str, now: datetime, length: int, ending_at: datetime | None = None
    ) -> tuple[Point, ...]:
        """What Braze says to `/segments/data_series`: `length` days up to `ending_at` or now."""
        days = days_before(ending_at or now, self.zone, length)
        return tuple(
            Point(day_start(day, self.zone), self.segment_size(segment_id, day)) for day in days
        )

    def session_points(
        self,
        unit: Unit,
        app_id: str | None,
        segment_id: str | None,
        now: datetime,
        length: int,
        ending_at: datetime | None = None,
    ) -> tuple[Point, ...]:
        """What Braze says to `/sessions/data_series`: `length` buckets up to `ending_at` or now.

        A day is exactly the sum of its hours, 23 or 25 when the clocks change. Of the hour around
        `now` so much of its sessions is counted as of its time has passed.
        """

        def counted(app: App, hour: datetime) -> int:
            return self.sessions(app.id, segment_id, hour)

        return self._counts(counted, unit, app_id, now, length, ending_at)

    def _counts(
        self,
        counted: Callable[[App, datetime], int],
        unit: Unit,
        app_id: str | None,
        now: datetime,
        length: int,
        ending_at: datetime | None,
    ) -> tuple[Point, ...]:
        """The buckets of what is `counted` in the whole hours of an app."""

        def so_far(hour: datetime) -> int:
            passed = min(max((now - hour) / HOUR, 0.0), 1.0)
            return sum(int(counted(app, hour) * passed) for app in apps)

        apps = self._chosen(app_id)
        end = ending_at or now
        if unit == "hour":
            return tuple(Point(hour, so_far(hour)) for hour in hours_before(end, self.zone, length))
        return tuple(
            Point(day_start(day, self.zone), sum(map(so_far, hours_of_day(day, self.zone))))
            for day in days_before(end, self.zone, length)
        )

    def event_points(
        self,
        event: str,
        unit: Unit,
        app_id: str | None,
        segment_id: str | None,
        now: datetime,
        length: int,
        ending_at: datetime | None = None,
    ) -> tuple[Point, ...]:
        """What Braze says to `/events/data_series`: no points of an event that never happened."""
        segment = None if segment_id is None else self._segments_by_id[segment_id]

        def counted(app: App, hour: datetime) -> int:
            return self.events(event, app, segment, hour)

        if event not in EVENTS:
            return ()
        return self._counts(counted, unit, app_id, now, length, ending_at)

    def events(self, event: str, app: App, segment: Segment | None, hour: datetime) -> int:
        """How often `event` happens in an app, to a segment's users, in a whole hour."""
        hour = hour.astimezone(UTC)
        part = 1.0 if segment is None else self._part(app, segment, hour)
        return int(self._busyness(app, hour) * EVENTS[event] * part)

    def kpi_points(
        self,
        name: str,
        app_id: str | None,
        now: datetime,
        length: int,
        ending_at: datetime | None = None,
    ) -> tuple[Point, ...]:
        """What Braze says to `/kpi/<name>/data_series`: `length` days up to `ending_at` or now."""
        days = days_before(ending_at or now, self.zone, length)
        return tuple(
            Point(day_start(day, self.zone), self.kpi(name, app_id, day, now)) for day in days
        )

    def kpi(self, name: str, app_id: str | None, day: date, now: datetime) -> int:
        """A figure of one day, as far as it is known at `now`."""
        kpi, start, end = KPIS[name], day_start(day, self.zone), day_start(_next(day), self.zone)
        counts = last_run(min(now, end - _MOMENT)) if kpi.nightly else start
        passed = min(max((now - start) / (end - start), 0.0), 1.0)
        apps = self._chosen(app_id)
        value = sum(int(self._of_day(app, name, counts) * kpi.per_session) for app in apps)
        return int(value * (kpi.together if app_id is None else 1) * kpi.so_far(passed))

    def _of_day(self, app: App, name: str, moment: datetime) -> float:
        """A plain day's sessions of an app, a little different for each figure and day."""
        day = moment.astimezone(self.zone).date()
        week = 1.0 if KPIS[name].nightly else _WEEK[day.weekday()]
        noise = 0.97 + 0.06 * chance(self.seed, app.id, name, day)
        return app.daily_sessions * _grown(_SESSIONS_GROWTH, moment) * week * noise

    def _chosen(self, app_id: str | None) -> tuple[App, ...]:
        return self.apps if app_id is None else (self._apps_by_id[app_id],)


def _next(day: date) -> date:
    return day + timedelta(days=1)


def _grown(yearly: float, moment: datetime) -> float:
    return float(yearly ** ((moment - _EPOCH) / _YEAR))
