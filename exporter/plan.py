"""What settings will cost, in requests, time, series, bytes and memory, before they run: pure."""

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

from exporter.client import PAGE
from exporter.columns import aligned
from exporter.families import DISCOVERY
from exporter.madeup import made_up_page
from exporter.model import Kind, Segment, Series, Unit
from exporter.pacing import burst
from exporter.quantities import format_duration
from exporter.recall import REQUESTS
from exporter.shard import EVERYTHING, Shard
from exporter.watch import Selection, Watch, of_shard

BRAZE_LIMIT = 250_000
"""Requests an hour that Braze allows a workspace, unless agreed otherwise (its documentation)."""

LATENCY = 0.5
"""Seconds a request is taken to need: 0.25 to 0.9 were measured of Braze."""

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A workspace to plan for: what is watched, its segments by now or by assumption, its limits.

    `listed` is how many segments Braze's list has, `source` who says so; `requests_per_hour` is the
    ceiling of all shards together.
    """

    watch: Watch
    selection: Selection
    names: dict[str, Segment]
    listed: int
    source: str
    requests_per_hour: int
    reserve: float
    concurrency: int

    @property
    def ceiling(self) -> int:
        """The shard's part of `requests_per_hour`."""
        return self.watch.shard.part_of(self.requests_per_hour)


@dataclass(frozen=True, slots=True)
class CollectorPlan:
    """What the polls of one collector cost.

    A poll takes `seconds`: as many as the limiter makes it take (`limited_seconds`), or as its
    requests take on the workspace's threads (`busy_seconds`), whichever is longer.
    """

    collector: str
    interval: float
    requests: int
    hourly: float
    limited_seconds: float
    busy_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True)
class WorkspacePlan:
    """What one workspace costs one shard. Requests are of an hour, shares of 1."""

    workspace: str
    shard: Shard
    segments: int
    segments_elsewhere: int
    source: str
    collectors: tuple[CollectorPlan, ...]
    history_requests: int
    history_seconds: float
    hourly: float
    first_hour: float
    ceiling: int
    share_of_ceiling: float
    share_of_braze: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What everything costs. A scrape holds `series` samples, of `bytes`, or `packed_bytes` as
    Prometheus asks for them.
    """

    workspaces: tuple[WorkspacePlan, ...]
    latency: float
    series: int
    bytes: int
    packed_bytes: int
    memory_bytes: int


def assumed(watch: Watch, listed: int) -> tuple[Selection, dict[str, Segment]]:
    """A selection as from a list of `listed` segments that all pass, with names as long as most."""
    more = max(listed - len(watch.ids), 0) if watch.discover else 0
    room = min(more, max(watch.limit - len(watch.ids), 0))
    made = [str(uuid5(NAMESPACE_URL, str(number))) for number in range(room)]
    ids = (*watch.ids, *made)
    known = {each: Segment(each, "A segment's usual name", tracked=False) for each in ids}
    return of_shard(ids, watch, 0, more - room), known


def plan(subjects: Sequence[Subject], latency: float = LATENCY) -> Plan:
    """The costs of `subjects`, where a request takes `latency` seconds."""
    text = made_up_page([(one.watch, one.selection, one.names) for one in subjects])
    return Plan(
        tuple(_workspace(subject, latency) for subject in subjects),
        latency,
        sum(not line.startswith(b"#") for line in text.splitlines()),
        len(text),
        len(gzip.compress(text, 6)),
        _memory(subjects),
    )


def _workspace(subject: Subject, latency: float) -> WorkspacePlan:
    watch, ceiling = subject.watch, subject.ceiling
    collectors = tuple(_collector(subject, name, latency) for name in watch.intervals)
    hourly = sum(one.hourly for one in collectors)
    history = {name: _history_requests(subject, name) for name in watch.intervals}
    return WorkspacePlan(
        watch.workspace,
        watch.shard,
        len(subject.selection.selected),
        subject.selection.elsewhere,
        subject.source,
        collectors,
        sum(history.values()),
        _history_seconds(subject, history, latency),
        hourly,
        # Everything is polled at the start, and again after an interval at most.
        hourly + sum((one.requests for one in collectors), start=sum(history.values())),
        ceiling,
        hourly / ceiling,
        hourly / BRAZE_LIMIT,
        tuple(_warnings(subject, collectors, hourly, latency)),
    )


def _collector(subject: Subject, name: str, latency: float) -> CollectorPlan:
    interval, ceiling = subject.watch.intervals[name], subject.ceiling
    requests = len(_wanted(subject, name))
    if name == DISCOVERY:
        requests = subject.listed // PAGE + 1  # a full page may be the last
    # The pages of the list come one after the other.
    width = 1 if name == DISCOVERY else min(subject.concurrency, max(requests, 1))
    limited = max(requests - burst(ceiling), 0) * _HOUR / ceiling
    busy = requests * latency / width
    hourly = requests * _HOUR / interval
    return CollectorPlan(name, interval, requests, hourly, limited, busy, max(limited, busy))


def _wanted(subject: Subject, collector: str) -> tuple[Series, ...]:
    return subject.watch.wanted(collector, subject.selection.selected)


def _history_requests(subject: Subject, collector: str) -> int:
    """Only hours need more for the past than their newest points."""
    return REQUESTS * sum(one.family.unit is Unit.HOUR for one in _wanted(subject, collector))


def _history_seconds(subject: Subject, requests: Mapping[str, int], latency: float) -> float:
    """How long `requests` of each collector for the past take: on half of the threads, until half
    of an interval has passed; then the newer points come first.
    """
    total = 0.0
    for collector, count in requests.items():
        busy = count * latency / max(subject.concurrency // 2, 1)
        total += 2 * busy if busy > subject.watch.intervals[collector] / 2 else busy
    limited = (sum(requests.values()) - burst(subject.ceiling)) * _HOUR / subject.ceiling
    return max(total, limited)


def _warnings(
    subject: Subject, collectors: Iterable[CollectorPlan], hourly: float, latency: float
) -> Iterable[str]:
    watch, ceiling = subject.watch, subject.ceiling
    for one in collectors:
        if one.seconds > one.interval:
            yield (
                f"a poll of {one.collector} takes {one.seconds:,.0f} s and is due each "
                f"{one.interval:,.0f} s: raise poll.{one.collector}, "
                + (
                    "requests_per_hour"
                    if one.limited_seconds >= one.busy_seconds
                    else "concurrency"
                )
                + ", or select fewer"
            )
    if hourly > ceiling:
        yield (
            f"{hourly:,.0f} requests an hour are needed, {_whose(watch.shard)} allows {ceiling:,}: "
            "polls will wait; raise it, poll less often, or select fewer"
        )
    left = BRAZE_LIMIT * (1 - subject.reserve) / watch.shard.total
    if hourly > left:
        yield (
            f"{hourly:,.0f} requests an hour are more than the {left:,.0f} of Braze's limit that "
            "reserve leaves"
        )
    busy = hourly * latency / subject.concurrency
    if busy > _HOUR:
        yield (
            f"an hour's requests take {busy:,.0f} s on {subject.concurrency} threads: "
            "raise concurrency, or poll less often"
        )
    if subject.selection.over_limit:
        yield f"{subject.selection.over_limit:,} segments are left out, over segments.limit"


# Bytes of resident memory that were measured with 12 to 4,000 segments and up to 78 series of each
# unit, once all of the past was read: within a tenth (docs/commands.md).
_EMPTY = 54_000_000
_OF_SERIES = {
    (Kind.LEVEL, Unit.DAY): 13_300,
    (Kind.COUNT, Unit.DAY): 30_000,
    (Kind.COUNT, Unit.HOUR): 150_000,
}


def _memory(subjects: Iterable[Subject]) -> int:
    return _EMPTY + sum(
        _OF_SERIES[series.family.kind, series.family.unit]
        for subject in subjects
        for series in subject.watch.wanted_of_all(subject.selection.selected)
    )


def as_json(made: Plan) -> str:
    """For programs."""
    return json.dumps(asdict(made), indent=2) + "\n"


def as_text(made: Plan) -> str:
    """For people."""
    text = "".join(_workspace_text(one) for one in made.workspaces)
    return text + (
        f"a scrape: {made.series:,} series, {_bytes(made.bytes)}, "
        f"{_bytes(made.packed_bytes)} compressed\n"
        f"memory:   about {_bytes(made.memory_bytes)}\n"
        f"assumed:  a request takes {made.latency:g} s (--latency)\n"
    )


def _workspace_text(one: WorkspacePlan) -> str:
    rows = [("COLLECTOR", "EVERY", "REQUESTS A POLL", "AN HOUR", "ON THREADS", "BY LIMITER")]
    rows += [
        (
            each.collector,
            format_duration(timedelta(seconds=each.interval)),
            f"{each.requests:,}",
            f"{each.hourly:,.0f}",
            f"{each.busy_seconds:,.1f} s",
            f"{each.limited_seconds:,.1f} s",
        )
        for each in one.collectors
    ]
    warnings = "".join(f"! {warning}\n" for warning in one.warnings)
    segments = f"{one.segments:,} segments"
    if one.shard != EVERYTHING:
        segments += f" of {one.segments + one.segments_elsewhere:,}, shard {one.shard}"
    return (
        f"{one.workspace}: {segments} ({one.source})\n\n"
        f"{aligned(rows, right=(1, 2, 3, 4, 5))}\n"
        f"{one.hourly:,.0f} requests an hour: {one.share_of_ceiling:.1%} of {_whose(one.shard)} "
        f"({one.ceiling:,}), {one.share_of_braze:.2%} of Braze's {BRAZE_LIMIT:,}\n"
        f"the first hour: at most {one.first_hour:,.0f}, of which {one.history_requests:,} read "
        f"the past, in about {one.history_seconds:,.0f} s\n{warnings}\n"
    )


def _whose(shard: Shard) -> str:
    """The ceiling, or the shard's part of it."""
    return "requests_per_hour" + (f" / {shard.total}" if shard != EVERYTHING else "")


def _bytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.0f} kB"
