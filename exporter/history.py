"""What a series' points say: the newest value, the complete one, the one that still fills."""

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.buckets import ZONE_MISMATCH
from exporter.model import Point


@dataclass(frozen=True, slots=True)
class Value:
    """A value, and the start of the bucket it stands for (epoch seconds)."""

    value: float
    start: int


@dataclass(frozen=True, slots=True)
class Current:
    """The value of a bucket that still fills; `until` (epoch seconds) it may be shown."""

    value: float
    start: int
    until: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """A 0 not believed at once: the start of its day, and when an answer first showed it."""

    start: int
    first_seen: float


@dataclass(frozen=True, slots=True)
class Observation:
    """What one answer says of a series; `doubt` is carried to the next answer."""

    value: Value | None = None
    current: Current | None = None
    doubt: Doubt | None = None


def observe_level(
    points: Sequence[Point],
    sent: float,
    zero_after: float,
    doubt: Doubt | None = None,
    made_after: float = 0.0,
) -> Observation:
    """The newest point, unless it is a 0 that came too early to be believed.

    A 0 for a day that is not over, after a non-zero day, is believed `zero_after` seconds past the
    later of the day's start and the 0's first appearance; until then the day before stands. Braze
    computes the day's estimate at an unknown hour, and small samples show a 0 now and then.
    `points` ascend; `doubt` is what the observation before held. `made_after` is how long (seconds)
    after its start a day's figure may come, where that is after the day.
    """
    if not points:
        return Observation()
    zeros = 0
    while zeros < len(points) and _may_come(points[-1 - zeros], sent, made_after):
        zeros += 1
    if 0 < zeros < len(points) and points[-1 - zeros].value > 0:
        first, before = points[-zeros], points[-1 - zeros]
        seen = doubt.first_seen if doubt is not None and doubt.start == first.start else sent
        shown = before if sent < max(first.start, seen) + zero_after else points[-1]
        return Observation(Value(shown.value, shown.start), doubt=Doubt(first.start, seen))
    return Observation(Value(points[-1].value, points[-1].start))


def _may_come(point: Point, sent: float, made_after: float) -> bool:
    """Whether it is a 0 of a day whose figure may still come."""
    return point.value == 0 and max(point.end, point.start + made_after) > sent


def observe_count(points: Sequence[Point], sent: float, settle: float) -> Observation:
    """The newest complete bucket, and the newest one while it still fills. `points` ascend."""
    complete = newest_complete(points, sent, settle)
    current = None
    if points:
        newest, until = points[-1], points[-1].end + settle
        if sent < until:
            current = Current(newest.value, newest.start, until)
    shown = Value(complete.value, complete.start) if complete is not None else None
    return Observation(shown, current)


def newest_complete(points: Sequence[Point], sent: float, settle: float) -> Point | None:
    """The newest of `points`, which ascend, whose bucket is complete.

    It is when it ended at least `settle` seconds before the request was `sent`, and either its time
    carried an offset, or the answer holds a newer point, or it ended at least 14 h before: so that
    no bucket counts before it is over, even under a wrong time zone in the settings.
    """
    for newer, point in enumerate(reversed(points)):
        ended = sent - point.end
        if ended >= settle and (point.offset or newer or ended >= ZONE_MISMATCH):
            return point
    return None


def level_seen_from(
    point: Point, before: Point | None, zero_after: float, made_after: float = 0.0
) -> float:
    """From when on `observe_level` says `point`, had it been asked all the time (epoch seconds).

    `before` is the point before it.
    """
    if point.value > 0 or before is None or before.value == 0:
        return point.start
    # A day whose figure can come no more is not doubted any more.
    return min(point.start + zero_after, max(point.end, point.start + made_after))


def count_seen_from(point: Point, after: Point | None, settle: float) -> float:
    """From when on `point` is complete, had `newest_complete` been asked all the time (epoch
    seconds). `after` is the point after it.
    """
    if point.offset:
        return point.end + settle
    sure = point.end + ZONE_MISMATCH
    if after is not None:
        sure = min(sure, after.start)
    return max(point.end + settle, sure)
