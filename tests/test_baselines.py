"""What is normal for a bucket, and the value below which it is a drop: each rule by example."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import pytest

from exporter.baselines import Baselines, baselines, threshold
from exporter.families import FAMILY
from exporter.model import Concern, Kind, Point, Series, Unit
from exporter.past import History, Past
from exporter.watch import UTC, Alerts
from tests.fakes import DAY, HOUR, TODAY, at, daily, days, event, figure, hourly, size

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
CAIRO, HAVANA = ZoneInfo("Africa/Cairo"), ZoneInfo("America/Havana")
WEEK = 7 * DAY


def of_days(*values: float) -> Past:
    """The days before `TODAY`, the newest last."""
    return Past().extended(days(*values, last=TODAY - DAY), Unit.DAY, None, History.READ)


def on(values: Mapping[int, float], unit: Unit = Unit.DAY) -> Past:
    """Nothing but the buckets that begin at these moments."""
    if not values:
        return Past()
    found = [Point(start, start + HOUR, values[start], offset=False) for start in sorted(values)]
    return Past().extended(found, unit, None, History.READ)


def level(past: Past) -> Baselines:
    return baselines(past, TODAY, Kind.LEVEL, Unit.DAY, UTC)


def count(past: Past) -> Baselines:
    return baselines(past, TODAY, Kind.COUNT, Unit.DAY, UTC)


# A level: the day before, the same weekday, the median of 28 days


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([], Baselines()),
        ([10], Baselines(day=10)),
        ([1, 2, 3, 4, 5, 6], Baselines(day=6)),
        ([1, 2, 3, 4, 5, 6, 7], Baselines(7, 1, 4)),
        ([1, 2, 3, 4, 5, 6, 7, 8], Baselines(8, 2, 4.5)),
        ([0, 0, 3, 4, 5, 6, 7], Baselines(day=7)),  # five days known, of which none a week ago
        ([5, 0, 0, 0, 0, 0, 0], Baselines(0, 5, 0)),
        (list(range(1, 29)), Baselines(28, 22, 14.5)),
        ([1.7e308] * 8, Baselines(1.7e308, 1.7e308)),  # whose median is beyond all floats
        ([10**6, *range(1, 29)], Baselines(28, 22, 14.5)),  # the 29th day before does not count
    ],
)
def test_what_is_normal_for_a_level(before: list[float], expected: Baselines) -> None:
    """1d is the day before, 1w the same weekday last week, 4w_median the median of the 28 days
    before, of which at least 7 are known.
    """
    assert level(of_days(*before)) == expected


def test_a_day_that_is_missing_is_left_out_of_the_median() -> None:
    """Gaps are unknown, not 0; with six days known there is no median."""
    known = days(*range(1, 29), last=TODAY - DAY)
    for missing in range(22):
        past = Past().extended(known[missing:], Unit.DAY, None, History.READ)
        assert level(past).four_weeks == (missing + 1 + 28) / 2
    without = (known[21], *known[23:])  # six days ago is missing: six are left
    assert level(Past().extended(without, Unit.DAY, None, History.READ)) == Baselines(28, 22)


# A count: the day before, the same weekday, the median of that weekday


@pytest.mark.parametrize(
    ("weeks", "expected"),
    [
        ({}, None),
        ({1: 10}, None),
        ({1: 10, 2: 20}, 15),
        ({3: 10, 4: 20}, 15),
        ({1: 10, 2: 20, 4: 60}, 20),
        ({1: 10, 2: 20, 3: 30, 4: 60}, 25),
        ({4: 10, 5: 20}, None),  # the fifth week does not count
        ({1: 10, 2: 20, 3: 0}, 15),  # a 0 before the first sessions is unknown …
        ({1: 0, 2: 10}, 5),  # … and one after them is not
    ],
)
def test_the_median_of_a_count_is_of_its_weekday(
    weeks: dict[int, float], expected: float | None
) -> None:
    """4w_median is the median of the same weekday of the last 4 weeks, at least 2 known."""
    assert count(on({TODAY - number * WEEK: value for number, value in weeks.items()})) == (
        Baselines(None, weeks.get(1), expected)
    )


def test_a_count_is_compared_with_its_own_weekday_and_hour() -> None:
    """Sundays with Sundays, nights with nights: no other bucket makes a difference."""
    quiet = {TODAY - weeks * WEEK: 10.0 for weeks in range(1, 5)}
    busy = {TODAY - number * DAY: 5000.0 for number in range(1, 36)}
    assert count(on(busy | quiet)) == Baselines(5000, 10, 10)

    hours = {TODAY - number * HOUR: 5000.0 for number in range(1, 29 * 24)}
    same = hours | quiet | {TODAY - DAY: 20.0}
    past = on(same, Unit.HOUR)
    assert baselines(past, TODAY, Kind.COUNT, Unit.HOUR, UTC) == Baselines(20, 10, 10)


def test_what_comes_later_is_no_baseline() -> None:
    """A value that is held while it cannot be read is compared with what came before it."""
    later = on({TODAY: 1.0, TODAY + DAY: 2.0, TODAY + WEEK: 3.0})
    assert level(later) == count(later) == Baselines()


# Summer time

A_DAY_AGO = [
    # The same hour on the clock, 23 or 25 hours before on the days of the change.
    (BERLIN, "2024-03-31T10:00+02:00", "2024-03-30T10:00+01:00"),
    (BERLIN, "2024-03-31T01:00+01:00", "2024-03-30T01:00+01:00"),
    (BERLIN, "2024-04-01T10:00+02:00", "2024-03-31T10:00+02:00"),
    (BERLIN, "2024-10-27T10:00+01:00", "2024-10-26T10:00+02:00"),
    (BERLIN, "2024-10-28T10:00+01:00", "2024-10-27T10:00+01:00"),
    (NEW_YORK, "2024-03-10T12:00-04:00", "2024-03-09T12:00-05:00"),
    (NEW_YORK, "2024-11-03T12:00-05:00", "2024-11-02T12:00-04:00"),
    (NEW_YORK, "2024-11-04T12:00-05:00", "2024-11-03T12:00-05:00"),
    # The hour that the clocks skip did not exist.
    (BERLIN, "2024-04-01T02:00+02:00", None),
    (NEW_YORK, "2024-03-11T02:00-04:00", None),
    # Of the hour that comes twice: both are compared with the one before, the next with the first.
    (BERLIN, "2024-10-27T02:00+02:00", "2024-10-26T02:00+02:00"),
    (BERLIN, "2024-10-27T02:00+01:00", "2024-10-26T02:00+02:00"),
    (BERLIN, "2024-10-28T02:00+01:00", "2024-10-27T02:00+02:00"),
    (NEW_YORK, "2024-11-03T01:00-05:00", "2024-11-02T01:00-04:00"),
    (NEW_YORK, "2024-11-04T01:00-05:00", "2024-11-03T01:00-04:00"),
    # Hours of a zone half an hour off, and a clock that changes by half an hour.
    (ZoneInfo("Asia/Kolkata"), "2024-03-31T10:00+05:30", "2024-03-30T10:00+05:30"),
    (ZoneInfo("Australia/Lord_Howe"), "2024-04-07T10:00+10:30", "2024-04-06T10:00+11:00"),
]


@pytest.mark.parametrize(("zone", "hour", "yesterday"), A_DAY_AGO)
def test_the_same_local_hour_yesterday(zone: ZoneInfo, hour: str, yesterday: str | None) -> None:
    """1d of an hour is the hour that the clock showed the same the day before."""
    past = {at(hour) - half * HOUR // 2: 7.0 for half in range(1, 60)}
    if yesterday is not None:
        past[at(yesterday)] = 5.0
    found = baselines(on(past, Unit.HOUR), at(hour), Kind.COUNT, Unit.HOUR, zone)
    assert found.day == (None if yesterday is None else 5.0)


@pytest.mark.parametrize(
    ("zone", "hour", "weeks"),
    [
        (BERLIN, "2024-04-03T10:00+02:00", [
            "2024-03-27T10:00+01:00", "2024-03-20T10:00+01:00",
            "2024-03-13T10:00+01:00", "2024-03-06T10:00+01:00",
        ]),
        (NEW_YORK, "2024-11-06T00:00-05:00", [
            "2024-10-30T00:00-04:00", "2024-10-23T00:00-04:00",
            "2024-10-16T00:00-04:00", "2024-10-09T00:00-04:00",
        ]),
        (BERLIN, "2024-04-07T02:00+02:00", [
            None, "2024-03-24T02:00+01:00", "2024-03-17T02:00+01:00", "2024-03-10T02:00+01:00",
        ]),
        (BERLIN, "2024-11-03T02:00+01:00", [
            "2024-10-27T02:00+02:00", "2024-10-20T02:00+02:00",
            "2024-10-13T02:00+02:00", "2024-10-06T02:00+02:00",
        ]),
    ],
)  # fmt: skip
def test_the_same_local_hour_of_four_weeks(
    zone: ZoneInfo, hour: str, weeks: list[str | None]
) -> None:
    """1w and 4w_median follow the clock on the wall over the change, and leave out what did not
    exist.
    """
    past = {at(hour) - number * HOUR: 9999.0 for number in range(1, 697)}
    values = [10.0, 20.0, 40.0, 80.0]
    for value, week in zip(values, weeks, strict=True):
        if week is not None:
            past[at(week)] = value
    found = baselines(on(past, Unit.HOUR), at(hour), Kind.COUNT, Unit.HOUR, zone)
    assert (found.week, found.four_weeks) == ((10, 30) if weeks[0] else (None, 40))


@pytest.mark.parametrize(
    ("zone", "day", "yesterday", "last_week"),
    [
        (UTC, "2024-03-13", "2024-03-12", "2024-03-06"),
        (BERLIN, "2024-03-31T00:00+01:00", "2024-03-30T00:00+01:00", "2024-03-24T00:00+01:00"),
        (BERLIN, "2024-04-01T00:00+02:00", "2024-03-31T00:00+01:00", "2024-03-25T00:00+01:00"),
        (BERLIN, "2024-10-28T00:00+01:00", "2024-10-27T00:00+02:00", "2024-10-21T00:00+02:00"),
        (NEW_YORK, "2024-03-11T00:00-04:00", "2024-03-10T00:00-05:00", "2024-03-04T00:00-05:00"),
        (NEW_YORK, "2024-11-04T00:00-05:00", "2024-11-03T00:00-04:00", "2024-10-28T00:00-04:00"),
        # Where the clocks skip midnight, the day begins at one; where midnight comes twice, at the
        # first.
        (CAIRO, "2024-04-27T00:00+03:00", "2024-04-26T01:00+03:00", "2024-04-20T00:00+02:00"),
        (CAIRO, "2024-04-26T01:00+03:00", "2024-04-25T00:00+02:00", "2024-04-19T00:00+02:00"),
        (HAVANA, "2024-11-04T00:00-05:00", "2024-11-03T00:00-04:00", "2024-10-28T00:00-04:00"),
        (HAVANA, "2024-11-03T00:00-04:00", "2024-11-02T00:00-04:00", "2024-10-27T00:00-04:00"),
    ],
)
def test_days_begin_at_local_midnight(
    zone: ZoneInfo, day: str, yesterday: str, last_week: str
) -> None:
    """A day is found by its date, 23, 24 or 25 hours before."""
    past = on({at(yesterday): 5.0, at(last_week): 3.0})
    for kind in Kind:
        found = baselines(past, at(day), kind, Unit.DAY, zone)
        assert (found.day, found.week) == (5, 3)


# The threshold


@pytest.mark.parametrize(
    ("week", "four_weeks", "expected"),
    [
        (1000, 2000, 700),
        (2000, 1000, 700),
        (1000, None, 700),
        (None, 1000, 700),
        (None, None, None),
        (999, 5000, None),  # the smaller one is too little …
        (5000, 999, None),
        (0, None, None),
        (1000, 1000, 700),  # … and just enough
    ],
)
def test_the_threshold_is_a_share_under_the_smaller_baseline(
    week: float | None, four_weeks: float | None, expected: float | None
) -> None:
    """(1 - drop) x the smaller of the known ones of week and median; absent when there is none, or
    that is below the minimum. Yesterday makes no difference.
    """
    for day in (None, 0, 10**9):
        assert threshold(Baselines(day, week, four_weeks), Concern.DROP, 0.3, 1000) == expected


@pytest.mark.parametrize(("drop", "expected"), [(0.0, 1000), (0.1, 900), (0.5, 500), (1.0, 0)])
def test_the_threshold_follows_from_the_share(drop: float, expected: float) -> None:
    """A drop of 100 % is never below it: nothing is less than 0."""
    assert threshold(Baselines(None, 1000, None), Concern.DROP, drop, 100) == expected


@pytest.mark.parametrize(
    ("week", "four_weeks", "expected"),
    [
        (100, 200, 400),
        (200, 100, 400),
        (200, None, 400),
        (None, 200, 400),
        (99, 90, 200),  # of little twice as much is noise: the minimum counts
        (0, None, 200),
        (None, None, None),
        (1.7e308, 1.7e308, None),  # no float can hold twice as much
    ],
)
def test_of_a_surge_the_threshold_is_a_share_over_the_larger_baseline(
    week: float | None, four_weeks: float | None, expected: float | None
) -> None:
    """(1 + surge) x the larger of the known ones of week and median, and of the minimum."""
    for day in (None, 0, 10**9):
        assert threshold(Baselines(day, week, four_weeks), Concern.SURGE, 1.0, 100) == expected


ALERTS = Alerts(
    drop=0.3, surge=2.0, min_users=50, min_events=20, segments={"s1": 0.1}, apps={"a1": 0.5}
)


def tracked(segment: str, app: str) -> Series:
    return Series(FAMILY["braze_segment_sessions_hourly"], ("production", segment, app))


@pytest.mark.parametrize(
    ("series", "drop", "least"),
    [
        (size("s1"), 0.1, 1000),
        (size("s2"), 0.3, 1000),
        (daily("a1"), 0.5, 100),
        (hourly("a2"), 0.3, 100),
        (tracked("s1", "a1"), 0.1, 100),
        (tracked("s2", "a1"), 0.5, 100),
        (tracked("s2", "a2"), 0.3, 100),
        (tracked("s1", ""), 0.1, 100),
        (tracked("s2", ""), 0.3, 100),
        (Series(FAMILY["braze_workspace_sessions_daily"], ("production",)), 0.3, 100),
        (figure("daily_active_users", "a1"), 0.5, 50),
        (figure("daily_active_users"), 0.3, 50),
        (figure("monthly_active_users", "a1"), 0.5, 1000),
        (figure("uninstalls_daily", "a1"), 2.0, 50),  # no drop of the app's, but a surge
        (event("bought", "a1"), 0.5, 20),
        (event("bought"), 0.3, 20),
    ],
    ids=str,
)
def test_whose_share_and_minimum_count(series: Series, drop: float, least: float) -> None:
    """drop: the segment's, else the app's, else the usual; the minimum of what is counted."""
    assert (ALERTS.share_of(series), ALERTS.least_of(series)) == (drop, least)
