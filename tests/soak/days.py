"""Simulated days at high speed: polls under a clock that jumps from one to the next.

Client, limiter, store and history are the exporter's own, as the daemon puts them together; a
request is handed to the simulated Braze without a socket. After every poll each value of the page
must be what the world's calendar says.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.soak.truth import DAY, HOUR, Remembered, Samples, Truth, large
from tests.workbench import Workbench

KEEP = 6 * HOUR
_VALUES = ("braze_segment_size", "braze_app_sessions_", "braze_workspace_sessions_")
_BETWEEN = timedelta(minutes=53)  # no part of an hour or a day: polls drift through both


@dataclass
class Days:
    """What came of it. `wrong` holds the first differences, each as one line."""

    polls: int = 0
    values: int = 0
    simulated: timedelta = timedelta()
    wrong: list[str] = field(default_factory=list)


# Where days and hours are not what they seem: a moment in each, to look around.
SPECIAL = {
    "leap day": ("UTC", "2024-02-29T00:00"),
    "after the leap day": ("America/New_York", "2024-03-01T00:00"),
    "year end": ("Asia/Kathmandu", "2025-01-01T00:00"),
    "spring in Berlin": ("Europe/Berlin", "2024-03-31T03:00"),
    "autumn in Berlin": ("Europe/Berlin", "2024-10-27T02:00"),
    "spring in New York": ("America/New_York", "2024-03-10T03:00"),
    "autumn in New York": ("America/New_York", "2024-11-03T01:00"),
    "a day without midnight": ("Africa/Cairo", "2024-04-26T01:00"),
    "a day with two midnights": ("Africa/Cairo", "2024-11-01T00:00"),
    "no summer time": ("Asia/Kolkata", "2024-12-31T23:59"),
}


def around(when: datetime, hours: int) -> Iterator[datetime]:
    """To the second, what matters of each hour: its end, and when that has settled."""
    first = when.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - hours * HOUR
    for number in range(2 * hours + 1):
        for seconds in (0, 1, 899, 900, 1800, 2699, 2700, 3599):
            yield first + number * HOUR + timedelta(seconds=seconds)


def special(name: str, hours: int) -> Days:
    """The hours around one of `SPECIAL`, by its local clock."""
    zone_name, text = SPECIAL[name]
    zone = ZoneInfo(zone_name)
    return run(zone, around(datetime.fromisoformat(text).replace(tzinfo=zone), hours))


def whole(zone: ZoneInfo, first: datetime, days: int) -> Days:
    """So many days in one go, with a sleep of three days every 50: the machine was off."""

    def moments() -> Iterator[datetime]:
        now, asleep = first, first + 50 * DAY
        while now < first + days * DAY:
            yield now
            now += _BETWEEN
            if now >= asleep:
                now, asleep = now + 3 * DAY, asleep + 50 * DAY

    return run(zone, moments())


def run(zone: ZoneInfo, moments: Iterable[datetime]) -> Days:
    """Poll everything at each moment, and compare all values."""
    moments = iter(moments)
    first = last = next(moments)
    world = Remembered(first + 200 * DAY, zone)
    truth = Truth(world, zone)
    found = Days()
    ids = tuple(segment.id for segment in large(world))
    with Workbench(world, first, zone=zone, ids=ids, discover=False) as bench:
        while True:
            bench.poll()
            _compare(found, zone, last, _values(bench), truth.at(last))
            moment = next(moments, None)
            if moment is None:
                break
            # What the page says just before the poll: nothing, of what is older than we keep it.
            bench.clock.moment = moment
            if moment - last > KEEP:
                _compare(found, zone, moment, _values(bench), {})
            last = moment
    found.simulated = last - first
    return found


def _values(bench: Workbench) -> Samples:
    return {key: one for key, one in bench.samples().items() if key[0].startswith(_VALUES)}


def _compare(found: Days, zone: ZoneInfo, now: datetime, shown: Samples, right: Samples) -> None:
    found.polls += 1
    found.values += len(right)
    if shown != right and len(found.wrong) < 20:
        different = [key for key in shown.keys() | right.keys() if shown.get(key) != right.get(key)]
        name, labels = min(different, key=str)
        found.wrong.append(
            f"{now.astimezone(zone)}: {len(different)} values, among them {name}{sorted(labels)}: "
            f"{shown.get((name, labels))} instead of {right.get((name, labels))}"
        )
