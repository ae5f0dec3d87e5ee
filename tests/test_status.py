"""What the status page and /status.json know: workspaces, failures, what needs attention."""

from collections.abc import Mapping

import pytest

from exporter.catalog import REASONS
from exporter.families import DISCOVERY, LIST, SEGMENTS, SESSIONS
from exporter.model import RateLimit, Reading, Series
from exporter.remedies import reason_of, remedy
from exporter.rows import State
from exporter.snapshot import Store
from exporter.status import CollectorStatus, Status, status_of
from exporter.watch import Watch
from tests import scenes
from tests.fakes import NOW, a_listing, a_reading, a_watch, daily, days, hourly, size


def status(*readings: Reading, watch: Watch | None = None) -> Status:
    """The status after these polls of one workspace."""
    watch = watch or a_watch()
    store = Store(lambda: NOW)
    store.expect([watch])
    for reading in readings:
        store.publish(reading, watch)
    due: dict[tuple[str, ...], float] = {("production", SEGMENTS): NOW + 60.0}
    return status_of(store.standing(), {"production": RateLimit(250_000, 9, NOW)}, due, NOW)


def collector(of: Status, name: str) -> CollectorStatus:
    [workspace] = of.workspaces
    return next(each for each in workspace.collectors if each.name == name)


def failing(collector: str, failures: Mapping[Series | None, str]) -> Reading:
    return a_reading(collector, failures=failures)


# --- Workspaces


def test_before_the_first_poll_everything_waits() -> None:
    known = status(watch=a_watch(apps={"a1": "ios"}))

    assert known.workspaces[0].state is State.WAITING
    assert known.workspaces[0].segments == (None, None, None)
    assert known.counts == {State.WAITING: 2}


def test_a_workspace_stands_as_its_worst_collector_does() -> None:
    known = status(a_listing("s1"), a_reading(SEGMENTS, {size(): days(1)}))
    assert known.workspaces[0].state is State.OK
    known = status(a_listing("s1"), failing(SEGMENTS, {size(): "timeout: late"}))
    assert known.workspaces[0].state is State.FAILING


def test_a_collector_says_when_it_was_and_will_be_polled() -> None:
    known = status(a_listing("s1"), a_reading(SEGMENTS, {size(): days(1)}))
    sizes, list_ = collector(known, SEGMENTS), collector(known, DISCOVERY)

    assert sizes.last is not None
    assert sizes.last.finished == sizes.last_success == NOW + 2
    assert (sizes.due, list_.due) == (NOW + 60, None)


def test_the_quota_is_what_braze_said_last() -> None:
    assert status().workspaces[0].quota == RateLimit(250_000, 9, NOW)


def test_segments_are_counted_as_in_the_metric() -> None:
    known = status(a_listing("s1", "s2", "s3"), watch=a_watch(limit=2))
    assert known.workspaces[0].segments == (2, 0, 1)


# --- Failures


def test_failures_are_told_by_reason_with_names_and_a_remedy() -> None:
    """The most frequent first; names, not ids."""
    failures: dict[Series | None, str] = {size("s9"): "timeout: no whole answer within 15 s"}
    failures |= {size(f"s{number}"): "forbidden: status 403: Access Denied" for number in range(5)}
    listing = a_listing(*(f"s{number}" for number in range(10)))
    known = status(listing, failing(SEGMENTS, failures))
    first, second = collector(known, SEGMENTS).failures

    assert (first.reason, first.series) == ("forbidden", 5)
    assert first.examples == ("Name of s0", "Name of s1", "Name of s2")
    assert "segments.data_series" in first.remedy
    assert (second.reason, second.message) == ("timeout", failures[size("s9")])
    assert collector(known, SEGMENTS).failed == 6


def test_sessions_that_fail_are_told_apart_by_their_unit() -> None:
    known = status(
        failing(SESSIONS, dict.fromkeys((daily(), hourly()), "forbidden: no")),
        watch=a_watch(apps={"a1": "ios"}),
    )
    [failure] = collector(known, SESSIONS).failures

    assert failure.examples == ("ios, sessions per day", "ios, sessions per hour")
    assert "sessions.data_series" in failure.remedy


def test_a_list_that_fails_names_its_permission() -> None:
    [failure] = collector(status(failing(DISCOVERY, {None: "forbidden: no"})), DISCOVERY).failures

    assert (failure.series, failure.examples) == (0, ())
    assert "segments.list" in failure.remedy


@pytest.mark.parametrize("reason", REASONS)
def test_there_is_a_remedy_for_every_reason(reason: str) -> None:
    """One that ends as a sentence does, with nothing left to fill in."""
    said = remedy(reason, LIST)
    assert said.endswith((".", "?"))
    assert "{" not in said


@pytest.mark.parametrize(
    "failure",
    [
        "not asked: Braze refused the others",
        "internal error: KeyError",
        "the list of segments could not be read",
    ],
)
def test_there_is_a_remedy_for_our_own_reasons(failure: str) -> None:
    assert remedy(reason_of(failure), "")


def test_for_an_unknown_reason_nothing_is_made_up() -> None:
    assert remedy("never heard of", LIST) == ""


# --- What needs attention


def test_the_story_of_the_demo() -> None:
    """One segment collapsed, one app fell; the fall of segments in that app is the same news."""
    known = scenes.demo()

    assert [row.title for row in known.attention] == ["Push Enabled - iOS", "web"]
    assert known.counts[State.DROPPED] == 4
    assert [row.title for row in known.tables[SESSIONS] if row.state is State.DROPPED] == [
        "web",
        "All Users · web",
        "Email Subscribers · web",
    ]


def test_the_furthest_below_comes_first() -> None:
    known = status(
        a_listing("s1", "s2"),
        a_reading(
            SEGMENTS,
            {size("s1"): days(*[5000.0] * 34, 2000), size("s2"): days(*[5000.0] * 34, 1000)},
        ),
    )
    assert [row.ids for row in known.attention] == [("s2",), ("s1",)]


def test_counts_leave_out_states_that_there_are_none_of() -> None:
    known = status(a_listing("s1"), a_reading(SEGMENTS, {size(): days(1)}))
    assert known.counts == {State.OK: 1}
