"""Whatever happens in whatever order, the page shows what a plain model of the store says."""

import gzip
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)
from prometheus_client.parser import text_string_to_metric_families as read_text

from exporter.buckets import read_points
from exporter.families import DISCOVERY, SESSIONS
from exporter.model import Point, Reading, Segment, Series, Unit
from exporter.negotiation import Format
from exporter.past import History
from exporter.snapshot import Store
from exporter.watch import Alerts, Watch
from tests.brazes import Braze, luck
from tests.expected import Kept, Model, Poll, Samples, Workspace
from tests.fakes import DAY, HOUR, NOW, FakeClock, a_reading, a_watch
from tests.plainly import DAYS, HOURS, Rows
from tests.tries import tries

FIRST = datetime.fromtimestamp(NOW, UTC)
SEGMENTS_OF_BRAZE = (
    Segment("s1", "Lifecycle"),
    Segment("s2", 'A "name" of\n two \\ lines', tracked=True, tags=("a", "b")),
    Segment("s3", "Test", tracked=False, tags=("b",)),
    Segment("s4", "", tags=("a",)),
)
IDS: st.SearchStrategy[tuple[str, ...]] = st.lists(
    st.sampled_from(("s1", "s2", "s9")), unique=True, max_size=2
).map(tuple)
WATCHES = st.builds(
    a_watch,
    workspace=st.sampled_from(("production", "staging")),
    ids=IDS,
    discover=st.booleans(),
    include=st.sampled_from(((), (re.compile("e"),), (re.compile("^A"), re.compile("T")))),
    exclude=st.sampled_from(((), (), (re.compile("^Test$"),))),
    tags=st.sampled_from(((), (), ("a",))),
    limit=st.integers(1, 4),
    apps=st.sampled_from(({}, {"a1": "ios"}, {"a1": "ios", "a2": 'the "other"'})),
    units=st.sampled_from(((Unit.DAY, Unit.HOUR), (Unit.HOUR,))),
    workspace_total=st.booleans(),
    by_segment=IDS,
    keep=st.sampled_from((0.0, 6.0 * HOUR, 30.0 * HOUR)),
    zone=st.sampled_from(("UTC", "UTC", "Europe/Berlin")).map(ZoneInfo),
    alerts=st.just(Alerts(drop=0.25, min_size=40, min_sessions=60)),
)
SEEDS = st.integers(0, 10**6)


@dataclass(frozen=True)
class Asked:
    """A poll under way: the settings it began with, what they wanted, and when it asked."""

    watch: Watch
    collector: str
    wanted: tuple[Series, ...]
    sent: float


def braze_of(series: Series, watch: Watch) -> Braze:
    """What Braze tells of a series: always the same one."""
    chance = luck(series)
    form = chance.choice(("z", "offset", "naive")) if series.family.unit is Unit.HOUR else "date"
    naive = form == "naive"
    return Braze(
        chance.randrange(10**6),
        series.family.unit,
        watch.zone,
        chance.choice((1000, 25, 3)) * DAYS,
        form,
        0.0 if naive else chance.choice((0.0, 0.1, 0.6)),
        chance.choice((0.0, 0.1, 0.5)),
        chance.choice((0.0, 0.1)),
        chance.choice(("ascending", "descending", *(() if naive else ("shuffled",)))),
    )


def points_of(braze: Braze, series: Series, rows: Rows, sent: float) -> tuple[Point, ...]:
    """What the exporter reads of these rows."""
    family = series.family
    written = [{"time": braze.time(bucket), family.field: value} for bucket, value in rows]
    return read_points(written, family.field, family.unit, braze.zone, sent)


def read(page: bytes) -> Samples:
    """The samples of a page in the text format."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in read_text(page.decode())
        for sample in family.samples
    }


class Anything(RuleBasedStateMachine):
    """A store beside its model, and everything that can happen to both."""

    polls = Bundle("polls")

    @initialize(watches=st.lists(WATCHES, min_size=1, max_size=2))
    def start(self, watches: list[Watch]) -> None:
        self.clock = FakeClock()
        self.store, self.model = Store(self.clock.now), Model()
        self.retired: list[Watch] = []
        self.number = 0
        self.reload(watches)

    @rule(watches=st.lists(WATCHES, max_size=2))
    def reload(self, watches: list[Watch]) -> None:
        """Settings are read anew: of a workspace that is given twice the last stands."""
        asked = {watch.workspace: watch for watch in watches}.values()
        self.retired += [each.watch for each in self.model.workspaces.values()]
        self.store.expect(asked)
        self.model.expect(asked, self.clock.now())

    @rule(changes=st.fixed_dictionaries({}, optional={"keep": st.just(3600.0), "ids": IDS}))
    def change_a_little(self, changes: Mapping[str, Any]) -> None:
        """A reload that leaves most as it was, or all."""
        self.reload([replace(each.watch, **changes) for each in self.model.workspaces.values()])

    @rule(target=polls, place=st.integers(0, 9))
    def begin(self, place: int) -> object:
        """A collector asks Braze."""
        places = [
            (workspace, name)
            for workspace in self.model.workspaces.values()
            for name in workspace.collectors
        ]
        if not places:
            return multiple()
        return self._asked(*places[place % len(places)])

    def _asked(self, workspace: Workspace, collector: str) -> Asked:
        wanted = self.store.wanted(workspace.watch, collector)
        assert list(wanted) == workspace.wanted(collector)
        return Asked(workspace.watch, collector, wanted, self.clock.now())

    @rule(poll=consumes(polls), seed=SEEDS, failing=st.sampled_from((0.0, 0.3, 1.0)))
    def end(self, poll: Asked, seed: int, failing: float) -> None:
        """Its answers are there: some are empty, some could not be read; settings may be others."""
        self.clock.advance(2)
        if poll.collector == DISCOVERY:
            self._list(poll, seed, failing)
        else:
            self._read(poll, seed, failing)

    @rule(seed=SEEDS, failing=st.sampled_from((0.0, 0.0, 0.3)))
    def poll_everything(self, seed: int, failing: float) -> None:
        """As most polls are: nothing else happens meanwhile."""
        for workspace in self.model.workspaces.values():
            for collector in workspace.collectors:
                self.end(self._asked(workspace, collector), seed, failing)

    def _list(self, poll: Asked, seed: int, failing: float) -> None:
        chance = luck(seed, "list")
        failed = chance.random() < failing
        found = [each for each in SEGMENTS_OF_BRAZE if chance.random() < 0.7]
        renamed = tuple(
            replace(each, name=each.name + "!") if chance.random() < 0.1 else each for each in found
        )
        reading = self._reading(poll, listing=None if failed else renamed, asked=1)
        if failed:
            reading = replace(reading, failures={None: "timeout"})
        new = self.store.publish(replace(reading, answered=int(not failed)), poll.watch)

        workspace = self.model.in_force(poll.watch)
        if workspace is None:
            assert new == ()
            return
        known = workspace.selected()
        if not failed:
            workspace.listing = renamed
            workspace.choose(self.clock.now())
        assert list(new) == [each for each in workspace.selected() if each not in known]
        self._polled(poll, failed=int(failed), unanswered=failed)

    def _read(self, poll: Asked, seed: int, failing: float) -> None:
        self.number += 1
        answers: dict[Series, Rows] = {}
        failed = []
        for series in poll.wanted:
            chance = luck(seed, series)
            if chance.random() < failing:
                failed.append(series)
            else:
                ahead = chance.choice((0, 0, 5, 20)) * HOURS
                empty = chance.random() < 0.1
                answers[series] = () if empty else self._rows(series, poll, ahead)
        points = {
            series: points_of(braze_of(series, poll.watch), series, rows, poll.sent)
            for series, rows in answers.items()
        }
        reading = self._reading(poll, points, failed=failed)
        assert self.store.publish(reading, poll.watch) == ()

        workspace = self.model.in_force(poll.watch)
        if workspace is None:
            return
        collector = workspace.collectors[poll.collector]
        for series, rows in answers.items():
            if series not in workspace.wanted(poll.collector):
                continue
            if not points[series]:
                collector.kept.pop(series, None)
                continue
            offset = braze_of(series, poll.watch).form in ("z", "offset")
            kept = collector.kept.setdefault(series, Kept(series, poll.watch, offset=offset))
            collector.restated += kept.read(rows, poll.sent)
        self._polled(poll, failed=len(failed), unanswered=bool(failed) and not answers)

    def _rows(self, series: Series, poll: Asked, ahead: timedelta) -> Rows:
        braze = braze_of(series, poll.watch)
        last = datetime.fromtimestamp(poll.sent, UTC) + ahead
        count = 35 if series.family.unit is Unit.DAY else 48
        return braze.rows(last, count, self.number, FIRST)

    def _reading(
        self, poll: Asked, answers: Mapping[Series, Iterable[Point]] | None = None, **changes: Any
    ) -> Reading:
        return a_reading(
            poll.collector, answers, sent=poll.sent, workspace=poll.watch.workspace,
            finished=self.clock.now(), **changes,
        )  # fmt: skip

    def _polled(self, poll: Asked, *, failed: int, unanswered: bool) -> None:
        now = self.clock.now()
        collector = self.model.workspaces[poll.watch.workspace].collectors[poll.collector]
        collector.last = Poll(max(now - poll.sent, 0), now, failed, unanswered)
        collector.success = collector.success if failed else now
        collector.written = now

    @rule(place=st.integers(0, 9), seed=SEEDS, history=st.sampled_from(History))
    def read_the_history(self, place: int, seed: int, history: History) -> None:
        """Older points of hours; there are none where it fails, or there was no time."""
        watches = [each.watch for each in self.model.workspaces.values()] + self.retired[-2:]
        if not watches:
            return
        watch = watches[place % len(watches)]
        workspace = self.model.in_force(watch)
        if SESSIONS not in watch.intervals:
            return
        pasts: dict[Series, tuple[tuple[Point, ...], History]] = {}
        told: dict[Series, Rows] = {}
        for series in self.store.without_past(watch, SESSIONS):
            braze, sent = braze_of(series, watch), self._sent(series, watch)
            older = braze.rows(datetime.fromtimestamp(sent, UTC) - 48 * HOURS, 637, seed, FIRST)
            told[series] = older if history is History.READ else ()
            pasts[series] = points_of(braze, series, told[series], sent), history
        self.store.publish_past(pasts, SESSIONS, watch)
        if workspace is None:
            assert not pasts
            return
        collector = workspace.collectors[SESSIONS]
        for series, rows in told.items():
            if history is not History.UNREAD:
                collector.kept[series].precede(rows)
        collector.written = self.clock.now()

    def _sent(self, series: Series, watch: Watch) -> float:
        workspace = self.model.in_force(watch)
        assert workspace is not None
        return workspace.collectors[SESSIONS].kept[series].sent

    @rule(
        seconds=st.sampled_from((1, 300, 899, 1800, HOUR, HOUR, 3 * HOUR, 6 * HOUR, DAY, 40 * DAY))
    )
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    @rule(early=st.sampled_from((1, 0)))
    def wait_until_something_disappears(self, early: int) -> None:
        """To the second when the store says so, or one before."""
        until = self.store.snapshot().until
        if until < math.inf:
            self.clock.set(until - early)

    @rule(seconds=st.sampled_from((1, HOUR, DAY)))
    def set_the_clock_back(self, seconds: int) -> None:
        """The host's clock was wrong."""
        self.clock.advance(-seconds)

    @invariant()
    def the_page_is_the_models(self) -> None:
        """All samples, in both formats, plain and packed alike."""
        pages = self.store.snapshot().pages
        text, metrics = pages[Format.TEXT].plain, pages[Format.OPENMETRICS].plain
        assert read(text) == self.model.samples(self.clock.now())
        assert samples_in(text) == samples_in(metrics)
        assert gzip.decompress(b"".join(pages[Format.TEXT].with_tail(b"", gzipped=True))) == text

    @invariant()
    def what_was_polled_is_known(self) -> None:
        """Readiness rests on it."""
        assert set(self.store.unpolled()) == {
            (workspace.watch.workspace, name)
            for workspace in self.model.workspaces.values()
            for name, collector in workspace.collectors.items()
            if collector.last is None
        }


def samples_in(page: bytes) -> list[bytes]:
    return [line for line in page.splitlines() if not line.startswith(b"#")]


Anything.TestCase.settings = tries(60, stateful_step_count=30)
TestWhateverHappens = Anything.TestCase
