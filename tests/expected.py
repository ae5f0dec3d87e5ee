"""What the page must show after any course of events: a plain model of the store.

Written from the contract alone. Of each series it keeps a `Reference`, which says what the answers
mean; here stands what is held of them, for how long, and what settings and lists take away.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from exporter.families import DISCOVERY, FAMILY, SEGMENTS, SESSIONS
from exporter.model import Segment, Series, Unit
from exporter.watch import Watch
from tests.plainly import SETTLE, Reference, Rows

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""The samples of a page: the value by name and labels."""


class Kept:
    """One series that is held, and what its last answer came to."""

    def __init__(self, series: Series, watch: Watch, *, offset: bool) -> None:
        family = series.family
        self.series = series
        self.reference = Reference(family.kind, family.unit, watch.zone, offset)
        self.reference.whole = family.unit is Unit.DAY
        self.sent = 0.0

    def read(self, rows: Rows, sent: float) -> int:
        """Take an answer; returns how many complete buckets it restated."""
        known = self.reference
        depth = timedelta(days=35) if known.unit is Unit.DAY else timedelta(hours=700)
        told = {bucket: value for bucket, value in rows if value is not None}
        restated = sum(
            bucket in known.known
            and known.over - depth <= known.start(bucket) <= known.over
            and known.start(bucket).timestamp() <= sent + 14 * 3600
            and known.known[bucket] != value
            for bucket, value in told.items()
        )
        known.read(rows, datetime.fromtimestamp(sent, UTC))
        self.sent = sent
        self._judge()
        return restated

    def precede(self, rows: Rows) -> None:
        """Take the history."""
        self.reference.precede(rows)
        self._judge()

    def _judge(self) -> None:
        known = self.reference
        self.shown, self.current = known.shown(), known.current()
        self.normal, self.threshold = known.normal(), known.threshold()

    def samples(self, keep: float, now: float) -> Iterator[tuple[str, dict[str, str], float]]:
        """What is shown of it at `now`: suffix of the metric, further labels, value."""
        if now >= self.sent + keep:
            return
        known = self.reference
        if self.shown is not None:
            yield "", {}, known.answer[self.shown]
            yield "_timestamp_seconds", {}, known.start(self.shown).timestamp()
        if self.current is not None and now < (known.end(self.current) + SETTLE).timestamp():
            yield "_current", {}, known.answer[self.current]
            yield "_current_timestamp_seconds", {}, known.start(self.current).timestamp()
        for name, value in self.normal.items():
            yield "_baseline", {"baseline": name}, value
        if self.threshold is not None:
            yield "_alert_threshold", {}, self.threshold


@dataclass
class Poll:
    """How a poll ended."""

    seconds: float
    finished: float
    failed: int
    unanswered: bool


@dataclass
class Collector:
    """What is held for a collector, and how its last poll went."""

    kept: dict[Series, Kept] = field(default_factory=dict)
    last: Poll | None = None
    success: float | None = None
    restated: int = 0
    written: float = 0.0
    """What had disappeared by then does not come back, should the clock be set back."""


@dataclass
class Workspace:
    """One workspace, as the settings in force have it."""

    watch: Watch
    listing: tuple[Segment, ...] | None = None
    names: dict[str, Segment] = field(default_factory=dict)
    collectors: dict[str, Collector] = field(default_factory=dict)

    def passing(self) -> list[str]:
        """The listed segments that the filters let through, besides those that are named."""
        watch = self.watch
        return [
            each.id
            for each in self.listing or ()
            if each.id not in watch.ids
            and watch.discover
            and (not watch.include or any(re.search(one, each.name) for one in watch.include))
            and not any(re.search(one, each.name) for one in watch.exclude)
            and (not watch.tags or set(watch.tags) & set(each.tags))
        ]

    def selected(self) -> list[str]:
        room = self.watch.limit - len(self.watch.ids)
        return [*self.watch.ids, *self.passing()[: max(room, 0)]]

    def wanted(self, collector: str) -> list[Series]:
        watch = self.watch
        if collector == SEGMENTS:
            family = FAMILY["braze_segment_size"]
            return [Series(family, (watch.workspace, each)) for each in self.selected()]
        if collector == DISCOVERY:
            return []
        things: list[tuple[str, tuple[str, ...]]] = [("app", (app,)) for app in watch.apps]
        things += [("segment", (s, app)) for s in watch.by_segment for app in watch.apps or ("",)]
        things += [("workspace", ())] if watch.workspace_total else []
        word = {Unit.DAY: "daily", Unit.HOUR: "hourly"}
        return [
            Series(FAMILY[f"braze_{kind}_sessions_{word[unit]}"], (watch.workspace, *labels))
            for kind, labels in things
            for unit in watch.units
        ]

    def at_work(self) -> list[str]:
        """The collectors that have something to do."""
        watch, named = self.watch, (*self.watch.ids, *self.watch.by_segment)
        needed = {
            DISCOVERY: watch.discover or bool(named),
            SEGMENTS: watch.discover or bool(watch.ids),
            SESSIONS: bool(self.wanted(SESSIONS)),
        }
        return [name for name, true in needed.items() if true]

    def choose(self, now: float) -> None:
        """Settings or list are new: forget what is watched no longer."""
        watched = {*self.selected(), *self.watch.by_segment}
        listed = {each.id: each for each in self.listing or ()}
        self.names = {key: name for key, name in (self.names | listed).items() if key in watched}
        for name, collector in self.collectors.items():
            wanted = set(self.wanted(name))
            gone = collector.kept.keys() - wanted
            collector.kept = {s: kept for s, kept in collector.kept.items() if s not in gone}
            if name == SEGMENTS:
                collector.written = now

    def keep(self, collector: str) -> float:
        return max(self.watch.keep, 1.5 * self.watch.polls[collector])


class Model:
    """All workspaces."""

    def __init__(self) -> None:
        self.workspaces: dict[str, Workspace] = {}

    def expect(self, watches: Iterable[Watch], now: float) -> None:
        """New settings: what is not of them is gone."""
        before, self.workspaces = self.workspaces, {}
        for watch in watches:
            new = Workspace(watch)
            old = before.get(watch.workspace)
            if old and (old.watch.endpoint, old.watch.zone) == (watch.endpoint, watch.zone):
                new.listing, new.names = old.listing, old.names
                new.collectors = old.collectors
            new.collectors = {name: new.collectors.get(name, Collector()) for name in new.at_work()}
            new.choose(now)
            for collector in new.collectors.values():
                collector.written = now
            self.workspaces[watch.workspace] = new

    def in_force(self, watch: Watch) -> Workspace | None:
        """The workspace, if it is watched in just this way."""
        workspace = self.workspaces.get(watch.workspace)
        return workspace if workspace and workspace.watch is watch else None

    def samples(self, now: float) -> Samples:
        """The page."""
        found: Samples = {}
        for workspace in self.workspaces.values():
            for name, labels, value in _workspace(workspace, now):
                of = {"workspace": workspace.watch.workspace} | labels
                assert (name, frozenset(of.items())) not in found
                found[name, frozenset(of.items())] = value
        return found


def _workspace(workspace: Workspace, now: float) -> Iterator[tuple[str, dict[str, str], float]]:
    watch = workspace.watch
    for name, collector in workspace.collectors.items():
        collector.written = max(collector.written, now)
        for series, kept in collector.kept.items():
            labels = dict(zip(series.family.labels, series.labels, strict=True))
            for suffix, more, value in kept.samples(workspace.keep(name), collector.written):
                yield series.family.name + suffix, labels | more, value
        yield from _collector(collector, name, watch.polls[name])
    polls = [each.last for each in workspace.collectors.values() if each.last]
    if polls:
        yield "braze_up", {}, not any(poll.unanswered for poll in polls)
    selected, read = workspace.selected(), workspace.listing is not None
    if read or not watch.discover:
        yield "braze_exporter_segments", {"state": "selected"}, len(selected)
    if read:
        passing = workspace.passing()
        others = [each for each in workspace.listing or () if each.id not in watch.ids]
        out, over = len(others) - len(passing), len(passing) + len(watch.ids) - len(selected)
        yield "braze_exporter_segments", {"state": "filtered"}, out
        yield "braze_exporter_segments", {"state": "over_limit"}, over
    yield "braze_exporter_shard_ordinal", {}, 0
    yield "braze_exporter_total_shards", {}, 1
    for segment in {*selected, *watch.by_segment}:
        known = workspace.names.get(segment, Segment(segment, segment))
        tracked = {None: "", True: "true", False: "false"}[known.tracked]
        info = {"segment_id": segment, "segment_name": known.name, "tracked": tracked}
        yield "braze_segment_info", info, 1
    for app, called in watch.apps.items():
        yield "braze_app_info", {"app_id": app, "app_name": called}, 1


def _collector(
    collector: Collector, name: str, interval: float
) -> Iterator[tuple[str, dict[str, str], float]]:
    of, last = {"collector": name}, collector.last
    yield "braze_exporter_collector_interval_seconds", of, interval
    if collector.success is not None:
        success = "braze_exporter_collector_last_success_timestamp_seconds"
        yield success, of, collector.success
    if name != DISCOVERY:
        yield "braze_exporter_restated_points_total", of, collector.restated
    if last:
        yield "braze_exporter_collector_success", of, not last.failed
        yield "braze_exporter_collector_duration_seconds", of, last.seconds
        attempt = "braze_exporter_collector_last_attempt_timestamp_seconds"
        yield attempt, of, last.finished
        failed = last.failed if name != DISCOVERY else 0
        yield "braze_exporter_series_failed", of, failed
