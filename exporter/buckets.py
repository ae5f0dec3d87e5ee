"""Which day or hour Braze means: from the rows of an answer to points."""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple, TypeGuard
from zoneinfo import ZoneInfo

from exporter.model import Point, Unit

# As far as any zone lies from UTC, and so a bucket of "now" in a wrong time zone. A
# bucket that starts later than this stands for nothing that can have happened.
ZONE_MISMATCH = 14 * 3600

MOST_POINTS = 100
"""Points that `data_series` gives at a time (Braze's documentation)."""

_HOUR = 3600

_LONGEST = 64  # characters of a `time`, which takes 35 with all that anyone has reported

# Every form of `time` that anyone has reported or documented: a date, or a date and time with
# seconds or without, with a fraction or without, and with `Z`, `+hh:mm`, `+h:mm`, `+hhmm` or no
# offset.
_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?P<offset>[Zz]|[+-]\d{1,2}(?::?\d{2})?)?)?",
    re.ASCII,
)


class _Row(NamedTuple):
    """A readable row: its wall time, its offset from UTC where it has one, and its value."""

    wall: datetime
    offset: timezone | None
    value: float


def read_points(
    rows: Sequence[object], field: str, unit: Unit, zone: ZoneInfo, sent: float
) -> tuple[Point, ...]:
    """The points of `rows`, ascending, one a bucket; rows that cannot be read are left out.

    A row is read when its value is a finite number of at least 0, its `time` names a bucket that
    exists in `zone`, and that bucket starts at most 14 h after `sent` (epoch seconds). Of several
    rows for one bucket the last in the list wins.
    """
    read = _days if unit is Unit.DAY else _hours
    latest = sent + ZONE_MISMATCH
    points = {point.start: point for point in read(rows, field, zone) if point.start <= latest}
    return tuple(points[start] for start in sorted(points))


def _days(rows: Sequence[object], field: str, zone: ZoneInfo) -> Iterator[Point]:
    readable = [
        (time, value)
        for row in rows
        if isinstance(row, dict)
        and _is_text(time := row.get("time"))
        and (value := _number(row.get(field))) is not None
    ]
    times = tuple([time for time, _ in readable])
    # What Braze does not send is not kept, or it would fill the memory.
    spans = (_spans if len(times) <= MOST_POINTS else _spans.__wrapped__)(times, zone)
    for (_, value), span in zip(readable, spans, strict=True):
        if span is not None:
            yield Point(span[0], span[1], value, False)


def _hours(rows: Sequence[object], field: str, zone: ZoneInfo) -> Iterator[Point]:
    readable = [row for row in (_read_row(row, field) for row in rows) if row is not None]
    for row, start in zip(readable, _hour_starts(readable, zone), strict=True):
        if start is not None:
            yield Point(start, start + _HOUR, row.value, row.offset is not None)


def _read_row(row: object, field: str) -> _Row | None:
    if not isinstance(row, dict):
        return None
    time, value = row.get("time"), _number(row.get(field))
    read = _read_time(time) if _is_text(time) else None
    return _Row(*read, value) if value is not None and read is not None else None


def _is_text(time: object) -> TypeGuard[str]:
    """Whether it may be a time: nothing longer is looked at, or remembered."""
    return isinstance(time, str) and len(time) <= _LONGEST


@lru_cache(maxsize=64)  # the answers of a poll nearly all name the same days
def _spans(times: tuple[str, ...], zone: ZoneInfo) -> tuple[tuple[int, int] | None, ...]:
    """When the day that each of `times` names begins and ends, None where that is no day."""
    return tuple([_span(time, zone) for time in times])


def _span(time: str, zone: ZoneInfo) -> tuple[int, int] | None:
    """None for a text that names no day, and for a day that a country skips when it crosses the
    date line.
    """
    read = _read_time(time)
    if read is None:
        return None
    day = read[0].date()
    start, end = _day_start(day, zone), _day_start(day + timedelta(days=1), zone)
    return (start, end) if start < end else None


@lru_cache(maxsize=4096)  # of a poll of hours, the same hours
def _read_time(text: str) -> tuple[datetime, timezone | None] | None:
    """The wall time that `text` names and its offset from UTC, where it has one; None for a text
    that names none.
    """
    matched = _TIME.fullmatch(text.strip())
    if matched is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in matched.groups()[:6])
        # The last days of the calendar have no day after them.
        wall = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - zone comes later
        return (wall, _offset(matched["offset"])) if 1971 <= year <= 9000 else None
    except ValueError:
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _offset(text: str | None) -> timezone | None:
    """The offset that `text` writes; None for none. Raises ValueError for one that no clock has."""
    if text is None:
        return None
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "")
    hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
    if minutes > 59:
        raise ValueError(text)
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)


def _day_start(day: date, zone: ZoneInfo) -> int:
    """The first moment of `day`; where midnight is skipped, the moment the clock skips it."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _hour_starts(rows: Sequence[_Row], zone: ZoneInfo) -> list[int | None]:
    """The moment each row's hour starts, None for one that does not exist in `zone`.

    A wall time that occurs twice, on the day that summer time ends, is told apart by its
    neighbours: of all ways to read the answer, in its own order, the one whose steps come closest
    to an hour, in one direction.
    """
    choices = [_moments(row, zone) for row in rows]
    known = [choice for choice in choices if choice]
    chosen = iter(_closest_steps(known))
    return [next(chosen) if choice else None for choice in choices]


def _moments(row: _Row, zone: ZoneInfo) -> tuple[int, ...]:
    """The moments that a row's wall time can mean: none, one or two."""
    if row.offset is not None:
        return (int(row.wall.replace(tzinfo=row.offset).timestamp()),)
    moments: dict[int, None] = {}
    for fold in (0, 1):
        local = row.wall.replace(tzinfo=zone, fold=fold)
        moment = int(local.timestamp())
        if datetime.fromtimestamp(moment, zone).replace(tzinfo=None) == row.wall:
            moments[moment] = None
    return tuple(moments)


def _closest_steps(choices: Sequence[tuple[int, ...]]) -> list[int]:
    """One moment of each choice, so that in all the steps differ least from an hour forwards, or
    from an hour backwards where that comes closer.
    """
    ways = [_way(choices, step) for step in (_HOUR, -_HOUR)] if choices else [(0, [])]
    return min(ways, key=itemgetter(0))[1]


def _way(choices: Sequence[tuple[int, ...]], step: int) -> tuple[int, list[int]]:
    """How much the steps of the best way through `choices` differ from `step`, and that way.

    Of equally good ways the one that reaches the second moment soonest: then of rows that come
    twice, the last of a moment still wins, and none lands in the other moment.
    """
    ordered = [sorted(choice, reverse=step > 0) for choice in choices]
    costs = [0] * len(ordered[0])
    # For each later choice and moment: the place of the best moment of the choice before.
    best_before: list[list[int]] = []
    for earlier, later in pairwise(ordered):
        totals = [
            [cost + abs(moment - last - step) for last, cost in zip(earlier, costs, strict=True)]
            for moment in later
        ]
        best_before.append([total.index(min(total)) for total in totals])
        costs = [min(total) for total in totals]
    cost = min(costs)
    place = costs.index(cost)
    way = [ordered[-1][place]]
    for choice, best in zip(reversed(ordered[:-1]), reversed(best_before), strict=True):
        place = best[place]
        way.append(choice[place])
    return cost, way[::-1]
