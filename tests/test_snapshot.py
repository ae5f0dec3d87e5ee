"""The newest readings, already rendered: what a scrape sees, and when that changes."""

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_openmetrics,
)

from exporter.families import DISCOVERY, SEGMENTS, SESSIONS
from exporter.model import Point, Segment, Series
from exporter.negotiation import Format
from exporter.snapshot import Store
from exporter.steps import leave_way, take_way
from exporter.watch import Watch
from tests.fakes import (
    DAY,
    HOUR,
    NOW,
    TODAY,
    FakeClock,
    a_listing,
    a_reading,
    a_watch,
    at,
    daily,
    days,
    hourly,
    page,
    points,
    shown,
    size,
)


class Exporter:
    """A store, the clock it reads and the watches it expects."""

    def __init__(self, *watches: Watch) -> None:
        self.clock = FakeClock()
        self.store = Store(self.clock.now)
        self.watches = {watch.workspace: watch for watch in watches}
        self.store.expect(watches)

    def reload(self, *watches: Watch) -> None:
        self.watches = {watch.workspace: watch for watch in watches}
        self.store.expect(watches)

    def discover(self, *segments: str | Segment, workspace: str = "production") -> tuple[str, ...]:
        """Discovery reads `segments`; returns those that are newly selected."""
        reading = a_listing(*segments, sent=self.clock.now(), workspace=workspace)
        return self.store.publish(reading, self.watches[workspace])

    def read(
        self,
        collector: str,
        answers: Mapping[Series, Iterable[Point]] | None = None,
        workspace: str = "production",
        **changes: Any,
    ) -> None:
        """A poll ends now, having read `answers`."""
        reading = a_reading(
            collector, answers, sent=self.clock.now(), workspace=workspace, **changes
        )
        self.store.publish(reading, self.watches[workspace])

    def sizes(self) -> dict[str, float]:
        """The sizes on the page, by segment id."""
        found = shown(page(self.store), "braze_segment_size")
        return {name.split('segment_id="')[1].rstrip('"}'): value for name, value in found.items()}

    def shows(self, *metrics: str) -> list[float]:
        """The values of `metrics` on the page."""
        return list(shown(page(self.store), *metrics).values())


def with_apps(**changes: Any) -> Watch:
    """A workspace of which only the app a1 is watched, by the hour, unless told otherwise."""
    return a_watch(**{"discover": False, "apps": {"a1": "ios"}} | changes)


# --- Honest start


def test_before_the_first_poll_only_what_is_known_is_shown() -> None:
    """Honest start: no zero and no NaN stands for what was never read; intervals, the shard, the
    names of configured things and that nothing was restated are known.
    """
    exporter = Exporter(a_watch(ids=("s1",), apps={"a1": "ios"}))
    of = 'workspace="production"'
    assert shown(page(exporter.store)) == {
        f'braze_segment_info{{{of},segment_id="s1",segment_name="s1",tracked=""}}': 1,
        f'braze_app_info{{{of},app_id="a1",app_name="ios"}}': 1,
        f"braze_exporter_shard_ordinal{{{of}}}": 0,
        f"braze_exporter_total_shards{{{of}}}": 1,
        f'braze_exporter_collector_interval_seconds{{{of},collector="discovery"}}': 3600,
        f'braze_exporter_collector_interval_seconds{{{of},collector="segments"}}': 1800,
        f'braze_exporter_collector_interval_seconds{{{of},collector="sessions"}}': 300,
        f'braze_exporter_restated_points_total{{{of},collector="segments"}}': 0,
        f'braze_exporter_restated_points_total{{{of},collector="sessions"}}': 0,
    }


def test_without_a_workspace_the_page_is_empty() -> None:
    """Honest start: nothing to watch is nothing to show, and no mistake."""
    assert page(Exporter().store) == ""


def test_a_failed_first_poll_shows_that_it_failed_and_nothing_else() -> None:
    """Honest start: a series that was never read has no value, whatever else is known."""
    exporter = Exporter(a_watch(ids=("s1",), discover=False))
    exporter.read(SEGMENTS, failed=[size("s1")])
    assert exporter.sizes() == {}
    assert exporter.shows("braze_exporter_collector_success") == [0]
    assert exporter.shows("braze_up") == [0]
    assert exporter.shows("braze_exporter_collector_last_success_timestamp_seconds") == []


def test_a_value_is_shown_when_its_poll_is_published() -> None:
    """What was read stands on the page, in both formats."""
    exporter = Exporter(a_watch(ids=("s1",)))
    exporter.read(SEGMENTS, {size("s1"): days(500, 480)})
    line = 'braze_segment_size{workspace="production",segment_id="s1"}'
    for form in Format:
        assert shown(page(exporter.store, form))[line] == 480


def test_a_publish_waits_while_a_page_is_made() -> None:
    """And whoever makes it has what was true before."""
    exporter = Exporter(a_watch(ids=("s1",)))
    with ThreadPoolExecutor(1) as threads:
        take_way(60)
        published = threads.submit(exporter.read, SEGMENTS, {size("s1"): days(500)})
        assert wait([published], 0.1).not_done
        assert exporter.sizes() == {}
        leave_way()
        published.result(5)
    assert exporter.sizes() == {"s1": 500}


def test_the_last_success_is_remembered_through_failures() -> None:
    """Last attempt moves with every poll, last success with successes only."""
    exporter = Exporter(a_watch(ids=("s1",), discover=False))
    exporter.read(SEGMENTS, {size("s1"): days(500)})
    exporter.clock.advance(1800)
    exporter.read(SEGMENTS, failed=[size("s1")])
    assert exporter.shows("braze_exporter_collector_last_attempt_timestamp_seconds") == [NOW + 1802]
    assert exporter.shows("braze_exporter_collector_last_success_timestamp_seconds") == [NOW + 2]


# --- Holding


def test_what_could_not_be_read_keeps_its_value_until_keep_and_then_disappears() -> None:
    """Holding: `keep` counts from when the series was last read; it disappears between polls, to
    the second, and takes no other with it.
    """
    exporter = Exporter(a_watch(ids=("s1", "s2")))
    exporter.read(SEGMENTS, {size("s1"): days(100), size("s2"): days(200)})
    exporter.clock.set(NOW + 3 * HOUR)
    exporter.read(SEGMENTS, {size("s2"): days(210)}, failed=[size("s1")])

    exporter.clock.set(NOW + 6 * HOUR - 1)
    assert exporter.sizes() == {"s1": 100, "s2": 210}

    exporter.clock.set(NOW + 6 * HOUR)
    assert exporter.sizes() == {"s2": 210}

    exporter.clock.set(NOW + 9 * HOUR)
    assert exporter.sizes() == {}


def test_a_series_that_can_be_read_again_comes_back() -> None:
    """Holding: expiry is no judgement; the next answer shows it again."""
    exporter = Exporter(a_watch(ids=("s1",)))
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    exporter.clock.advance(DAY)
    assert exporter.sizes() == {}
    exporter.read(SEGMENTS, {size("s1"): days(90, last=TODAY + DAY)})
    assert exporter.sizes() == {"s1": 90}


def test_an_empty_answer_takes_the_series_at_once() -> None:
    """Holding: an empty answer to the newest-points request is an answer, and no failure."""
    exporter = Exporter(a_watch(ids=("s1", "s2"), discover=False))
    exporter.read(SEGMENTS, {size("s1"): days(100), size("s2"): days(200)})
    exporter.read(SEGMENTS, {size("s1"): (), size("s2"): days(200)})
    assert exporter.sizes() == {"s2": 200}
    assert exporter.shows("braze_exporter_collector_success") == [1]
    assert exporter.shows("braze_exporter_series_failed") == [0]


def test_what_discovery_no_longer_selects_goes_at_its_publish() -> None:
    """Holding: a segment that was deleted, renamed out of the filter or archived is gone at once,
    its name and counts too.
    """
    exporter = Exporter(a_watch())
    exporter.discover("s1", "s2")
    exporter.read(SEGMENTS, {size("s1"): days(100), size("s2"): days(200)})
    assert exporter.sizes() == {"s1": 100, "s2": 200}

    exporter.discover("s2")
    assert exporter.sizes() == {"s2": 200}
    assert "s1" not in page(exporter.store)
    assert 'segment_id="s2",segment_name="Name of s2"' in page(exporter.store)


def test_a_list_without_segments_takes_them_all() -> None:
    """Holding: an empty list that was read is no failure."""
    exporter = Exporter(a_watch())
    exporter.discover("s1")
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    exporter.discover()
    assert exporter.sizes() == {}
    assert exporter.shows("braze_exporter_segments") == [0, 0, 0]


def test_a_failed_discovery_changes_nothing() -> None:
    """Holding: neither the selection nor the names nor the counts nor the values."""
    exporter = Exporter(a_watch())
    exporter.discover("s1", "s2")
    exporter.read(SEGMENTS, {size("s1"): days(100), size("s2"): days(200)})
    before = shown(page(exporter.store))
    exporter.read(DISCOVERY, failed=[None])

    after = shown(page(exporter.store))
    changed = {name.partition("{")[0] for name in after if after[name] != before[name]}
    assert set(after) == set(before)
    assert changed == {"braze_up", "braze_exporter_collector_success"}
    assert exporter.store.wanted(exporter.watches["production"], SEGMENTS) == (
        size("s1"),
        size("s2"),
    )


def test_an_explicit_segment_outlives_a_list_without_it() -> None:
    """Holding: explicit ids are always in; their last known name stays."""
    exporter = Exporter(a_watch(ids=("s1",)))
    exporter.discover("s1")
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    exporter.discover("s2")
    assert exporter.sizes() == {"s1": 100}
    assert 'segment_id="s1",segment_name="Name of s1"' in page(exporter.store)


def test_a_tracked_segment_is_named_by_the_list_though_its_size_is_not_polled() -> None:
    """Names are read also for segments that only their sessions are wanted of."""
    exporter = Exporter(with_apps(by_segment=("s1",)))
    exporter.discover("s1", "s2")
    exporter.discover("s2")
    assert 'segment_id="s1",segment_name="Name of s1"' in page(exporter.store)
    assert "s2" not in page(exporter.store)


def test_a_segments_poll_that_began_before_does_not_bring_back_what_discovery_took() -> None:
    """Holding: only what is selected when a reading is published counts."""
    exporter = Exporter(a_watch())
    exporter.discover("s1", "s2")
    exporter.discover("s2")
    exporter.read(SEGMENTS, {size("s1"): days(100), size("s2"): days(200)})
    assert exporter.sizes() == {"s2": 200}


def test_a_new_name_is_shown_with_the_next_list() -> None:
    """Names come from the list, and change with it; the series stays the same."""
    exporter = Exporter(a_watch())
    exporter.discover(Segment("s1", "Old name"))
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    exporter.discover(Segment("s1", "New name", tracked=True))
    assert exporter.sizes() == {"s1": 100}
    assert 'segment_name="New name",tracked="true"' in page(exporter.store)
    assert "Old name" not in page(exporter.store)


def test_newly_selected_segments_are_told_once() -> None:
    """A discovery that selects new segments starts a poll of them: it has to know which."""
    exporter = Exporter(a_watch(ids=("s1",), limit=3))
    assert exporter.discover("s1", "s2") == ("s2",)
    assert exporter.discover("s1", "s2") == ()
    assert exporter.discover("s1", "s2", "s3", "s4") == ("s3",)
    assert exporter.discover("s1", "s3") == ()
    assert exporter.discover("s1", "s2", "s3") == ("s2",)


# --- Complete


def test_the_current_value_is_dropped_when_its_bucket_has_settled_and_no_other_is_shown() -> None:
    """Complete: between polls `_current` goes exactly at its bucket's end plus settle; what is
    complete was decided when the request was sent, and never changes at render time.
    """
    exporter = Exporter(with_apps(settle=900))
    exporter.read(SESSIONS, {hourly(): points(at("2024-03-13T08:00"), 10, 20, 3, offset=True)})
    family = "braze_app_sessions_hourly"
    assert exporter.shows(family, f"{family}_current") == [20, 3]

    exporter.clock.set(at("2024-03-13T11:14:59"))
    assert exporter.shows(family, f"{family}_current") == [20, 3]

    exporter.clock.set(at("2024-03-13T11:15"))
    assert exporter.shows(family, f"{family}_current") == [20]
    assert exporter.shows(f"{family}_current_timestamp_seconds") == []
    assert exporter.shows(f"{family}_timestamp_seconds") == [at("2024-03-13T09:00")]


def test_a_zero_is_believed_by_the_answers_not_by_the_clock() -> None:
    """Zeros: a doubted 0 is shown by the first answer after `zero_after`, and not by the scrape."""
    exporter = Exporter(a_watch(ids=("s1",), zero_after=HOUR, keep=DAY))
    zero = {size("s1"): days(500, 0)}
    exporter.read(SEGMENTS, zero)
    exporter.clock.advance(HOUR)
    assert exporter.sizes() == {"s1": 500}
    exporter.read(SEGMENTS, zero)
    assert exporter.sizes() == {"s1": 0}


# --- Isolation


def test_one_failing_collector_or_workspace_hides_no_other() -> None:
    """Isolation: failures show on the metrics of their own collector and workspace."""
    exporter = Exporter(
        a_watch(ids=("s1",), discover=False, apps={"a1": "ios"}),
        a_watch(ids=("s1",), discover=False, workspace="staging"),
    )
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    exporter.read(SEGMENTS, {size("s1", "staging"): days(7)}, workspace="staging")
    exporter.read(SESSIONS, failed=[hourly(), daily()])

    assert shown(page(exporter.store), "braze_segment_size", "braze_up") == {
        'braze_segment_size{workspace="production",segment_id="s1"}': 100,
        'braze_segment_size{workspace="staging",segment_id="s1"}': 7,
        'braze_up{workspace="production"}': 0,
        'braze_up{workspace="staging"}': 1,
    }
    assert shown(page(exporter.store), "braze_exporter_collector_success") == {
        'braze_exporter_collector_success{workspace="production",collector="segments"}': 1,
        'braze_exporter_collector_success{workspace="production",collector="sessions"}': 0,
        'braze_exporter_collector_success{workspace="staging",collector="segments"}': 1,
    }


def test_a_value_that_expires_in_one_workspace_stays_in_another_that_keeps_longer() -> None:
    """Isolation: each workspace's own `keep`, on one page."""
    exporter = Exporter(
        a_watch(ids=("s1",), keep=HOUR), a_watch(ids=("s1",), keep=DAY, workspace="staging")
    )
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    exporter.read(SEGMENTS, {size("s1", "staging"): days(7)}, workspace="staging")
    exporter.clock.advance(HOUR)
    assert exporter.shows("braze_segment_size") == [7]


# --- Reload


def test_what_the_settings_removed_is_gone_when_the_reload_answers() -> None:
    """Holding: a workspace leaves nothing behind, nor does a collector or a series."""
    exporter = Exporter(
        a_watch(ids=("s1",), apps={"a1": "ios", "a2": "android"}),
        a_watch(ids=("s9",), workspace="staging"),
    )
    exporter.discover("s1")
    exporter.discover("s9", workspace="staging")
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    exporter.read(SEGMENTS, {size("s9", "staging"): days(7)}, workspace="staging")
    hours = points(at("2024-03-13T08:00"), 10, 20, 3)
    exporter.read(SESSIONS, {hourly("a1"): hours, hourly("a2"): hours})

    exporter.reload(a_watch(ids=("s1",), apps={"a1": "ios"}))
    assert "staging" not in page(exporter.store)
    assert "a2" not in page(exporter.store)
    assert exporter.shows("braze_segment_size", "braze_app_sessions_hourly") == [100, 20]

    exporter.reload(a_watch(ids=("s1",)))
    assert "sessions" not in page(exporter.store)
    assert exporter.sizes() == {"s1": 100}

    exporter.reload()
    assert page(exporter.store) == ""


def test_a_reload_selects_anew_from_the_list_already_read() -> None:
    """Holding: what new settings filter out goes at once, what they let in is wanted at once."""
    exporter = Exporter(a_watch(limit=2))
    exporter.discover("s1", "s2", "s3")
    exporter.read(SEGMENTS, {size("s1"): days(100), size("s2"): days(200)})

    exporter.reload(a_watch(limit=1))
    assert exporter.sizes() == {"s1": 100}

    exporter.reload(watch := a_watch())
    assert exporter.sizes() == {"s1": 100}
    assert exporter.store.wanted(watch, SEGMENTS) == (size("s1"), size("s2"), size("s3"))
    assert 'segment_id="s3",segment_name="Name of s3"' in page(exporter.store)


def test_a_reload_that_changes_nothing_hides_nothing() -> None:
    """Holding: values, names and the last polls outlive a reload that still wants them."""
    exporter = Exporter(a_watch())
    exporter.discover("s1")
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    before = page(exporter.store)
    exporter.reload(a_watch())
    assert page(exporter.store) == before


def test_a_new_keep_holds_from_the_reload_on() -> None:
    """Holding: what is too old by the new setting is gone when the reload answers."""
    exporter = Exporter(a_watch(ids=("s1",)))
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    exporter.clock.advance(2 * HOUR)
    exporter.reload(a_watch(ids=("s1",), keep=HOUR))
    assert exporter.sizes() == {}


@pytest.mark.parametrize("workspaces", [["production"], ["staging"], []])
def test_a_reading_for_a_watch_no_longer_in_force_changes_nothing(workspaces: list[str]) -> None:
    """Holding: polls still running at a reload publish nothing, be the new settings the same,
    others or none.
    """
    old = a_watch(ids=("s1",))
    exporter = Exporter(old)
    exporter.reload(*(a_watch(ids=("s1",), workspace=name) for name in workspaces))
    before = exporter.store.snapshot()

    late = a_reading(SEGMENTS, {size("s1"): days(100)})
    assert exporter.store.publish(late, old) == ()
    assert exporter.store.publish(a_listing("s1", "s2"), old) == ()
    assert exporter.store.wanted(old, SEGMENTS) == ()
    assert exporter.store.snapshot() is before


# --- Whole


def test_a_scrape_costs_nothing_while_nothing_changes() -> None:
    """Whole: the page is rendered and packed when data changes, not when it is scraped."""
    exporter = Exporter(a_watch(ids=("s1",)))
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    first = exporter.store.snapshot()
    exporter.clock.advance(6 * HOUR - 1)
    assert exporter.store.snapshot() is first
    exporter.clock.advance(1)
    later = exporter.store.snapshot()
    assert later is not first
    exporter.clock.advance(DAY)
    assert exporter.store.snapshot() is later


def test_a_snapshot_never_changes() -> None:
    """Whole: a scrape under way reads on from the page it began with."""
    exporter = Exporter(a_watch(ids=("s1",)))
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    before = exporter.store.snapshot()
    plain = {form: before.pages[form].plain for form in Format}
    exporter.read(SEGMENTS, {size("s1"): days(50)})
    exporter.reload()
    assert {form: before.pages[form].plain for form in Format} == plain


def test_a_scrape_sees_a_reading_wholly_or_not_at_all() -> None:
    """Whole: while readings are published, every page shows one reading's values and no mixture,
    the same in both formats, packed and plain.
    """
    segments = [f"s{i}" for i in range(20)]
    exporter = Exporter(a_watch(ids=tuple(segments)))
    published = threading.Event()
    mixed: list[set[float]] = []

    def scrape() -> None:
        while not published.is_set():
            snapshot = exporter.store.snapshot()
            seen = [
                frozenset(shown(body.plain.decode(), "braze_segment_size").values())
                for body in snapshot.pages.values()
            ]
            if len(set(seen)) > 1 or len(seen[0]) > 1:
                mixed.append({value for one in seen for value in one})

    scrapers = [threading.Thread(target=scrape) for _ in range(2)]
    for scraper in scrapers:
        scraper.start()
    try:
        for value in range(20):
            exporter.read(SEGMENTS, {size(segment): days(value) for segment in segments})
    finally:
        published.set()
        for scraper in scrapers:
            scraper.join()
    assert mixed == []
    assert set(exporter.sizes().values()) == {19}


def full() -> Exporter:
    """Two workspaces of which everything is watched and read."""
    names = ("production", "staging")
    settings: dict[str, Any] = {"limit": 2, "apps": {"a1": "ios"}, "by_segment": ("s1",)}
    exporter = Exporter(*(a_watch(workspace=n, workspace_total=True, **settings) for n in names))
    hours = points(at("2024-03-13T08:00"), 10, 20, 3)
    for name in names:
        quoted = Segment("s1", 'Quoted "name"\\', tracked=True)
        exporter.discover(quoted, "s2\n", "s3", workspace=name)
        sizes = {size("s1", name): days(100), size("s2\n", name): days(2)}
        exporter.read(SEGMENTS, sizes, workspace=name)
        sessions = dict.fromkeys(exporter.watches[name].wanted(SESSIONS), hours)
        exporter.read(SESSIONS, sessions, workspace=name)
    return exporter


@pytest.mark.parametrize("form", Format)
def test_each_metrics_header_stands_once_whatever_the_number_of_workspaces(form: Format) -> None:
    """Whole: both formats want one HELP and TYPE a metric, with all its samples right below."""
    headers = [line for line in page(full().store, form).splitlines() if line.startswith("# TYPE")]
    assert len(headers) == len(set(headers)) > 20

    samples = [
        line.partition("{")[0]
        for line in page(full().store, form).splitlines()
        if not line.startswith("#")
    ]
    groups = [name for i, name in enumerate(samples) if i == 0 or samples[i - 1] != name]
    assert len(groups) == len(set(groups)) == len(headers)


def test_a_whole_page_is_read_by_the_strict_parser_of_openmetrics() -> None:
    """Whole: prometheus_client's parser of OpenMetrics, which is strict, finds the same samples as
    stand on the page of the text format.
    """
    store = full().store
    families = list(read_openmetrics(page(store, Format.OPENMETRICS) + "# EOF\n"))
    found = [sample for family in families for sample in family.samples]

    assert len(found) == len(shown(page(store)))
    assert {sample.labels["workspace"] for sample in found} == {"production", "staging"}
    assert all(sample.timestamp is None for sample in found)
    assert {family.name: family.type for family in families if family.type != "gauge"} == {
        "braze_segment": "info",
        "braze_app": "info",
        "braze_exporter_restated_points": "counter",
    }


def test_both_formats_hold_the_same_samples() -> None:
    """Whole: only the headers differ."""
    store = full().store
    assert shown(page(store, Format.OPENMETRICS)) == shown(page(store, Format.TEXT))


# --- What else is asked of the store


def test_what_was_never_polled_is_known() -> None:
    """`/-/ready` waits until every collector was polled once, well or badly."""
    exporter = Exporter(a_watch(ids=("s1",)))
    assert exporter.store.unpolled() == (("production", DISCOVERY), ("production", SEGMENTS))
    exporter.discover("s1")
    exporter.read(SEGMENTS, failed=[size("s1")])
    assert exporter.store.unpolled() == ()


def test_what_was_not_read_wholly_is_known() -> None:
    """`once` exits with 1 if something could not be read."""
    exporter = Exporter(a_watch(ids=("s1",)))
    assert exporter.store.incomplete() == (("production", DISCOVERY), ("production", SEGMENTS))
    exporter.discover("s1")
    exporter.read(SEGMENTS, failed=[size("s1")])
    assert exporter.store.incomplete() == (("production", SEGMENTS),)
    exporter.read(SEGMENTS, {size("s1"): days(100)})
    assert exporter.store.incomplete() == ()


def test_whether_the_list_was_asked_for_is_known() -> None:
    """A first segments poll waits for discovery, well or badly, where there is one."""
    exporter = Exporter(watch := a_watch())
    assert not exporter.store.listed(watch)
    exporter.read(DISCOVERY, failed=[None])
    assert exporter.store.listed(watch)

    exporter.reload(watch := with_apps())
    assert exporter.store.listed(watch)


def test_a_collector_wants_its_own_series() -> None:
    """Segments reads sizes, sessions reads sessions, discovery reads no series."""
    watch = a_watch(ids=("s1",), apps={"a1": "ios"})
    store = Exporter(watch).store
    assert store.wanted(watch, SEGMENTS) == (size("s1"),)
    assert store.wanted(watch, SESSIONS) == (daily(), hourly())
    assert store.wanted(watch, DISCOVERY) == ()


# --- Standing


def test_what_was_said_of_the_standing_stays_said() -> None:
    """Later polls change nothing in it: it can be read at leisure, without the lock."""
    exporter = Exporter(a_watch(ids=("s1",)))
    exporter.read(SEGMENTS, {size("s1"): days(5)})
    [before] = exporter.store.standing()
    exporter.discover("s1", "s2")
    exporter.read(SEGMENTS, {size("s1"): days(6), size("s2"): days(7)})
    [after] = exporter.store.standing()

    assert before.selection.selected == ("s1",)
    assert list(before.collectors[SEGMENTS].held) == [size("s1")]
    assert before.names == {}
    assert after.names["s2"].name == "Name of s2"
    assert list(after.collectors[SEGMENTS].held) == [size("s1"), size("s2")]
