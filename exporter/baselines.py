"""What is normal for a bucket, by those a day, a week and up to four weeks before: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import isfinite
from statistics import median
from zoneinfo import ZoneInfo

from exporter.model import Concern, Kind, Unit
from exporter.past import Past

NAMES = ("1d", "1w", "4w_median")
"""The values of the label `baseline`."""

_LEAST_DAYS = 7  # of the 28 before, for the median of a level
_LEAST_WEEKS = 2  # of the 4 before, for the median of a count


@dataclass(frozen=True, slots=True)
class Baselines:
    """Values to compare a bucket with; None where the past does not tell."""

    day: float | None = None
    week: float | None = None
    four_weeks: float | None = None

    @property
    def named(self) -> tuple[tuple[str, float], ...]:
        """The known ones, each with its value of the label `baseline`."""
        pairs = zip(NAMES, (self.day, self.week, self.four_weeks), strict=True)
        return tuple((name, value) for name, value in pairs if value is not None)


def baselines(past: Past, start: int, kind: Kind, unit: Unit, zone: ZoneInfo) -> Baselines:
    """What is normal for the bucket that begins at `start` (epoch seconds).

    The day before and the same weekday last week, for an hour at the same local time; and the
    median over four weeks: of a level, of the 28 days before, of which 7 must be known; of a count,
    of the same weekday (and hour), of which 2 must be.
    """
    moments = _earlier(start, unit, zone)
    day, *weeks = [None if moment is None else past.value(moment) for moment in moments]
    yesterday, *_, first = moments
    if kind is Kind.COUNT:
        four_weeks = _median([value for value in weeks if value is not None], _LEAST_WEEKS)
    elif yesterday is None or first is None:
        four_weeks = None
    else:  # all that lies between are days, for each begins at local midnight
        known = past.between(first, yesterday)
        four_weeks = _median([value for _, value in known], _LEAST_DAYS)
    return Baselines(day, weeks[0], four_weeks)


def threshold(normal: Baselines, concern: Concern, share: float, least: float) -> float | None:
    """The value below which it is a drop: a share under the smaller one of week and median; or
    above which it is a surge: a share over the larger one, or over `least` where that is less.

    None where neither is known, and for a drop where less than `least` is normal: of little, much
    is noise.
    """
    base = compared(normal, concern)
    if base is None or (concern is Concern.DROP and base < least):
        return None
    value = (1 - share) * base if concern is Concern.DROP else (1 + share) * max(base, least)
    return value if isfinite(value) else None


def compared(normal: Baselines, concern: Concern) -> float | None:
    """Which one of week and median an alarm compares with: the one that is harder to pass."""
    known = [value for value in (normal.week, normal.four_weeks) if value is not None]
    if not known:
        return None
    return min(known) if concern is Concern.DROP else max(known)


@lru_cache(maxsize=1024)  # the series of a poll nearly all ask for the same bucket
def _earlier(start: int, unit: Unit, zone: ZoneInfo) -> tuple[int | None, ...]:
    """When the same local day or hour began a day, and one to four weeks, before `start`."""
    return tuple(_days_before(start, days, unit, zone) for days in (1, 7, 14, 21, 28))


def _days_before(start: int, days: int, unit: Unit, zone: ZoneInfo) -> int | None:
    """When the same local day or hour began, days before; None for an hour that did not exist."""
    local = datetime.fromtimestamp(start, zone)
    # Arithmetic on a local time moves the hands of the clock, whatever summer time does.
    then = local - timedelta(days=days)
    if unit is Unit.DAY:
        return int(then.replace(hour=0, minute=0, second=0, fold=0).timestamp())
    moment = int(then.timestamp())
    existed = datetime.fromtimestamp(moment, zone).replace(tzinfo=None) == then.replace(tzinfo=None)
    return moment if existed else None


def _median(known: Sequence[float], least: int) -> float | None:
    found = median(known) if len(known) >= least else None
    # Between two of the largest numbers there are lies none that a float can hold.
    return found if found is not None and isfinite(found) else None
