"""A made-up workspace of a year: segments and apps of which everything follows from a seed."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from datetime import time as clock
from itertools import pairwise
from zoneinfo import ZoneInfo

from exporter.families import FAMILY
from exporter.model import Kind, Point, Series, Unit

HOUR, DAY = 3600, 86400
AFTER = 16 * 60  # a poll comes this long after each hour, or midnight: the first that can show it
ZERO_AFTER = 6 * HOUR  # and another one when a 0 can be believed
USERS = 2_400_000
ERROR = 0.01  # of all users: how far Braze's estimate of a segment may be off (its documentation)
LATE, LATEST = 0.03, 2 * DAY  # so many sessions are known late, and until when
ZONES = ("Europe/Berlin", "America/New_York", "UTC")
SHARES = (0.0005, 0.002, 0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.1, 0.2, 0.5, 0.9)
SESSIONS_A_DAY = (2_000, 8_000, 30_000, 230_000)
_WEEK = (0.97, 0.94, 0.95, 0.98, 1.06, 1.14, 1.08)  # Monday first


@dataclass(frozen=True)
class Drop:
    """A fall to `left` of what it were, from `start` until before `end`."""

    start: int
    end: int
    left: float


@dataclass(frozen=True)
class Made:
    """A series of which everything follows from the seed.

    `base` is its users or its sessions a day, when it was `born`. With `flat`, every estimate is
    off by up to 1 % of all users, whatever the segment's size; else by as much as that is for half
    of all users, and as a sample of the same size is for this one.
    """

    series: Series
    seed: int
    base: float
    born: int
    zone: ZoneInfo
    flat: bool = True
    drops: tuple[Drop, ...] = ()
    known: dict[int, float] = field(default_factory=dict)

    @property
    def level(self) -> bool:
        return self.series.family.kind is Kind.LEVEL

    @property
    def hourly(self) -> bool:
        return self.series.family.unit is Unit.HOUR

    def value(self, start: int, end: int, asked: float) -> float:
        """What Braze says of a bucket when it is asked: sessions come in as time passes, the last
        of them late.
        """
        if start not in self.known:
            self.known[start] = self._final(start, end) if start >= self.born else 0.0
        final = self.known[start]
        if self.level:
            return final
        came = min(max((asked - start) / (end - start), 0.0), 1.0)
        missing = LATE * max(0.0, 1 - max(0.0, asked - end) / LATEST)
        return float(int(final * came * (1 - missing)))

    def _final(self, start: int, end: int) -> float:
        local = datetime.fromtimestamp(start, self.zone)
        left = next((drop.left for drop in self.drops if drop.start <= start < drop.end), 1.0)
        mean = self.base * left * math.pow(1.1, (start - self.born) / (365 * DAY))
        luck = random.Random(f"{self.seed} {self.series} {start}")
        if self.level:
            mean *= 1 + 0.02 * math.sin((local.weekday() + self.seed) / 7 * 2 * math.pi)
            share = min(mean / USERS, 0.99)
            error = ERROR if self.flat else ERROR * 2 * math.sqrt(share * (1 - share))
            return max(0.0, round(mean + USERS * error * luck.uniform(-1, 1)))
        mean *= _WEEK[local.weekday()] * (end - start) / DAY
        if self.hourly:
            mean *= 1 + 0.72 * math.sin((local.hour - 11.5) / 24 * 2 * math.pi)
            mean *= luck.uniform(0.95, 1.05)
        mean *= random.Random(f"{self.seed} {local.date()}").uniform(0.97, 1.03)
        return max(0.0, round(luck.gauss(mean, math.sqrt(mean))))

    def points(self, asked: float, length: int) -> tuple[Point, ...]:
        """The newest points at a moment, the last one still filling."""
        if self.hourly:
            last = int(asked // HOUR) * HOUR
            starts = [last - back * HOUR for back in range(length - 1, -2, -1)]
        else:
            day = datetime.fromtimestamp(asked, self.zone).date()
            starts = [
                midnight(day - timedelta(days=back), self.zone)
                for back in range(length - 1, -2, -1)
            ]
        return tuple(
            Point(start, end, self.value(start, end, asked), offset=self.hourly)
            for start, end in pairwise(starts)
        )

    def polls(self, first: date, days: int) -> Iterator[float]:
        """When it is polled, of all polls those that can be the first to show a bucket."""
        for number in range(days):
            start = midnight(first + timedelta(days=number), self.zone)
            end = midnight(first + timedelta(days=number + 1), self.zone)
            if self.hourly:
                yield from range(start + AFTER, end, HOUR)
            else:
                yield start + AFTER
                if self.level:
                    yield start + AFTER + ZERO_AFTER


def midnight(day: date, zone: ZoneInfo) -> int:
    """When a local day begins, in epoch seconds."""
    return int(datetime.combine(day, clock(), zone).timestamp())


def with_drops(made: Made, first: date, days: int, lefts: Sequence[float]) -> Made:
    """The same with a drop of three buckets now and then, each to one of `lefts`."""
    luck = random.Random(f"drops {made.seed} {made.series}")
    step, length = (5, HOUR) if made.hourly else (16, DAY)
    found = []
    for number in range(2, days - 5, step):
        day = first + timedelta(days=number)
        start = midnight(day, made.zone) + (luck.randrange(4, 20) * HOUR if made.hourly else 0)
        # Of days a little more than three, for the clocks may change.
        end = start + 3 * length + (0 if made.hourly else 2 * HOUR)
        found.append(Drop(start, end, luck.choice(lefts)))
    return replace(made, drops=tuple(found), known={})


def sizes(
    seed: int, first: date, shares: Sequence[float] = SHARES, *, flat: bool = True
) -> list[Made]:
    """Segments by their share of all users; the third last is made on the 45th day."""
    zone = ZoneInfo(ZONES[seed % len(ZONES)])
    family = FAMILY["braze_segment_size"]
    born = dict.fromkeys(shares, midnight(first - timedelta(days=400), zone))
    born[shares[-3]] = midnight(first + timedelta(days=45), zone)
    return [
        Made(Series(family, ("made", f"s{share}")), seed, share * USERS, born[share], zone, flat)
        for share in shares
    ]


def sessions(
    name: str, seed: int, first: date, counts: Sequence[int] = SESSIONS_A_DAY
) -> list[Made]:
    """Apps by their sessions a day."""
    zone = ZoneInfo(ZONES[seed % len(ZONES)])
    born = midnight(first - timedelta(days=400), zone)
    return [
        Made(Series(FAMILY[name], ("made", f"a{count}")), seed, count, born, zone)
        for count in counts
    ]


def sure(made: Made, drop: float) -> float:
    """What a drop may leave of a segment so that no error, rhythm or growth hides it: the smallest
    normal value, and the largest error of the day itself.
    """
    error = ERROR * USERS / made.base
    return (1 - drop) * (1 - error) * 0.94 - error
