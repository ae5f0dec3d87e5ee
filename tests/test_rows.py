"""How one number stands on the status page: state, change, trend."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from exporter.families import EVENTS, KPI, SEGMENTS, SESSIONS
from exporter.model import Point, Segment, Series, Unit
from exporter.past import History
from exporter.rows import Row, State, names_of, rows_of
from exporter.snapshot import Store
from exporter.watch import Alerts
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
    event,
    figure,
    hourly,
    points,
    size,
)


def rows(
    collector: str,
    answers: Mapping[Series, Iterable[Point]] | None,
    *,
    failed: Iterable[Series | None] = (),
    later: float = 0.0,
    **changes: Any,
) -> list[Row]:
    """The rows after one poll (none where there are no answers), `later` seconds later."""
    clock = FakeClock()
    store = Store(clock.now)
    watch = a_watch(**changes)
    store.expect([watch])
    if answers is not None:
        store.publish(a_reading(collector, answers, failed=failed), watch)
    clock.advance(later)
    return list(rows_of(store.standing()[0], collector, clock.now()))


def of_size(
    answer: Iterable[Point] | None, *, failed: bool = False, later: float = 0.0, **changes: Any
) -> Row:
    """The row of the segment s1, whose size was read so, or not."""
    answers = None if answer is None and not failed else {size(): answer} if answer else {}
    broken = [size()] if failed else []
    [row] = rows(SEGMENTS, answers, failed=broken, later=later, ids=("s1",), **changes)
    return row


def of_hours(*values: float, **changes: Any) -> Row:
    """The hourly row of the app a1, whose newest complete hour began at 9:00."""
    answer = points(at("2024-03-13T10:00") - len(values) * HOUR, *values, 1)
    found = rows(SESSIONS, {hourly(): answer}, apps={"a1": "ios"}, discover=False, **changes)
    return next(row for row in found if row.series == hourly())


NORMAL = [5000.0] * 34


def of_uninstalls(newest: float) -> Row:
    """The row of an app's uninstalls, of which there were 500 a day."""
    series = figure("uninstalls_daily", "a1")
    answer = days(*[500.0] * 34, newest, 1)
    settings: dict[str, Any] = {"apps": {"a1": "ios"}, "kpis": ("uninstalls",), "kpi_total": False}
    [row] = rows(KPI, {series: answer}, discover=False, **settings)
    return row


@pytest.mark.parametrize(
    ("value", "state"), [(1000, State.OK), (1001, State.SURGED), (0, State.OK), (100, State.OK)]
)
def test_of_uninstalls_more_than_the_threshold_is_a_surge(value: float, state: State) -> None:
    """Fewer never alarm; the worse, the more."""
    row = of_uninstalls(value)
    assert (row.state, row.threshold) == (state, 1000)
    assert row.change_to_normal == value / 500 - 1
    assert row.worsening == 1 - value / 500


def test_an_events_row_is_called_by_its_name_and_its_app() -> None:
    """Its ids are those of the app alone."""
    series = event("bought", "a1")
    settings: dict[str, Any] = {
        "apps": {"a1": "ios"}, "events": ("bought",), "event_units": (Unit.DAY,),
    }  # fmt: skip
    [row] = rows(EVENTS, {series: days(*NORMAL, 1)}, discover=False, **settings)
    assert (row.title, row.ids) == ("bought · ios", ("a1",))


def test_what_is_as_normal_is_ok() -> None:
    row = of_size(days(*NORMAL, 5000))
    assert (row.state, row.value, row.start, row.threshold) == (State.OK, 5000, TODAY, 3500)


@pytest.mark.parametrize(
    ("value", "state"), [(3500, State.OK), (3499, State.DROPPED), (0, State.OK)]
)
def test_what_is_below_its_threshold_has_dropped(value: float, state: State) -> None:
    """At 10:20 a 0 was first seen now, and the day before stands."""
    assert of_size(days(*NORMAL, value)).state is state


def test_little_never_drops() -> None:
    assert of_size(days(*[900.0] * 34, 10)).state is State.OK


def test_the_threshold_is_that_of_the_settings() -> None:
    strict = Alerts(segments={"s1": 0.01})
    assert of_size(days(*NORMAL, 4900), alerts=strict).state is State.DROPPED


def test_what_was_never_polled_is_waited_for() -> None:
    row = of_size(None)
    assert (row.state, row.value, row.start, row.trend()) == (State.WAITING, None, None, None)


def test_an_answer_without_points_is_no_data() -> None:
    [row] = rows(SEGMENTS, {size(): []}, ids=("s1",))
    assert row.state is State.NO_DATA


def test_what_was_never_read_fails_and_says_why() -> None:
    row = of_size(None, failed=True)
    assert (row.state, row.failure) == (State.FAILING, "timeout: no answer in 15 s")


def test_a_collector_that_fails_fails_all_its_series() -> None:
    [row] = rows(SEGMENTS, {}, failed=[None], ids=("s1",))
    assert row.state is State.FAILING


def test_what_fails_keeps_its_value_as_on_the_metrics_page() -> None:
    """And is a drop if that is what it says; after `keep` there is no value."""
    clock = FakeClock()
    store = Store(clock.now)
    watch = a_watch(ids=("s1", "s2"))
    store.expect([watch])
    answers = {size("s1"): days(*NORMAL, 5000), size("s2"): days(*NORMAL, 50)}
    store.publish(a_reading(SEGMENTS, answers), watch)
    clock.advance(HOUR)
    failed = a_reading(SEGMENTS, failed=[size("s1"), size("s2")], sent=clock.now())
    store.publish(failed, watch)

    def stand() -> list[tuple[State, float | None]]:
        return [
            (row.state, row.value) for row in rows_of(store.standing()[0], SEGMENTS, clock.now())
        ]

    assert stand() == [(State.FAILING, 5000), (State.DROPPED, 50)]
    clock.set(NOW + watch.keep)
    assert stand() == [(State.FAILING, None), (State.FAILING, None)]


@pytest.mark.parametrize(
    ("series", "hours"), [(size(), 36), (daily(), 64), (hourly(), 4)], ids=["size", "day", "hour"]
)
def test_what_is_old_is_stale_and_no_drop(series: Series, hours: int) -> None:
    """By the hours of the rules, since the start of its bucket."""
    step = HOUR if series == hourly() else DAY
    answer = points(NOW - 34 * step - hours * HOUR, *NORMAL, 1, length=step, offset=True)
    changes: dict[str, Any] = {"ids": ("s1",), "apps": {"a1": "ios"}, "discover": False}

    def state(later: float) -> State:
        found = rows(series.family.collector, {series: answer}, later=later, **changes)
        return next(row.state for row in found if row.series == series)

    assert state(0) is not State.STALE
    assert state(1) is State.STALE


def test_names_are_those_of_the_list_and_of_the_settings() -> None:
    store = Store(lambda: NOW)
    watch = a_watch(ids=("s1", "s2"), by_segment=("s1",), apps={"a1": "ios"}, workspace_total=True)
    store.expect([watch])
    store.publish(a_listing(Segment("s1", "VIP")), watch)
    standing = store.standing()[0]

    assert [row.title for row in rows_of(standing, SEGMENTS, NOW)] == ["VIP", "s2"]
    assert list(dict.fromkeys(row.title for row in rows_of(standing, SESSIONS, NOW))) == [
        "ios",
        "VIP · ios",
        "Whole workspace",
    ]


def test_what_a_discovery_brought_is_without_data_until_it_was_read() -> None:
    store = Store(lambda: NOW)
    watch = a_watch()
    store.expect([watch])
    store.publish(a_listing("s1"), watch)
    [row] = rows_of(store.standing()[0], SEGMENTS, NOW)

    assert (row.state, row.title, row.ids) == (State.WAITING, "Name of s1", ("s1",))


def test_changes_are_shares_of_each_baseline() -> None:
    row = of_size(days(*[4000.0] * 27, 8000, *[4000.0] * 5, 2000, 3000))

    assert row.change("1d") == 0.5
    assert row.change("1w") == -0.625
    assert row.change("4w_median") == -0.25
    assert row.change_to_normal == -0.25


def test_without_a_baseline_or_from_zero_there_is_no_change() -> None:
    new = of_size(days(0, 0, 5000))
    assert [new.change(name) for name in ("1d", "1w", "4w_median")] == [None, None, None]
    from_zero = of_size(days(*[5000.0] * 3, 0, 5000))
    assert from_zero.change("1d") is None


@pytest.mark.parametrize("before", [5e-324, 1e-300])
def test_a_change_beyond_all_numbers_is_none(before: float) -> None:
    """JSON has no infinity, and nobody can read it."""
    row = of_size(days(*[before] * 34, 1e300))
    assert [row.change(name) for name in ("1d", "1w", "4w_median")] == [None, None, None]
    assert row.change_to_normal is None


def test_a_trend_of_days_goes_back_five_weeks() -> None:
    row = of_size(days(*NORMAL, 2500))
    drawn = row.trend()

    assert drawn is not None
    assert (drawn.width, drawn.low, drawn.high) == (34, 2500, 5000)
    assert drawn.line.startswith("M0 0l1 0")


def test_a_trend_has_the_threshold_of_all_days_or_of_the_newest() -> None:
    """What has a rhythm is compared with its own weekday: that tells nothing of the others."""
    of_days, of_counts = of_size(days(*NORMAL, 2500)).trend(), of_uninstalls(2500).trend()

    assert of_days is not None
    assert of_counts is not None
    assert (of_days.threshold, of_days.since) == (30, 0)
    assert of_counts.since > 0


def test_an_app_without_a_name_is_called_by_its_id() -> None:
    """As those that only a segment's sessions name."""
    series = figure("uninstalls_daily", "a9")
    watch = a_watch(apps={"a1": "ios"}, discover=False)
    store = Store(lambda: NOW)
    store.expect([watch])
    assert names_of(store.standing()[0], series) == ("", "a9", "")


def test_a_trend_begins_where_something_is_known() -> None:
    """Braze's zeros before the segment was made are nothing."""
    drawn = of_size(days(0, 0, 5000, 5000)).trend()
    assert drawn is not None
    assert drawn.width == 1


def test_a_trend_of_hours_ends_with_the_newest_complete_one() -> None:
    row = of_hours(200, 400, 100)
    drawn = row.trend()

    assert row.history is History.UNREAD
    assert drawn is not None
    assert (drawn.width, drawn.dot) == (2, 75)


@pytest.mark.parametrize("today", ["2024-04-01", "2024-10-28"])
def test_a_change_of_the_clocks_is_no_gap(today: str) -> None:
    """A local day of 23 or 25 hours is a day."""
    zone = ZoneInfo("Europe/Berlin")
    midnight = datetime.fromisoformat(today).replace(tzinfo=zone)
    starts = [int((midnight - timedelta(days=ago)).timestamp()) for ago in (3, 2, 1, 0)]
    answer = [Point(start, start + DAY, 5000.0, False) for start in starts]
    clock = starts[-1] + HOUR
    store = Store(lambda: clock)
    watch = a_watch(ids=("s1",), zone=zone)
    store.expect([watch])
    store.publish(a_reading(SEGMENTS, {size(): answer}, sent=clock), watch)
    [row] = rows_of(store.standing()[0], SEGMENTS, clock)
    drawn = row.trend()

    assert drawn is not None
    assert drawn.line == "M0 0l1 0l1 0l1 0"
