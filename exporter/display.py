"""Numbers, changes, days and ages as people read them: pure."""

from datetime import UTC, datetime, timedelta, tzinfo

from exporter.model import Concern, Unit

_THIN = "\N{NARROW NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

# Changes for the worse and for the better that are coloured. The first of each is what counts as
# a drop, or as a surge, by default; the second is a third of that.
_BAD, _WORSE = {Concern.DROP: 0.3, Concern.SURGE: 1.0}, {Concern.DROP: 0.1, Concern.SURGE: 0.33}
_BETTER = 0.2


def number(value: float) -> str:
    """1234567 -> 1,234,567; two decimals where there are any."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def change(share: float) -> str:
    """A share with its sign: -0.125 is a fall by 12.5 %."""
    if share >= 10:
        return f"{_TIMES}{_THIN}{number(round(share + 1))}"
    percent = round(share * 100, 1)
    sign = "±" if percent == 0 else "+" if percent > 0 else _MINUS
    return f"{sign}{abs(percent):.1f}{_THIN}%"


def tone(share: float, concern: Concern) -> str:
    """How a change is coloured: `bad`, `worse`, `better`, or empty for what is usual."""
    loss = share if concern is Concern.SURGE else -share
    if loss >= _WORSE[concern]:
        return "bad" if loss >= _BAD[concern] else "worse"
    return "better" if -loss >= _BETTER else ""


def span(seconds: float) -> str:
    """A length of time in one unit, below three of it in two: 2 h 10 min, 11 h, 3 d."""
    left = max(round(seconds), 0)
    for place, (length, name) in enumerate(_UNITS):
        if left >= length and length > 1:
            count, rest = divmod(left, length)
            smaller, called = _UNITS[place + 1]
            more = f" {rest // smaller} {called}" if count < 3 and rest >= smaller else ""
            return f"{count} {name}{more}"
    return f"{left} s"


def bucket(start: float, unit: Unit, zone: tzinfo, now: float) -> str:
    """A day or hour in local time: today, Sun 22 Nov, yesterday 23:00."""
    begins, local_now = datetime.fromtimestamp(start, zone), datetime.fromtimestamp(now, zone)
    days = (local_now.date() - begins.date()) // timedelta(days=1)
    day = {0: "today", 1: "yesterday"}.get(days) or f"{begins:%a} {begins.day} {begins:%b}"
    return day if unit is Unit.DAY else f"{day} {begins:%H:%M}"


def moment(seconds: float) -> str:
    """A moment in UTC to the second."""
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%a} {at.day} {at:%b %Y, %H:%M:%S} UTC"
