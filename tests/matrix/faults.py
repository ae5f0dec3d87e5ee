"""The faults of the simulator in the matrix: what each does to what a collector shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from exporter.simulator import FAULTS, Faults, World
from exporter.simulator.wire import Request
from tests import fates
from tests.fates import Fate
from tests.matrix.collectors import COLLECTORS, FAMILIES, POINTS, Collector, Family, Labels
from tests.plainly import Bucket, Rows


class List(Enum):
    """What becomes of the list of segments; else as `Fate` says."""

    WITHOUT_NAMES = auto()  # a segment is called by its id
    WITHOUT_TRACKING = auto()
    WITHOUT_FIRST = auto()  # a segment that was known stays
    EMPTY = auto()


class Delay(Enum):
    """What a fault does to the other collectors of its workspace, whose limit is the same."""

    NONE = auto()
    SHORT = auto()  # they wait
    LONG = auto()  # they are not polled until the hour ends, unless the exporter is restarted


@dataclass(frozen=True)
class Ailment:
    """A fault in one collector. `change` is what it makes of the rows that are read."""

    fault: str
    collector: Collector
    fate: Fate | List
    reason: str = ""
    change: Callable[[Rows], Rows] = lambda rows: rows
    delay: Delay = Delay.NONE

    @property
    def specs(self) -> tuple[str, ...]:
        """What puts it in force."""
        name, _, more = self.fault.partition(":")
        more = f":{more}" if more else ""
        return tuple(f"{name}@{self.collector.path}{on}{more}" for on in self.collector.polls)

    @property
    def holds(self) -> bool:
        """Whether what it befalls is not read: what says how little may be asked is an answer."""
        return self.fate is Fate.HELD and bool(self.reason)

    def meets(self, family: Family, labels: Labels, world: World) -> bool:
        """Whether it happens to the polls of this series."""
        if family.path != self.collector.path:
            return False
        query = {**labels, "length": str(POINTS[family.unit]), "unit": family.unit.value}
        request = Request.of("GET", self.collector.path, query.items(), {})
        return bool(Faults(self.specs).take(request, world))


def _newest(change: Callable[[Bucket, float], float]) -> Callable[[Rows], Rows]:
    return lambda rows: [*rows[:-1], (rows[-1][0], change(rows[-1][0], rows[-1][1] or 0.0))]


def _every(change: Callable[[float], float]) -> Callable[[Rows], Rows]:
    return lambda rows: [(bucket, change(value or 0.0)) for bucket, value in rows]


def _later(ahead: timedelta | None) -> Callable[[Rows], Rows]:
    """One more bucket: so far ahead, or the next one where it is near enough to be believed."""

    def changed(rows: Rows) -> Rows:
        bucket, value = rows[-1]
        hour = isinstance(bucket, datetime)
        later = bucket + (ahead or timedelta(hours=1) if hour else ahead or timedelta(days=1))
        start = (
            later if isinstance(later, datetime) else datetime(*later.timetuple()[:3], tzinfo=UTC)
        )
        near = ahead is not None or start <= datetime.now(UTC) + timedelta(hours=14)
        return [*rows, (later, (value or 0.0) // 10 + 1)] if near else rows

    return changed


CHANGED: Mapping[str, Callable[[Rows], Rows]] = {
    "zero-filled": _every(lambda _: 0.0),
    "untracked-zeros": _every(lambda _: 0.0),
    "unknown-app-zeros": _every(lambda _: 0.0),
    "newest-zero": _newest(lambda *_: 0.0),
    "collapsed": _newest(lambda _, value: value // 10),
    "float-value": _newest(lambda _, value: value + 0.5),
    "restated": lambda rows: [
        *_every(lambda value: value + max(1, value * 3 // 100))(rows[:-1]),
        rows[-1],
    ],
    "gap": lambda rows: [*rows[:-2], rows[-1]],
    "fewer-points": lambda rows: rows[len(rows) // 2 :],
    "future-bucket": _later(None),
    "far-future-bucket": _later(timedelta(days=20)),
}
"""Where Braze says something else: what it says is what is to be shown."""

READ = (
    *fates.READ,
    *CHANGED,
    "future-tolerated",
    "slow",  # by two seconds, of the three that a request may take
    "hour-offset",
    "hour-z",
    "hour-millis",
    "hour-naive",
    "hour-offset-west",
    "hour-short-offset",
    "hour-compact-offset",
    "list-tags-null",
    "list-moves",
)
HELD: Mapping[str, str] = {
    **{fault: reason for fault, (reason, _) in fates.HELD.items() if fault not in READ},
    "untracked-400": "bad_request",
    "unknown-app-400": "bad_request",
    "list-page-ignored": "invalid_response",
    "list-without-ids": "invalid_response",
    "list-null": "invalid_response",
    "list-missing": "invalid_response",
    "rate-limited-reset-soon": "rate_limited",
    "rate-limited-reset-past": "rate_limited",
    "rate-limited-reset-garbage": "rate_limited",
    "rate-limited-retry-after-garbage": "rate_limited",
    # What its page 2 answers; page 1 is read.
    "server-error-503:page=1": "server_error",
    "access-denied:page=1": "forbidden",
    "hang:page=1": "timeout",
}
LISTS = {
    "list-without-names": List.WITHOUT_NAMES,
    "list-names-null": List.WITHOUT_NAMES,
    "list-without-tracking": List.WITHOUT_TRACKING,
    "list-null-item": List.WITHOUT_FIRST,
    "list-empty": List.EMPTY,
}
PAUSING = {
    "rate-limited": "rate_limited",
    "rate-limited-both": "rate_limited",
    "rate-limited-html": "rate_limited",
    "rate-limited-empty": "rate_limited",
    "rate-limited-retry-after-long": "rate_limited",
    "remaining-0": "",
    "remaining-low": "",
}
GONE = (*fates.GONE, "untracked-empty")
NOT_TRIED = frozenset({"time-plain-date"})
"""Hours that are all called by their date: the contract takes each for midnight's, and no oracle
can tell which one it was.
"""
LEFT_OUT = tuple(fault for fault in fates.DAY_BEFORE if fault not in CHANGED)


def ailments() -> list[Ailment]:
    """Every fault of the simulator in every collector it can happen to."""
    return [
        made
        for fault in (*FAULTS, *(name for name in HELD if ":" in name))
        if fault not in NOT_TRIED
        for collector in COLLECTORS
        if collector.faults is None or fault in collector.faults
        if _can_happen(made := _ailment(fault, collector))
    ]


def _ailment(fault: str, collector: Collector) -> Ailment:
    if fault in PAUSING:
        return Ailment(fault, collector, Fate.HELD, PAUSING[fault], delay=Delay.LONG)
    if fault in HELD:
        delay = Delay.SHORT if fault.startswith("rate-limited") else Delay.NONE
        return Ailment(fault, collector, Fate.HELD, HELD[fault], delay=delay)
    if fault in LISTS:
        return Ailment(fault, collector, LISTS[fault])
    if fault in GONE:
        return Ailment(fault, collector, Fate.GONE)
    if fault in LEFT_OUT:
        return Ailment(fault, collector, Fate.DAY_BEFORE, change=lambda rows: rows[:-1])
    assert fault in READ, f"the matrix does not say what {fault} does"
    return Ailment(fault, collector, Fate.READ, change=CHANGED.get(fault, lambda rows: rows))


_WORLD = World(1, datetime(2026, 1, 1, tzinfo=UTC))


def _can_happen(ailment: Ailment) -> bool:
    if not any(family.collector == ailment.collector.name for family in FAMILIES):
        page = "1" if ":page=1" in ailment.fault else "0"
        request = Request.of("GET", ailment.collector.path, [("page", page)], {})
        return bool(Faults(ailment.specs).take(request, _WORLD))
    if ":page=" in ailment.fault:
        return False
    return any(
        ailment.meets(family, labels, _WORLD)
        for family in FAMILIES
        for labels in family.scopes(_WORLD)
    )
