"""What the status page and /status.json show, whatever is asked of it: pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from exporter import __version__
from exporter.families import COLLECTORS, DISCOVERY, SEGMENTS, SESSIONS
from exporter.model import RateLimit, Reading, Series
from exporter.remedies import alike, remedy
from exporter.rows import ALARMS, SEVERITY, Row, State, names_of, rows_of, title
from exporter.standing import CollectorStanding, Standing

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """What a poll could not read for one reason: the first message, how many series (0: the
    collector itself), the names of some, and what to do.
    """

    reason: str
    message: str
    series: int
    examples: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True)
class CollectorStatus:
    """How one collector stands; moments are epoch seconds, None for never or not known."""

    name: str
    interval: float
    last: Reading | None
    last_success: float | None
    due: float | None
    failures: tuple[Failure, ...]

    @property
    def state(self) -> State:
        """OK, FAILING or WAITING."""
        if self.last is None:
            return State.WAITING
        return State.OK if self.last.complete else State.FAILING

    @property
    def failed(self) -> int:
        """How many series the last poll could not read."""
        return sum(failure.series for failure in self.failures)


@dataclass(frozen=True, slots=True)
class WorkspaceStatus:
    """How one workspace stands; `segments` counts the selected, filtered and over the limit, None
    for not known.
    """

    name: str
    endpoint: str
    zone: str
    quota: RateLimit
    segments: tuple[int | None, int | None, int | None]
    collectors: tuple[CollectorStatus, ...]

    @property
    def state(self) -> State:
        """That of the collector that stands worst."""
        states = [collector.state for collector in self.collectors]
        return min(states, key=SEVERITY.__getitem__, default=State.OK)


@dataclass(frozen=True)
class Status:
    """All there is to show at `now` (epoch seconds); `tables` has the rows of each collector."""

    now: float
    workspaces: tuple[WorkspaceStatus, ...]
    tables: Mapping[str, tuple[Row, ...]]
    version: str = __version__

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Those of all tables."""
        return tuple(chain.from_iterable(self.tables.values()))

    @cached_property
    def counts(self) -> dict[State, int]:
        """How many rows there are of each state that there is."""
        counted = Counter(row.state for row in self.rows)
        return {state: counted[state] for state in State if counted[state]}

    @cached_property
    def attention(self) -> tuple[Row, ...]:
        """What has dropped or surged, the furthest first; of sessions of segments only what neither
        its app nor the segment's size explains.
        """
        alarming = [row for row in self.rows if row.state in ALARMS]
        fallen = [row for row in alarming if row.state is State.DROPPED]
        sizes = {row.series.labels for row in fallen if row.series.family.collector == SEGMENTS}
        apps = {
            (row.series.family.unit, row.series.labels)
            for row in fallen
            if row.series.family.collector == SESSIONS
        }

        def explained(row: Row) -> bool:
            if row.series.family.labels != ("workspace", "segment_id", "app_id"):
                return False
            workspace, segment, app = row.series.labels
            unit = row.series.family.unit
            return (workspace, segment) in sizes or (unit, (workspace, app)) in apps

        return tuple(
            sorted(
                (row for row in alarming if not explained(row)),
                key=lambda row: row.worsening or 0.0,
            )
        )


def status_of(
    standings: Iterable[Standing],
    quotas: Mapping[str, RateLimit],
    due: Mapping[tuple[str, ...], float],
    now: float,
) -> Status:
    """The status at `now`; `due` says when the next poll of (workspace, collector) is."""
    all_of = tuple(standings)
    return Status(
        now,
        tuple(_workspace(one, quotas.get(one.watch.workspace), due) for one in all_of),
        {
            name: tuple(row for one in all_of for row in rows_of(one, name, now))
            for name in COLLECTORS
            if name != DISCOVERY
        },
    )


def _workspace(
    standing: Standing, quota: RateLimit | None, due: Mapping[tuple[str, ...], float]
) -> WorkspaceStatus:
    watch, selection = standing.watch, standing.selection
    listed = selection.filtered is not None or not watch.discover
    return WorkspaceStatus(
        watch.workspace,
        watch.endpoint,
        watch.zone.key,
        quota or RateLimit(),
        (len(selection.selected) if listed else None, selection.filtered, selection.over_limit),
        tuple(
            CollectorStatus(
                name,
                watch.intervals[name],
                collector.last,
                collector.last_success,
                due.get((watch.workspace, name)),
                _failures(standing, name, collector),
            )
            for name, collector in standing.collectors.items()
        ),
    )


def _failures(standing: Standing, name: str, collector: CollectorStanding) -> tuple[Failure, ...]:
    """The failures of the last poll, by reason and endpoint, the most frequent first."""
    failures = []
    last = collector.last.failures if collector.last else {}
    for (reason, endpoint), found in alike(name, last).items():
        unread = [one for one, _ in found if one is not None]
        examples = tuple(_called(standing, one) for one in unread[:_EXAMPLES])
        failures.append(
            Failure(reason, found[0][1], len(unread), examples, remedy(reason, endpoint))
        )
    return tuple(sorted(failures, key=lambda failure: -failure.series))


def _called(standing: Standing, series: Series) -> str:
    name, family = title(*names_of(standing, series)), series.family
    return name if family.collector == SEGMENTS else f"{name}, {family.noun}"
