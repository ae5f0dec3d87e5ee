"""The newest readings, already rendered; the one thing that changes."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from exporter.catalog import PUBLISHED
from exporter.exposition import Page, Piece, header
from exporter.families import DISCOVERY, SEGMENTS
from exporter.holding import Held, held_after, judged, next_change, visible, with_history
from exporter.model import Point, Reading, Segment, Series
from exporter.negotiation import Format
from exporter.past import History, Past
from exporter.rendering import Lines, collector_lines, series_lines, workspace_lines
from exporter.standing import CollectorStanding, Standing
from exporter.steps import Courtesy
from exporter.watch import Selection, Watch, select

_HEADERS = {
    (metric, form): Piece.of(header(metric, form).encode())
    for metric in PUBLISHED
    for form in Format
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All newest readings, rendered; right until `until` (epoch seconds), when a value in it gets
    too old.
    """

    pages: Mapping[Format, Page]
    until: float


@dataclass(slots=True)
class _Collector:
    held: dict[Series, Held] = field(default_factory=dict)
    last: Reading | None = None
    last_success: float | None = None
    restated: int = 0
    values: Lines = field(default_factory=dict)
    state: Lines = field(default_factory=dict)
    until: float = float("inf")


@dataclass(slots=True)
class _Workspace:
    watch: Watch
    listing: tuple[Segment, ...] | None = None
    selection: Selection = field(default_factory=lambda: Selection(()))
    names: dict[str, Segment] = field(default_factory=dict)
    collectors: dict[str, _Collector] = field(default_factory=dict)
    state: Lines = field(default_factory=dict)

    def choose(self) -> None:
        """Select anew from the list, and forget the names of what is not watched."""
        self.selection = select(self.listing, self.watch)
        watched = frozenset((*self.selection.selected, *self.watch.own(self.watch.by_segment)))
        for segment in self.listing or ():
            self.names[segment.id] = segment
        self.names = {key: name for key, name in self.names.items() if key in watched}

    def wanted(self, collector: str) -> tuple[Series, ...]:
        """The series that `collector` reads."""
        return self.watch.wanted(collector, self.selection.selected)

    def write(self) -> None:
        """Render what is of no single collector."""
        lasts = [collector.last for collector in self.collectors.values()]
        self.state = workspace_lines(self.watch, self.selection, self.names, lasts)


class Store:
    """Takes readings, holds what they could not read for a stated time, and renders; safe for
    threads.

    `now` is the clock, in epoch seconds. Everything is replaced under one lock; the snapshot is
    read without it.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._workspaces: dict[str, _Workspace] = {}
        self._snapshot = render((), float("inf"))

    def expect(self, watches: Iterable[Watch]) -> None:
        """Hold readings of these workspaces and of no others; what is no longer watched is gone
        when this returns.
        """
        with self._lock:
            before = self._workspaces
            self._workspaces = {
                watch.workspace: self._adopt(watch, before.get(watch.workspace))
                for watch in watches
            }
            self._replace()

    def publish(self, reading: Reading, watch: Watch) -> tuple[str, ...]:
        """Take `reading`, made for `watch`; returns the ids of segments that were selected by it
        for the first time.

        A reading for a workspace that is no longer watched, or is watched in another way, changes
        nothing.
        """
        with self._lock:
            workspace = self._workspaces.get(reading.workspace)
            if workspace is None or workspace.watch is not watch:
                return ()
            collector = workspace.collectors[reading.collector]
            collector.last = replace(reading, answers={}, listing=None)
            if reading.complete:
                collector.last_success = reading.finished
            known = frozenset(workspace.selection.selected)
            if reading.listing is not None:
                workspace.listing = reading.listing
                workspace.choose()
                if SEGMENTS in workspace.collectors:
                    self._prune(workspace, SEGMENTS)
            wanted = frozenset(workspace.wanted(reading.collector))
            courtesy = Courtesy()

            def is_wanted(series: Series) -> bool:
                courtesy.give()
                return series in wanted

            collector.held, restated = held_after(collector.held, reading, is_wanted, watch)
            collector.restated += restated
            self._write(workspace, reading.collector, courtesy)
            self._replace()
            return tuple(new for new in workspace.selection.selected if new not in known)

    def publish_past(
        self, pasts: Mapping[Series, tuple[Sequence[Point], History]], collector: str, watch: Watch
    ) -> None:
        """Take older points of series that are held, while `watch` is in force."""
        with self._lock:
            workspace = self._workspaces.get(watch.workspace)
            if workspace is None or workspace.watch is not watch:
                return
            held, courtesy = workspace.collectors[collector].held, Courtesy()
            for series, (points, history) in courtesy.before_each(pasts.items()):
                if series in held:
                    held[series] = with_history(held[series], series, points, history, watch)
            self._write(workspace, collector, courtesy)
            self._replace()

    def without_past(self, watch: Watch, collector: str) -> dict[Series, Past]:
        """The series that are held without their whole history, and what is known of them."""
        with self._lock:
            workspace = self._workspaces.get(watch.workspace)
            if workspace is None or workspace.watch is not watch:
                return {}
            held = workspace.collectors[collector].held
            return {s: h.past for s, h in held.items() if h.past.history is not History.READ}

    def wanted(self, watch: Watch, collector: str) -> tuple[Series, ...]:
        """The series that `collector` reads now; none once `watch` is no longer in force."""
        with self._lock:
            workspace = self._workspaces.get(watch.workspace)
            if workspace is None or workspace.watch is not watch:
                return ()
            return workspace.wanted(collector)

    def listing(self, watch: Watch) -> tuple[Segment, ...] | None:
        """The segments that discovery found last, None where it never read the list."""
        with self._lock:
            workspace = self._workspaces.get(watch.workspace)
            return workspace.listing if workspace else None

    def unpolled(self) -> tuple[tuple[str, str], ...]:
        """Workspace and collector of what was never polled, well or badly."""
        return self._where(lambda collector: collector.last is None)

    def incomplete(self) -> tuple[tuple[str, str], ...]:
        """Workspace and collector of what was never polled, or not read wholly the last time."""
        return self._where(
            lambda collector: (
                collector.last is None
                or not collector.last.complete
                or any(held.past.history is History.FAILED for held in collector.held.values())
            )
        )

    def _where(self, true: Callable[[_Collector], bool]) -> tuple[tuple[str, str], ...]:
        with self._lock:
            return tuple(
                (name, collector)
                for name, workspace in self._workspaces.items()
                for collector, state in workspace.collectors.items()
                if true(state)
            )

    def listed(self, watch: Watch) -> bool:
        """Whether discovery has had its first poll, well or badly, or has nothing to do."""
        with self._lock:
            workspace = self._workspaces.get(watch.workspace)
            discovery = workspace.collectors.get(DISCOVERY) if workspace else None
            return discovery is None or discovery.last is not None

    def standing(self) -> tuple[Standing, ...]:
        """What is known of each workspace now; under the lock nothing is done but to copy."""
        with self._lock:
            return tuple(
                Standing(
                    workspace.watch,
                    workspace.selection,
                    dict(workspace.names),
                    {
                        name: CollectorStanding(dict(one.held), one.last, one.last_success)
                        for name, one in workspace.collectors.items()
                    },
                )
                for workspace in self._workspaces.values()
            )

    def snapshot(self) -> Snapshot:
        """What is true now."""
        snapshot = self._snapshot
        if self._now() < snapshot.until:
            return snapshot
        with self._lock:
            for workspace in self._workspaces.values():
                for name, collector in workspace.collectors.items():
                    if collector.until <= self._now():
                        self._write(workspace, name)
            self._replace()
            return self._snapshot

    def _adopt(self, watch: Watch, before: _Workspace | None) -> _Workspace:
        workspace = _Workspace(watch)
        if before is not None and _source(before.watch) != _source(watch):
            before = None
        if before is not None:
            workspace.listing, workspace.names = before.listing, dict(before.names)
        workspace.choose()
        for name in watch.intervals:
            kept = before.collectors.get(name) if before is not None else None
            workspace.collectors[name] = collector = kept or _Collector()
            collector.held = {s: judged(s, held, watch) for s, held in collector.held.items()}
            self._prune(workspace, name)
        workspace.write()  # also where there is no collector
        return workspace

    def _prune(self, workspace: _Workspace, name: str) -> None:
        """Take away what is no longer wanted of a collector."""
        collector = workspace.collectors[name]
        wanted = frozenset(workspace.wanted(name))
        collector.held = {s: held for s, held in collector.held.items() if s in wanted}
        self._write(workspace, name)

    def _write(self, workspace: _Workspace, name: str, courtesy: Courtesy | None = None) -> None:
        """Render what one collector changes: its own lines and its workspace's."""
        watch, collector, now = workspace.watch, workspace.collectors[name], self._now()
        keep = watch.keep_of(name)
        shown = visible(collector.held, keep, now)
        collector.values = series_lines(courtesy.before_each(shown) if courtesy else shown)
        collector.until = next_change(collector.held, keep, now)
        collector.state = collector_lines(
            watch.workspace,
            name,
            watch.intervals[name],
            collector.last,
            collector.last_success,
            None if name == DISCOVERY else collector.restated,
        )
        workspace.write()

    def _replace(self) -> None:
        lines: list[Lines] = []
        until = float("inf")
        for workspace in self._workspaces.values():
            lines.append(workspace.state)
            for collector in workspace.collectors.values():
                lines += (collector.values, collector.state)
                until = min(until, collector.until)
        self._snapshot = render(lines, until)


def _source(watch: Watch) -> tuple[str, str]:
    """Whose data it is, and how its days are cut."""
    return watch.endpoint, watch.zone.key


def render(lines: Iterable[Lines], until: float) -> Snapshot:
    """The pages of both formats: each metric's header once, then its samples of every workspace."""
    samples = {metric: [part[metric] for part in lines if metric in part] for metric in PUBLISHED}
    return Snapshot(
        {
            form: Page.of(
                piece
                for metric, parts in samples.items()
                if parts
                for piece in (_HEADERS[metric, form], *parts)
            )
            for form in Format
        },
        until,
    )
