"""Reading the series back: what a live exporter would have shown, and what failures leave."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.backfill import in_order, page_ends, write_history
from exporter.client import BrazeError
from exporter.families import KPI
from exporter.limiter import Interrupted
from exporter.model import Answer, Point, Series, Unit
from exporter.negotiation import Format
from exporter.past import DEPTH
from exporter.rendering import infos
from exporter.samplefile import SampleFile, Span
from exporter.simulator import World
from exporter.watch import Watch, select
from tests.fakes import DAY, HOUR, TODAY, a_watch, daily, hourly, size
from tests.inline import Inline
from tests.workbench import Workbench

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

SPAN = Span(TODAY - 3 * DAY, TODAY, HOUR)
WATCH = a_watch(apps={"a1": "ios"})


def samples_of(text: str) -> dict[int, Samples]:
    """A file's samples by their moment. The parser takes nothing that is not grouped or ordered."""
    found: dict[int, Samples] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert sample.timestamp is not None
            labels = frozenset(sample.labels.items())
            found.setdefault(int(float(sample.timestamp)), {})[sample.name, labels] = sample.value
    return found


def shown_live(bench: Workbench) -> Samples:
    """What a scrape gets, without what is about the exporter or a bucket that fills."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(bench.page(Format.OPENMETRICS).decode())
        for sample in family.samples
        if sample.name.startswith("braze_")
        and not sample.name.startswith(("braze_exporter_", "braze_up"))
        and "_current" not in sample.name
    }


# What was shown


@pytest.mark.parametrize(
    ("zone", "until"),
    [
        ("UTC", "2026-11-22T08:00"),
        ("Europe/Berlin", "2026-10-25T20:00"),  # a day of 25 hours
        ("America/New_York", "2026-03-08T20:00"),  # a day of 23
        ("Asia/Kolkata", "2026-11-22T08:00"),  # its hours begin at half past
    ],
)
def test_the_file_says_what_a_live_exporter_showed(zone: str, until: str, tmp_path: Path) -> None:
    """At each moment of a day and more: every value, its bucket's start, what was normal, the
    threshold and the names. Only what has never been anything but 0 is left out.
    """
    end = datetime.fromisoformat(until).replace(tzinfo=UTC)
    begin = end - timedelta(hours=26)
    world = World(3, end - timedelta(hours=12), zone=ZoneInfo(zone))
    tracked = next(segment.id for segment in world.segments if segment.tracked)
    unborn = {segment.id for segment in world.segments if segment.share == 0}
    changes: dict[str, Any] = {
        "zone": ZoneInfo(zone),
        "by_segment": (tracked,),
        "kpis": ("dau", "uninstalls"),
        "events": ("added_to_cart",),
    }
    span = Span(int(begin.timestamp()), int(end.timestamp()), HOUR)

    with Workbench(world, end, **changes) as bench:
        listing = bench.client.segments()
        names, selection = {s.id: s for s in listing}, select(listing, bench.watch)
        wanted = bench.watch.wanted_of_all(selection.selected)
        with SampleFile(tmp_path / "out.om", {}, span) as file:
            failures = write(file, wanted, bench.client.data_series, bench.watch, span)
            for metric, labels in infos(bench.watch, selection, names):
                file.name(metric, labels)
            file.finish()
    written = samples_of((tmp_path / "out.om").read_text())

    assert failures == {}
    assert set(written) == set(range(span.since, span.until, HOUR))
    live = Workbench(world, begin, **changes)
    for moment in written:
        # At midnight itself Braze's newest day is still the one before.
        live.clock.moment = datetime.fromtimestamp(moment + 1, UTC)
        live.poll()
        shown = {
            key: value
            for key, value in shown_live(live).items()
            if not unborn & {text for _, text in key[1]}
        }
        assert written[moment] == shown, live.clock.moment


def test_monthly_users_stand_from_midnight_on(tmp_path: Path) -> None:
    """With the value of that day, which a live exporter shows once Braze has it: at 12:05 UTC."""
    now = datetime.fromtimestamp(TODAY + 18 * HOUR, UTC)
    world = World(3, now, segments=0)
    [app, *_] = world.apps
    span = Span(TODAY - 2 * DAY, TODAY + 12 * HOUR, 6 * HOUR)
    with Workbench(world, now, discover=False, kpis=("mau",)) as bench:
        wanted = bench.watch.wanted(KPI)
        with SampleFile(tmp_path / "out.om", {}, span) as file:
            assert write(file, wanted, bench.client.data_series, bench.watch, span) == {}
            file.finish()
    labels = frozenset({"workspace": "production", "app_id": app.id}.items())
    written = samples_of((tmp_path / "out.om").read_text())

    assert len(written) == 10
    for moment, samples in written.items():
        day = datetime.fromtimestamp(moment, UTC).date()
        found = samples["braze_app_monthly_active_users", labels]
        assert found == world.kpi("mau", app.id, day, now)


def write(
    file: SampleFile,
    wanted: Sequence[Series],
    read: Callable[[Series, int, float], Answer],
    watch: Watch = WATCH,
    span: Span = SPAN,
) -> dict[Series, str]:
    return write_history(
        file, wanted, watch, span, read, threads=Inline(), width=1, asked=lambda: None
    )


class Braze:
    """Answers for every series with the same number in each bucket, unless told to fail."""

    def __init__(self, value: float = 500.0) -> None:
        self.asked: list[tuple[Series, float]] = []
        self.fails: dict[Series, tuple[int, str]] = {}
        self._value = value

    def fail(self, series: Series, *, page: int = 0, reason: str = "timeout") -> None:
        """Fail for that page of a series, counted from 0, and those after it."""
        self.fails[series] = (page, reason)

    def __call__(self, series: Series, length: int, ending_at: float) -> Answer:
        before = sum(each == series for each, _ in self.asked)
        self.asked.append((series, ending_at))
        page, reason = self.fails.get(series, (1000, ""))
        if before >= page:
            raise BrazeError(reason, "as it was told")
        unit = DAY if series.family.unit is Unit.DAY else HOUR
        last = int(-(-ending_at // unit))  # the bucket that holds the moment just before
        points = tuple(
            Point(start * unit, (start + 1) * unit, self._value, True)
            for start in range(last - length, last)
        )
        return Answer(ending_at, points)


def written_by(folder: Path, wanted: Sequence[Series], braze: Braze) -> tuple[dict[str, str], str]:
    """Why which series are missing, and the metrics and ids in the file."""
    with SampleFile(folder / "out.om", {}, SPAN) as file:
        failures = write(file, wanted, braze)
        file.finish()
    return {series.labels[1]: why for series, why in failures.items()}, (
        folder / "out.om"
    ).read_text()


@pytest.mark.parametrize("series", [size(), daily(), hourly()])
def test_pages_reach_back_as_far_as_baselines_look(series: Series) -> None:
    """The oldest page ends where a page reaches beyond what the first sample is compared with."""
    unit = series.family.unit
    length = 100 * (DAY if unit is Unit.DAY else HOUR)
    ends = page_ends(unit, SPAN)

    assert ends[-1] == SPAN.until
    assert all(0 < later - end < length for end, later in pairwise(ends))
    assert ends[0] - length <= SPAN.since - DEPTH[unit] < ends[0]


def test_a_series_is_asked_for_oldest_page_first(tmp_path: Path) -> None:
    """So that nothing needs to be kept but what the next values are compared with."""
    braze = Braze()
    written_by(tmp_path, [hourly()], braze)

    ends = [end for _, end in braze.asked]
    assert len(ends) > 5
    assert ends == sorted(ends)


def test_a_bucket_that_a_page_cuts_short_is_not_believed(tmp_path: Path) -> None:
    """The last bucket of a page holds the moment just before its end, and so only a part."""

    def read(series: Series, length: int, ending_at: float) -> Answer:
        whole = Braze()(series, length, ending_at)
        *points, last = whole.points
        return Answer(ending_at, (*points, Point(last.start, last.end, 1.0, offset=True)))

    span = Span(SPAN.since + HOUR // 2, SPAN.until + HOUR // 2, HOUR)
    with SampleFile(tmp_path / "out.om", {}, span) as file:
        write(file, [hourly()], read, span=span)
        file.finish()

    values = {
        value
        for moment in samples_of((tmp_path / "out.om").read_text()).values()
        for (name, _), value in moment.items()
        if name == "braze_app_sessions_hourly"
    }
    assert values == {500.0}


# What cannot be read


def test_a_series_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """Half a history looks like a drop; the others are not touched."""
    braze = Braze()
    braze.fail(hourly("a2"), page=3)
    failures, text = written_by(tmp_path, [hourly("a1"), hourly("a2"), hourly("a3")], braze)

    assert failures == {"a2": "timeout: as it was told"}
    assert 'app_id="a2"' not in text
    alone = {name: 'app_id="' + name + '"' for name in ("a1", "a3")}
    assert text.count(alone["a1"]) == text.count(alone["a3"]) > 0
    samples_of(text)


def test_a_series_that_failed_is_not_asked_further(tmp_path: Path) -> None:
    """Its other pages would be for nothing."""
    braze = Braze()
    braze.fail(hourly("a1"))
    written_by(tmp_path, [hourly("a1"), hourly("a2")], braze)

    assert sum(series == hourly("a1") for series, _ in braze.asked) == 1


@pytest.mark.parametrize("reason", ["forbidden", "rate_limited", "connection", "timeout"])
def test_five_refusals_in_a_row_end_the_asking(reason: str, tmp_path: Path) -> None:
    """They have more to do with the key or the network than with the series."""
    braze, wanted = Braze(), [size(f"s{number}") for number in range(8)]
    for series in wanted[1:]:
        braze.fail(series, reason=reason)
    failures, text = written_by(tmp_path, wanted, braze)

    assert {series for series, _ in braze.asked} == set(wanted[:6])
    assert failures["s5"] == f"{reason}: as it was told"
    assert failures["s7"] == "not asked: Braze answered none of the last five"
    assert 'segment_id="s0"' in text


def test_other_failures_end_nothing(tmp_path: Path) -> None:
    """Ten unknown segments say nothing of the eleventh."""
    braze, wanted = Braze(), [size(f"s{number}") for number in range(11)]
    for series in wanted[:10]:
        braze.fail(series, reason="bad_request")
    failures, text = written_by(tmp_path, wanted, braze)

    assert len(failures) == 10
    assert 'segment_id="s10"' in text


def test_an_interruption_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    """No half file, no temporary one."""

    def stopped(series: Series, length: int, ending_at: float) -> Answer:
        if series == size("s2"):
            raise Interrupted
        return Braze()(series, length, ending_at)

    with pytest.raises(Interrupted), SampleFile(tmp_path / "out.om", {}, SPAN) as file:
        write(file, [size("s1"), size("s2")], stopped)

    assert list(tmp_path.iterdir()) == []


# How many questions are under way


def test_answers_come_in_the_order_of_the_questions() -> None:
    """Whichever is answered first."""
    second_done = threading.Event()

    def call(number: int) -> int:
        if number == 0:
            assert second_done.wait(10)
        if number == 1:
            second_done.set()
        return number * number

    with ThreadPoolExecutor(2) as threads:
        assert list(in_order(call, iter(range(5)), threads, 2)) == [
            (0, 0), (1, 1), (2, 4), (3, 9), (4, 16),
        ]  # fmt: skip


def test_no_question_is_thought_of_before_there_is_room_for_it() -> None:
    """So memory does not grow with their number."""
    drawn: list[int] = []

    def questions() -> Iterator[int]:
        for number in range(100):
            drawn.append(number)
            yield number

    answers = in_order(lambda number: number, questions(), Inline(), 4)
    next(answers)

    assert drawn == [0, 1, 2, 3]
