"""What the exporter must show of a simulated world at a moment, by the calendar alone.

Written from the contract (docs/metrics.md) with dates and times on the wall, without a thought of
speed and without the code of exporter or simulator that knows days and hours.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from statistics import median
from zoneinfo import ZoneInfo

from exporter.simulator import Segment, World
from exporter.watch import Alerts

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTLE = timedelta(minutes=15)
ALERTS = Alerts()

Bucket = date | datetime  # a day of the zone, or the moment an hour begins, in UTC
Samples = dict[tuple[str, frozenset[str]], float]


class Remembered(World):
    """A world that works out the sessions of an hour once: a day asks for them again and again."""

    def __init__(self, story_at: datetime, zone: ZoneInfo) -> None:
        super().__init__(7, story_at, zone=zone)
        self._once = lru_cache(maxsize=4000)(super().sessions)

    def sessions(self, app_id: str | None, segment_id: str | None, hour: datetime) -> int:
        return self._once(app_id, segment_id, hour)


def large(world: World) -> tuple[Segment, ...]:
    """Some segments that are never 0, so that no doubt about a 0 keeps a day from being shown, and
    old enough to have been there all the time; the one that collapses is among them.
    """
    old = world.story_at - 300 * DAY
    return tuple(each for each in world.segments if each.share >= 0.02 and each.created_at < old)[
        :4
    ]


class Truth:
    """All values of sizes and sessions, by name and labels other than the workspace."""

    def __init__(self, world: World, zone: ZoneInfo) -> None:
        self._world = world
        self._zone = zone

    def at(self, now: datetime) -> Samples:
        """What a poll of everything at `now` leaves on the page."""
        found: Samples = {}
        for segment in large(self._world):
            name, of_segment = "braze_segment_size", (segment.id,)
            today = self._day_of(now)

            def size(day: Bucket, segment: str = segment.id) -> float:
                assert not isinstance(day, datetime)
                return self._world.segment_size(segment, day)

            month = [self._before(today, days) for days in range(1, 29)]
            found |= self._shown(name, of_segment, today, size, month, ALERTS.min_size)
        scopes: list[tuple[str, str | None]] = [("app", app.id) for app in self._world.apps] + [
            ("workspace", None)
        ]
        for subject, app in scopes:
            for word, newest in (("daily", self._day_of(now)), ("hourly", self._hour_of(now))):
                name = f"braze_{subject}_sessions_{word}"
                label: tuple[str, ...] = (app,) if app else ()

                def sessions(bucket: Bucket, app: str | None = app) -> float:
                    return sum(self._sessions(app, hour, now) for hour in self._hours(bucket))

                shown = newest
                while self._end(shown) + SETTLE > now:
                    shown = self._preceding(shown)
                weeks = [self._before(shown, 7 * week) for week in (1, 2, 3, 4)]
                found |= self._shown(name, label, shown, sessions, weeks, ALERTS.min_sessions)
                if now < self._end(newest) + SETTLE:
                    where = frozenset(label)
                    found[f"{name}_current", where] = sessions(newest)
                    found[f"{name}_current_timestamp_seconds", where] = self._epoch(newest)
        return found

    def _shown(
        self,
        name: str,
        label: tuple[str, ...],
        shown: Bucket,
        value: Callable[[Bucket], float],
        several: list[Bucket | None],
        least: float,
    ) -> Samples:
        named = {"1d": self._before(shown, 1), "1w": self._before(shown, 7)}
        normal = {key: value(bucket) for key, bucket in named.items() if bucket is not None}
        normal["4w_median"] = median(value(bucket) for bucket in several if bucket is not None)
        found = {(f"{name}_baseline", frozenset((*label, key))): one for key, one in normal.items()}
        smaller = min(one for key, one in normal.items() if key != "1d")
        where = frozenset(label)
        if smaller >= least:
            found[f"{name}_alert_threshold", where] = (1 - ALERTS.drop) * smaller
        found[name, where] = value(shown)
        found[f"{name}_timestamp_seconds", where] = self._epoch(shown)
        return found

    def _sessions(self, app: str | None, hour: datetime, now: datetime) -> int:
        """Of an hour: so much as has passed of it, counted app by app."""
        passed = min(max((now - hour) / HOUR, 0.0), 1.0)
        apps = [one.id for one in self._world.apps if app in (None, one.id)]
        return sum(int(self._world.sessions(one, None, hour) * passed) for one in apps)

    def _day_of(self, now: datetime) -> date:
        """The day that holds the instant just before."""
        return (now - timedelta(microseconds=1)).astimezone(self._zone).date()

    def _hour_of(self, now: datetime) -> datetime:
        """The hour on the wall that holds the instant just before."""
        wall = (now - timedelta(microseconds=1)).astimezone(self._zone)
        return wall.replace(minute=0, second=0, microsecond=0).astimezone(UTC)

    def _start(self, bucket: Bucket) -> datetime:
        if isinstance(bucket, datetime):
            return bucket
        return datetime.combine(bucket, time(), self._zone).astimezone(UTC)

    def _end(self, bucket: Bucket) -> datetime:
        return bucket + HOUR if isinstance(bucket, datetime) else self._start(bucket + DAY)

    def _epoch(self, bucket: Bucket) -> float:
        return self._start(bucket).timestamp()

    def _preceding(self, bucket: Bucket) -> Bucket:
        return bucket - HOUR if isinstance(bucket, datetime) else bucket - DAY

    def _hours(self, bucket: Bucket) -> Iterator[datetime]:
        """The hours of a bucket: of a day 24, or 23 or 25."""
        hour = self._start(bucket)
        while hour < self._end(bucket):
            yield hour
            hour += HOUR

    def _before(self, bucket: Bucket, days: int) -> Bucket | None:
        """The day so many days before, or the hour at the same time on the wall, if there was one;
        of two at the same time the first.
        """
        if not isinstance(bucket, datetime):
            return bucket - days * DAY
        wall = bucket.astimezone(self._zone).replace(tzinfo=None) - days * DAY
        then = wall.replace(tzinfo=self._zone).astimezone(UTC)
        existed = then.astimezone(self._zone).replace(tzinfo=None) == wall
        return then if existed else None
