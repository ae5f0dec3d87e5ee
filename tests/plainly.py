"""The contract of part 3, read plainly and slowly: what tests compare the exporter with.

Written from the contract alone: dates, times on the wall and dictionaries, every answer that was
ever read, and no thought of speed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, product
from zoneinfo import ZoneInfo

from exporter.model import Concern, Kind, Unit

HOURS = timedelta(hours=1)
DAYS = timedelta(days=1)
SETTLE = timedelta(minutes=15)
ZERO_AFTER = timedelta(hours=6)
AHEAD = timedelta(hours=14)
QUARTER = timedelta(minutes=15)  # no zone of our time lies less apart from another
Time = tuple[datetime, timedelta | None]  # as it is written: on the wall, and how far from UTC
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
Bucket = date | datetime  # a day of the zone, or the moment an hour begins, in UTC
Rows = Sequence[tuple[Bucket, float | None]]


@dataclass
class Reference:
    """One series, as the contract says."""

    kind: Kind
    unit: Unit
    zone: ZoneInfo
    offset: bool
    known: dict[Bucket, float] = field(default_factory=dict)
    answer: dict[Bucket, float] = field(default_factory=dict)  # the newest
    over: datetime = NEVER  # the newest bucket that was ever complete
    whole: bool = False
    zero: tuple[Bucket, datetime] | None = None
    zero_after: timedelta = ZERO_AFTER
    concern: Concern = Concern.DROP

    def start(self, bucket: Bucket) -> datetime:
        if isinstance(bucket, datetime):
            return bucket
        return datetime.combine(bucket, time(), self.zone).astimezone(UTC)

    def end(self, bucket: Bucket) -> datetime:
        return bucket + HOURS if isinstance(bucket, datetime) else self.start(bucket + DAYS)

    def read(self, rows: Rows, sent: datetime) -> None:
        """An answer: the last of duplicates wins, null is unknown, what is too far ahead too."""
        answer = {
            bucket: value
            for bucket, value in rows
            if value is not None and self.start(bucket) <= sent + AHEAD
        }
        self.sent, self.answer = sent, answer
        # What was read of a bucket while it filled is not its value.
        whole = {b: value for b, value in self.known.items() if self.start(b) <= self.over}
        self.known = whole | answer
        self.over = max([self.over, *(self.start(b) for b in answer if self.complete(b))])
        self.doubt()

    def precede(self, rows: Rows) -> None:
        """The history: it tells only what no answer told."""
        older = {bucket: value for bucket, value in rows if value is not None}
        self.known = older | self.known
        if self.over == NEVER:  # what lies before the newest points is over
            self.over = max(map(self.start, older), default=NEVER)
        self.whole = True

    def complete(self, bucket: Bucket) -> bool:
        ended = self.end(bucket)
        newer = any(self.start(other) > self.start(bucket) for other in self.answer)
        sure = (self.offset and self.unit is Unit.HOUR) or newer or ended <= self.sent - AHEAD
        return ended <= self.sent - SETTLE and sure

    def doubt(self) -> None:
        """The first of the zeros that end the answer, if its day is not over and users precede."""
        zeros: list[Bucket] = []
        for bucket in sorted(self.answer, key=self.start, reverse=True):
            if self.answer[bucket] > 0:
                break
            if self.end(bucket) <= self.sent:
                zeros = []
                break
            zeros.append(bucket)
        else:
            zeros = []
        if not zeros:
            self.zero = None
        elif self.zero is None or self.zero[0] != zeros[-1]:
            self.zero = zeros[-1], self.sent

    def shown(self) -> Bucket | None:
        if self.kind is Kind.COUNT:
            done = [bucket for bucket in self.answer if self.complete(bucket)]
            return max(done, key=self.start, default=None)
        newest = max(self.answer, key=self.start)
        if self.zero is None:
            return newest
        doubted, seen = self.zero
        if self.sent >= max(self.start(doubted), seen) + self.zero_after:
            return newest
        before = [b for b in self.answer if self.start(b) < self.start(doubted)]
        return max(before, key=self.start)

    def current(self) -> Bucket | None:
        newest = max(self.answer, key=self.start)
        fills = self.kind is Kind.COUNT and self.sent < self.end(newest) + SETTLE
        return newest if fills else None

    def told(self) -> dict[Bucket, float]:
        """What is known: 35 days, or 700 hours, deep; of zeros, those after another value."""
        users = [bucket for bucket, value in self.known.items() if value > 0]
        begun = min(map(self.start, users), default=self.sent + 2 * AHEAD)
        depth = 35 * DAYS if self.unit is Unit.DAY else 700 * HOURS
        oldest = max(begun, self.over - depth)
        return {b: value for b, value in self.known.items() if self.start(b) >= oldest}

    def before(self, told: dict[Bucket, float], bucket: Bucket, days: int) -> float | None:
        """What is known of the same day, or hour on the clock, so many days before."""
        for other, value in told.items():
            if isinstance(bucket, datetime) and isinstance(other, datetime):
                wall, now = other.astimezone(self.zone), bucket.astimezone(self.zone)
                same = wall.time() == now.time() and wall.date() == now.date() - days * DAYS
                if same and not wall.fold:
                    return value
            elif other == bucket - days * DAYS:
                return value
        return None

    def normal(self) -> dict[str, float]:
        shown = self.shown()
        if shown is None or not self.whole:
            return {}
        told = self.told()
        if self.kind is Kind.LEVEL:
            several, least = [self.before(told, shown, days) for days in range(1, 29)], 7
        else:
            several, least = [self.before(told, shown, 7 * weeks) for weeks in (1, 2, 3, 4)], 2
        some = sorted(value for value in several if value is not None)
        middle = len(some) // 2
        mid = (
            some[middle] if len(some) % 2 else (some[middle - 1] + some[middle]) / 2 if some else 0
        )
        named = {
            "1d": self.before(told, shown, 1),
            "1w": self.before(told, shown, 7),
            "4w_median": mid if len(some) >= least else None,
        }
        return {name: value for name, value in named.items() if value is not None}

    def threshold(self) -> float | None:
        normal = self.normal()
        known = [normal[name] for name in ("1w", "4w_median") if name in normal]
        drop = self.concern is Concern.DROP
        base = (min if drop else max)(known, default=-1)
        least = 40 if self.kind is Kind.LEVEL else 60
        if not known or (drop and base < least):
            return None
        return 0.75 * base if drop else 2.0 * max(base, least)


def days_of(
    rows: Iterable[tuple[Time, float]], zone: ZoneInfo, sent: datetime
) -> dict[datetime, tuple[datetime, float]]:
    """When each day of `rows` begins, when it ends, and its value."""
    found = {}
    for (wall, _), value in rows:
        start, end = _day(wall.date(), zone), _day(wall.date() + DAYS, zone)
        if start < end and start <= sent + AHEAD:
            found[start] = end, value
    return found


def hours_of(
    rows: Sequence[tuple[Time, float]], zone: ZoneInfo, sent: datetime
) -> dict[datetime, tuple[datetime, float]]:
    """When each hour of `rows` begins, when it ends, and its value.

    Of all ways to read hours that come twice, the one whose steps come closest to an hour forwards
    or backwards; of equally good ones that which is in the second hour soonest.
    """
    meanings = [_meanings(time, zone) for time, _ in rows]
    known = [row for row, several in zip(rows, meanings, strict=True) if several]
    ways = list(product(*filter(None, meanings)))

    def off(way: Sequence[datetime], step: timedelta) -> timedelta:
        return sum((abs(b - a - step) for a, b in pairwise(way)), timedelta())

    # From the end: forwards the later moment is the one to reach soon, backwards the earlier one.
    forwards = min(ways, key=lambda way: (off(way, HOURS), [-m.timestamp() for m in way[::-1]]))
    backwards = min(ways, key=lambda way: (off(way, -HOURS), [m.timestamp() for m in way[::-1]]))
    nearer = off(forwards, HOURS) <= off(backwards, -HOURS)
    return {
        start: (start + HOURS, value)
        for start, (_, value) in zip(forwards if nearer else backwards, known, strict=True)
        if start <= sent + AHEAD
    }


def _day(day: date, zone: ZoneInfo) -> datetime:
    """The first moment at which it is that day, or a later one, in `zone`."""
    moment = datetime.combine(day, time(), UTC) - AHEAD - HOURS
    while moment.astimezone(zone).date() < day:
        moment += QUARTER
    return moment


def _meanings(written: Time, zone: ZoneInfo) -> list[datetime]:
    """The moments at which the clock in `zone` shows that."""
    wall, offset = written
    if offset is not None:
        return [wall.replace(tzinfo=UTC) - offset]
    moments = (wall.replace(tzinfo=UTC) + number * QUARTER for number in range(-60, 61))
    return [each for each in moments if each.astimezone(zone).replace(tzinfo=None) == wall]
