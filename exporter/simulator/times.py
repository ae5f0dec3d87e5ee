"""Days and hours of the company's time zone, and the forms in which Braze writes and reads them.

Instants are aware datetimes in UTC throughout, so that a repeated autumn hour has two of them.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from types import MappingProxyType
from typing import Literal

HOUR = timedelta(hours=1)
_INSTANT = timedelta(microseconds=1)
_EPOCH_YEAR = 1970
_EASTERN = timezone(timedelta(hours=-5))

Unit = Literal["day", "hour"]
TimeForm = Callable[[datetime, tzinfo], str]


def day_start(day: date, zone: tzinfo) -> datetime:
    """The first instant of a local day; where the clocks skip midnight, the instant they do."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def hour_start(instant: datetime, zone: tzinfo) -> datetime:
    """The start of the local hour around an instant (at half past in UTC for UTC+05:30)."""
    local = instant.astimezone(zone)
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return instant.astimezone(UTC) - into


def hours_of_day(day: date, zone: tzinfo) -> tuple[datetime, ...]:
    """The starts of a local day's hours: 24, or 23 or 25 when the clocks change."""
    start, end = day_start(day, zone), day_start(day + timedelta(days=1), zone)
    return tuple(start + HOUR * number for number in range(round((end - start) / HOUR)))


def days_before(ending_at: datetime, zone: tzinfo, length: int) -> tuple[date, ...]:
    """The `length` local days of which the last holds the instant just before `ending_at`.

    So midnight ends with the day before it: a date alone is exclusive (AIRBYTE-REC).
    """
    last = (ending_at - _INSTANT).astimezone(zone).date()
    return tuple(last - timedelta(days=back) for back in range(length - 1, -1, -1))


def hours_before(ending_at: datetime, zone: tzinfo, length: int) -> tuple[datetime, ...]:
    """The starts of `length` hours of which the last holds the instant just before `ending_at`."""
    last = hour_start(ending_at - _INSTANT, zone)
    return tuple(last - HOUR * back for back in range(length - 1, -1, -1))


_ENDING_AT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(T(?P<clock>\d\d:\d\d(:\d\d)?)(\.(?P<fraction>\d{1,9}))?"
    r"(?P<offset>Z|(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d\d))?)?",
    re.ASCII,
)


def read_ending_at(text: str, zone: tzinfo) -> datetime:
    """Read `ending_at` as leniently as Braze does; without offset it is of the company's zone.

    Accepted are the forms seen in use: a date alone, `Z`, fractions of a second, `-05:00`, `-0500`
    and the one-digit `-5:00` of Braze's own examples (DOCS).

    Raises ValueError when it is none of these, no such moment exists, or it lies before 1970.
    """
    found = _ENDING_AT.fullmatch(text)
    if found is None:
        raise ValueError(f"not an ISO 8601 date or time: {text!r}")
    fraction = (found["fraction"] or "").ljust(6, "0")[:6]
    moment = datetime.fromisoformat(f"{found['day']}T{found['clock'] or '00:00'}")
    if moment.year < _EPOCH_YEAR:
        raise ValueError(f"before {_EPOCH_YEAR}: {text!r}")
    return moment.replace(microsecond=int(fraction), tzinfo=_offset(found, zone)).astimezone(UTC)


def _offset(found: re.Match[str], zone: tzinfo) -> tzinfo:
    if found["offset"] is None:
        return zone
    if found["offset"] == "Z":
        return UTC
    size = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    return timezone(-size if found["sign"] == "-" else size)


def write_day(start: datetime, zone: tzinfo) -> str:
    """A day as Braze writes it: a bare date of the company's zone (AIRBYTE-REC)."""
    return start.astimezone(zone).date().isoformat()


def _short_offset(start: datetime, _: tzinfo) -> str:
    return start.astimezone(_EASTERN).strftime("%Y-%m-%dT%H:%M:%S-5:00")


# No answer with unit=hour was ever published, so each form that any source claims is offered. The
# default is the one Braze uses for `last_edited` (AIRBYTE-REC).
HOUR_FORMS: Mapping[str, TimeForm] = MappingProxyType(
    {
        "hour-offset": lambda start, zone: start.astimezone(zone).isoformat(),
        "hour-z": lambda start, _: start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "hour-millis": lambda start, _: start.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "hour-naive": lambda start, zone: start.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S"),
        "hour-offset-west": lambda start, _: start.astimezone(_EASTERN).isoformat(),
        "hour-short-offset": _short_offset,
        "hour-compact-offset": lambda start, zone: start.astimezone(zone).strftime(
            "%Y-%m-%dT%H:%M:%S%z"
        ),
    }
)
