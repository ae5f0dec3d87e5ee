"""Simulated days at high speed: polls under a clock that jumps from one to the next.

Client, limiter, store and history are the exporter's own, as the daemon puts them together; a
request is handed to the simulated Braze without a socket. After every poll each value of the page
must be what the world's calendar says.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bench.processes import Measured
from tests.soak.growth import Holding
from tests.soak.truth import DAY, HOUR, Remembered, Samples, Truth, large
from tests.workbench import Workbench

KEEP = 6 * HOUR
_VALUES = ("braze_segment_size", "braze_app_sessions_", "braze_workspace_sessions_")
_BETWEEN = timedelta(minutes=53)  # no part of an hour or a day: polls drift through both


@dataclass
class Days:
    """What came of it. `wrong` holds the first differences, each as one line; `held` is what this
    process held after a tenth of it and at the end.
    """

    polls: int = 0
    values: int = 0
    simulated: timedelta = timedelta()
    wrong: list[str] = field(default_factory=list)
    held: list[Holding] = field(default_factory=list)


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
        for seconds in (0, 1, 899, 900, 3599):
            yield first + number * HOUR + timedelta(seconds=seconds)


def special(name: str, hours: int, *faults: str) -> Days:
    """The hours around one of `SPECIAL`, by its local clock."""
    zone_name, text = SPECIAL[name]
    zone = ZoneInfo(zone_name)
    return run(zone, list(around(datetime.fromisoformat(text).replace(tzinfo=zone), hours)), faults)


def whole(zone: ZoneInfo, first: datetime, days: int, say: Callable[[str], None]) -> Days:
    """So many days in one go, with a sleep of three days every 50: the machine was off."""
    moments = [first]
    asleep = first + 50 * DAY
    while (now := moments[-1] + _BETWEEN) < first + days * DAY:
        if now >= asleep:
            now, asleep = now + 3 * DAY, asleep + 50 * DAY
        moments.append(now)
    return run(zone, moments, say=say)


def run(
    zone: ZoneInfo,
    moments: Sequence[datetime],
    faults: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Days:
    """Poll everything at each moment, and compare all values."""
    world = Remembered(moments[0] + 200 * DAY, zone)
    truth = Truth(world, zone)
    found = Days(simulated=moments[-1] - moments[0])
    ids = tuple(segment.id for segment in large(world))
    process = Measured(os.getpid())
    with Workbench(world, moments[0], zone=zone, ids=ids, discover=False) as bench:
        for fault in faults:
            bench.simulator.faults.add(fault)
        last = moments[0]
        for number, moment in enumerate(moments):
            bench.clock.moment = moment
            if moment - last > KEEP:  # just before the poll: what is too old to show is gone
                _compare(found, zone, moment, _values(bench), {})
            last = moment
            bench.poll()
            found.polls += 1
            _compare(found, zone, moment, _values(bench), truth.at(moment))
            if number in (len(moments) // 10, len(moments) - 1):
                found.held.append(Holding.of(process, looks=1))
            if number % 500 == 499:
                say(f"{moment:%Y-%m-%d}, {number + 1:,} of {len(moments):,} polls")
    return found


def _values(bench: Workbench) -> Samples:
    return {key: one for key, one in bench.samples().items() if key[0].startswith(_VALUES)}


def _compare(found: Days, zone: ZoneInfo, now: datetime, shown: Samples, right: Samples) -> None:
    found.values += len(right)
    if shown != right:
        different = [key for key in shown.keys() | right.keys() if shown.get(key) != right.get(key)]
        name, labels = min(different, key=str)
        found.wrong.append(
            f"{now.astimezone(zone)}: {len(different)} values, among them {name}{sorted(labels)}: "
            f"{shown.get((name, labels))} instead of {right.get((name, labels))}"
        )
