"""What settings will cost, in requests, time, series, bytes and memory, before they run: pure."""

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

from exporter.catalog import DISCOVERY, SEGMENTS, SESSIONS
from exporter.client import PAGE
from exporter.columns import aligned
from exporter.madeup import made_up_page
from exporter.model import Segment, Unit
from exporter.pacing import burst
from exporter.quantities import format_duration
from exporter.recall import REQUESTS
from exporter.watch import Selection, Watch

BRAZE_LIMIT = 250_000
"""Requests an hour that Braze allows a workspace, unless agreed otherwise (its documentation)."""

LATENCY = 0.5
"""Seconds a request is taken to need: 0.25 to 0.9 were measured of Braze."""

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A workspace to plan for: what is watched, its segments by now or by assumption, its limits.

    `listed` is how many segments Braze's list has, `source` who says so.
    """

    watch: Watch
    selection: Selection
    names: dict[str, Segment]
    listed: int
    source: str
    requests_per_hour: int
    reserve: float
    concurrency: int


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
    """What one workspace costs. Requests are of an hour, shares of 1."""

    workspace: str
    segments: int
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
    return Selection(ids, 0, more - room), known


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
    watch, ceiling = subject.watch, subject.requests_per_hour
    sessions = watch.sessions()
    requests = {
        DISCOVERY: subject.listed // PAGE + 1,  # a full page may be the last
        SEGMENTS: len(subject.selection.selected),
        SESSIONS: len(sessions),
    }
    collectors = tuple(
        _collector(subject, name, requests[name], latency) for name in watch.intervals
    )
    hourly = sum(one.hourly for one in collectors)
    history = REQUESTS * sum(series.family.unit is Unit.HOUR for series in sessions)
    return WorkspacePlan(
        watch.workspace,
        len(subject.selection.selected),
        subject.source,
        collectors,
        history,
        _history_seconds(subject, history, latency),
        hourly,
        # Everything is polled at the start, and again after an interval at most.
        hourly + sum(one.requests for one in collectors) + history,
        ceiling,
        hourly / ceiling,
        hourly / BRAZE_LIMIT,
        tuple(_warnings(subject, collectors, hourly, latency)),
    )


def _collector(subject: Subject, name: str, requests: int, latency: float) -> CollectorPlan:
    interval = subject.watch.intervals[name]
    ceiling = subject.requests_per_hour
    # The pages of the list come one after the other.
    width = 1 if name == DISCOVERY else min(subject.concurrency, max(requests, 1))
    limited = max(requests - burst(ceiling), 0) * _HOUR / ceiling
    busy = requests * latency / width
    hourly = requests * _HOUR / interval
    return CollectorPlan(name, interval, requests, hourly, limited, busy, max(limited, busy))


def _history_seconds(subject: Subject, requests: int, latency: float) -> float:
    """How long `requests` for the past take: on half of the threads, until half of an interval has
    passed; then the newer points come first.
    """
    busy = requests * latency / max(subject.concurrency // 2, 1)
    if busy > subject.watch.polls[SESSIONS] / 2:
        busy *= 2
    limited = (requests - burst(subject.requests_per_hour)) * _HOUR / subject.requests_per_hour
    return max(busy, limited)


def _warnings(
    subject: Subject, collectors: Iterable[CollectorPlan], hourly: float, latency: float
) -> Iterable[str]:
    ceiling = subject.requests_per_hour
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
            f"{hourly:,.0f} requests an hour are needed, requests_per_hour allows {ceiling:,}: "
            "polls will wait; raise it, poll less often, or select fewer"
        )
    left = BRAZE_LIMIT * (1 - subject.reserve)
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
_OF_SIZE = 13_300
_OF_COUNT = {Unit.DAY: 30_000, Unit.HOUR: 150_000}


def _memory(subjects: Iterable[Subject]) -> int:
    return _EMPTY + sum(
        _OF_SIZE * len(subject.selection.selected)
        + sum(_OF_COUNT[series.family.unit] for series in subject.watch.sessions())
        for subject in subjects
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
    return (
        f"{one.workspace}: {one.segments:,} segments ({one.source})\n\n"
        f"{aligned(rows, right=(1, 2, 3, 4, 5))}\n"
        f"{one.hourly:,.0f} requests an hour: {one.share_of_ceiling:.1%} of requests_per_hour "
        f"({one.ceiling:,}), {one.share_of_braze:.2%} of Braze's {BRAZE_LIMIT:,}\n"
        f"the first hour: at most {one.first_hour:,.0f}, of which {one.history_requests:,} read "
        f"the past, in about {one.history_seconds:,.0f} s\n{warnings}\n"
    )


def _bytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.0f} kB"
