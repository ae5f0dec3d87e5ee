"""Which day or hour Braze means, and which of its values can be read."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.buckets import ZONE_MISMATCH, read_points
from exporter.model import Point, Unit
from tests.fakes import DAY, HOUR, at, utc
from tests.plainly import Time, days_of, hours_of
from tests.tries import tries

LATER = at("2100-01-01")
HOSTILE_NUMBERS = [None, True, False, "", "5", "five", -1, -0.5, math.inf, -math.inf, math.nan]


def read(
    rows: Sequence[object], unit: Unit = Unit.HOUR, zone: str = "UTC", sent: float = LATER
) -> tuple[Point, ...]:
    return read_points(rows, "sessions", unit, ZoneInfo(zone), sent)


def rows(*times: object) -> list[dict[str, object]]:
    """Rows at `times`, with the values 1, 2, 3 and so on."""
    return [{"time": time, "sessions": value} for value, time in enumerate(times, 1)]


def values(found: Sequence[Point]) -> dict[str, float]:
    return {utc(point.start): point.value for point in found}


def hours_long(found: Sequence[Point]) -> dict[str, float]:
    return {utc(point.start): (point.end - point.start) / HOUR for point in found}


@pytest.mark.parametrize(
    ("time", "start", "offset"),
    [
        # With an offset, the configured zone (New York, four hours behind in June) is not asked
        ("2024-06-01T13:00:00Z", "2024-06-01T13:00", True),
        ("2024-06-01T13:00:00z", "2024-06-01T13:00", True),
        ("2024-06-01T13:00:00+00:00", "2024-06-01T13:00", True),
        ("2024-06-01T13:00:00-05:00", "2024-06-01T18:00", True),
        ("2024-06-01T13:00:00-5:00", "2024-06-01T18:00", True),
        ("2024-06-01T13:00:00-0500", "2024-06-01T18:00", True),
        ("2024-06-01T13:00:00-500", "2024-06-01T18:00", True),
        ("2024-06-01T13:00:00-05", "2024-06-01T18:00", True),
        ("2024-06-01T13:00:00+05:30", "2024-06-01T07:30", True),
        ("2024-06-01T13:00:00+5:30", "2024-06-01T07:30", True),
        ("2024-06-01T13:00:00+0530", "2024-06-01T07:30", True),
        ("2024-06-01T13:00:00.000Z", "2024-06-01T13:00", True),
        ("2024-06-01T13:00:00.123456789+00:00", "2024-06-01T13:00", True),
        ("2024-06-01T13:00:00,5-5:00", "2024-06-01T18:00", True),
        ("2024-06-01 13:00:00Z", "2024-06-01T13:00", True),
        ("2024-06-01 13:00:00+00:00", "2024-06-01T13:00", True),
        ("2024-06-01T13:00Z", "2024-06-01T13:00", True),
        # Without, the time is of the configured zone
        ("2024-06-01T13:00:00", "2024-06-01T17:00", False),
        ("2024-06-01T13:00:00.000", "2024-06-01T17:00", False),
        ("2024-06-01T13:00", "2024-06-01T17:00", False),
        ("2024-06-01 13:00:00", "2024-06-01T17:00", False),
        (" 2024-06-01T13:00:00\n", "2024-06-01T17:00", False),
        ("2024-01-01T13:00:00", "2024-01-01T18:00", False),
        ("2024-06-01", "2024-06-01T04:00", False),
    ],
)
def test_an_hour_is_read_in_every_form_of_time_ever_reported(
    time: str, start: str, offset: bool
) -> None:
    """Time: no recording of Braze's hours exists, so every form that anyone has reported is read,
    and whether it carried an offset is kept, because completeness depends on it.
    """
    begin = at(start)
    assert read(rows(time), zone="America/New_York") == (Point(begin, begin + HOUR, 1.0, offset),)


@pytest.mark.parametrize("unit", Unit)
@pytest.mark.parametrize(
    "time",
    [
        None,
        True,
        1717243200,  # one script in the wild claims that there are epoch seconds
        1717243200000,
        1717243200.5,
        [],
        {},
        "",
        "yesterday",
        "1717243200",
        "2024-6-1",
        "20240601T130000Z",
        "2024-06-01T",
        "2024-06-01T13",
        "2024-06-01T13:00:00Z and more",
        "2024-06-01T13:00:00 Z",
        "2024-06-01T13:00:00UTC",
        "2024-06-01T13:00:00+24:00",
        "2024-06-01T13:00:00+99",
        "2024-06-01T13:00:00+05:60",
        "2024-06-01T13:00:00+05:3",
        "2024-06-01T24:00:00Z",
        "2024-06-01T13:60:00Z",
        "2024-06-01T13:00:60Z",
        "2024-02-30",
        "2023-02-29T00:00:00Z",
        "2024-13-01",
        "0000-01-01",
        "0001-01-01",
        "1970-01-01",
        "9999-12-31",
        "２０２４-06-01",  # noqa: RUF001 - full-width digits are the point
        "2024-06-01\x00",
        "2024-06-01" + " " * 64,
    ],
)
def test_a_time_that_names_no_moment_is_skipped(time: object, unit: Unit) -> None:
    """Time: what is in no known form, or names a moment that the calendar does not have, is left
    out without harm to its neighbours.
    """
    found = read([*rows("2024-05-01"), {"time": time, "sessions": 7}], unit)
    assert values(found) == {"2024-05-01T00:00": 1}


@pytest.mark.parametrize("row", [None, 5, "2024-06-01", [], [1], {}, {"sessions": 5}, True])
def test_a_row_of_another_shape_is_skipped(row: object) -> None:
    """Newest: a row that isn't an object with a time is left out, whatever it is."""
    assert values(read([row, *rows("2024-06-01")], Unit.DAY)) == {"2024-06-01T00:00": 1}


@pytest.mark.parametrize("number", [*HOSTILE_NUMBERS, 10**400, -(10**400), [], [5], {"value": 5}])
def test_a_value_that_is_no_finite_number_of_at_least_zero_is_skipped_and_never_zero(
    number: object,
) -> None:
    """Newest: null, booleans, strings, negative, infinite and too large values are unreadable:
    their point is skipped, never read as 0.
    """
    answer: list[object] = [
        {"time": "2024-06-01", "sessions": 5},
        {"time": "2024-06-02", "sessions": number},
    ]
    assert values(read(answer, Unit.DAY)) == {"2024-06-01T00:00": 5}


@pytest.mark.parametrize("number", [0, 0.0, 1, 0.5, 250_000_000, 2**60, 10**300])
def test_a_finite_number_of_at_least_zero_is_read(number: float) -> None:
    """Newest: whole numbers and fractions are read, 0 too."""
    assert values(read([{"time": "2024-06-01", "sessions": number}], Unit.DAY)) == {
        "2024-06-01T00:00": float(number)
    }


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_what_json_makes_of_an_impossible_number_is_skipped(constant: str) -> None:
    """Newest: Python's JSON reads constants that are no JSON; they are unreadable values."""
    answer = json.loads(f'[{{"time": "2024-06-01", "sessions": {constant}}}]')
    assert read(answer, Unit.DAY) == ()


def test_a_row_without_the_field_is_skipped() -> None:
    """Newest: the value is looked up under the family's own field and no other."""
    assert read([{"time": "2024-06-01", "size": 5}], Unit.DAY) == ()


def test_unknown_fields_are_ignored() -> None:
    """Newest: Braze adds fields at will."""
    answer = [{"time": "2024-06-01", "new": {"deep": [None]}, "sessions": 5, "size": 9}]
    assert values(read(answer, Unit.DAY)) == {"2024-06-01T00:00": 5}


def test_more_rows_than_braze_gives_are_read_as_well() -> None:
    """They are no more than taken: nothing is kept of them for the next answer."""
    day = date(2024, 1, 1)
    days_ = [(day + timedelta(days=each)).isoformat() for each in range(101)]
    assert len(read(rows(*days_), Unit.DAY)) == 101


def test_no_rows_are_no_points() -> None:
    """Newest: an empty answer has no points, and neither has one of unreadable rows."""
    assert read([]) == ()
    assert read([None, {"time": None, "sessions": None}]) == ()


def test_points_come_by_ascending_time_whatever_the_order_of_the_rows() -> None:
    """Newest: the newest point is that of the greatest time, not the last in the list."""
    answer = rows("2024-06-02", "2024-06-03", "2024-06-01")
    assert read(answer, Unit.DAY) == (
        Point(at("2024-06-01"), at("2024-06-02"), 3.0, offset=False),
        Point(at("2024-06-02"), at("2024-06-03"), 1.0, offset=False),
        Point(at("2024-06-03"), at("2024-06-04"), 2.0, offset=False),
    )


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["2024-06-01", "2024-06-01"], {"2024-06-01T00:00": 2}),
        (
            ["2024-06-01", "2024-06-02", "2024-06-01"],
            {"2024-06-01T00:00": 3, "2024-06-02T00:00": 2},
        ),
        # The same hour in other words
        (["2024-06-01T00:00:00Z", "2024-05-31T20:00:00-4:00"], {"2024-06-01T00:00": 2}),
        (["2024-06-01T02:00:00+02:00", "2024-06-01T00:00:00"], {"2024-06-01T00:00": 2}),
    ],
)
def test_of_duplicates_the_last_in_the_list_wins(
    times: list[str], expected: dict[str, float]
) -> None:
    """Newest: of several rows for one bucket the last one in the list stands."""
    assert values(read(rows(*times))) == expected


def test_a_duplicate_that_cannot_be_read_does_not_win() -> None:
    """Newest: an unreadable row is no point, so it takes nothing from the row before it."""
    answer = [*rows("2024-06-01"), {"time": "2024-06-01", "sessions": None}]
    assert values(read(answer, Unit.DAY)) == {"2024-06-01T00:00": 1}


def test_a_duplicate_tells_whether_the_bucket_rests_on_the_configured_zone() -> None:
    """Newest: with its value the last row also brings whether its time had an offset."""
    assert [p.offset for p in read(rows("2024-06-01T00:00Z", "2024-06-01T00:00"))] == [False]
    assert [p.offset for p in read(rows("2024-06-01T00:00", "2024-06-01T00:00Z"))] == [True]


@pytest.mark.parametrize(
    ("zone", "day", "start", "length"),
    [
        ("UTC", "2024-03-31", "2024-03-31T00:00", 24),
        # Summer time begins and ends
        ("Europe/Berlin", "2024-03-31", "2024-03-30T23:00", 23),
        ("Europe/Berlin", "2024-10-27", "2024-10-26T22:00", 25),
        ("America/New_York", "2024-03-10", "2024-03-10T05:00", 23),
        ("America/New_York", "2024-11-03", "2024-11-03T04:00", 25),
        ("Australia/Lord_Howe", "2024-10-06", "2024-10-05T13:30", 23.5),
        ("Australia/Lord_Howe", "2024-04-07", "2024-04-06T13:00", 24.5),
        # Midnight is skipped: the day starts when the clock skips it
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00", 23),
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00", 23),
        ("Asia/Beirut", "2024-03-31", "2024-03-30T22:00", 23),
        # … and the day before ends there
        ("America/Sao_Paulo", "2018-11-03", "2018-11-03T03:00", 24),
        ("Africa/Cairo", "2024-04-25", "2024-04-24T22:00", 24),
        ("Asia/Beirut", "2024-03-30", "2024-03-29T22:00", 24),
        # The hour before midnight, or the one after it, comes twice
        ("Africa/Cairo", "2024-10-31", "2024-10-30T21:00", 25),
        ("Asia/Beirut", "2024-10-26", "2024-10-25T21:00", 25),
        ("America/Havana", "2024-11-03", "2024-11-03T04:00", 25),
        # Half and quarter hours
        ("Asia/Kolkata", "2024-06-01", "2024-05-31T18:30", 24),
        ("Asia/Kathmandu", "2024-06-01", "2024-05-31T18:15", 24),
        ("America/St_Johns", "2024-03-10", "2024-03-10T03:30", 23),
        # The ends of the world
        ("Pacific/Kiritimati", "2024-06-01", "2024-05-31T10:00", 24),
        ("Etc/GMT+12", "2024-06-01", "2024-06-01T12:00", 24),
    ],
)
def test_a_day_lasts_from_local_midnight_to_the_next(
    zone: str, day: str, start: str, length: float
) -> None:
    """Time: a day is a date of the configured zone, 23 or 25 hours long where the clocks change."""
    assert hours_long(read(rows(day), Unit.DAY, zone)) == {start: length}


def test_a_day_that_a_country_skipped_is_skipped() -> None:
    """Time: a bucket that does not exist in the zone is left out, and takes nothing from the day
    that begins at the same moment (Samoa went from the 29th to the 31st).
    """
    answer = rows("2011-12-31", "2011-12-30", "2011-12-29")
    assert hours_long(read(answer, Unit.DAY, "Pacific/Apia")) == {
        "2011-12-29T10:00": 24,
        "2011-12-30T10:00": 24,
    }
    assert values(read(answer, Unit.DAY, "Pacific/Apia")) == {
        "2011-12-29T10:00": 3,
        "2011-12-30T10:00": 1,
    }


@pytest.mark.parametrize(
    "time",
    ["2024-06-01", "2024-06-01T00:00:00", "2024-06-01T00:00:00Z", "2024-06-01T23:00:00-5:00"],
)
def test_a_day_is_the_date_that_is_written(time: str) -> None:
    """Time: for a day only the date counts, and it is of the configured zone; a clock time or an
    offset beside it changes nothing and proves nothing.
    """
    start = at("2024-06-01T04:00")
    assert read(rows(time), Unit.DAY, "America/New_York") == (
        Point(start, start + DAY, 1.0, offset=False),
    )


@pytest.mark.parametrize(
    ("zone", "times", "expected"),
    [
        (
            "Asia/Kolkata",
            ["2024-06-01T12:00", "2024-06-01T13:00"],
            {"2024-06-01T06:30": 1, "2024-06-01T07:30": 2},
        ),
        ("Asia/Kathmandu", ["2024-06-01T12:00"], {"2024-06-01T06:15": 1}),
        ("America/St_Johns", ["2024-01-01T12:00"], {"2024-01-01T15:30": 1}),
        (
            # Summer time is half an hour: 02:00 becomes 01:30, so that 02:00 is 90 min past 01:00
            "Australia/Lord_Howe",
            ["2024-04-07T01:00", "2024-04-07T02:00", "2024-04-07T03:00"],
            {"2024-04-06T14:00": 1, "2024-04-06T15:30": 2, "2024-04-06T16:30": 3},
        ),
        (
            # … and only the half hour from 01:30 on comes twice
            "Australia/Lord_Howe",
            ["2024-04-07T00:30", "2024-04-07T01:30", "2024-04-07T02:00"],
            {"2024-04-06T13:30": 1, "2024-04-06T14:30": 2, "2024-04-06T15:30": 3},
        ),
        (
            "Australia/Lord_Howe",
            ["2024-04-07T01:00", "2024-04-07T01:30", "2024-04-07T02:30"],
            {"2024-04-06T14:00": 1, "2024-04-06T15:00": 2, "2024-04-06T16:00": 3},
        ),
        (
            # In spring 02:00 becomes 02:30
            "Australia/Lord_Howe",
            ["2024-10-06T01:00", "2024-10-06T02:00", "2024-10-06T02:30", "2024-10-06T03:00"],
            {"2024-10-05T14:30": 1, "2024-10-05T15:30": 3, "2024-10-05T16:00": 4},
        ),
    ],
)
def test_an_hour_of_a_zone_off_by_half_an_hour(
    zone: str, times: list[str], expected: dict[str, float]
) -> None:
    """Time: zones need not lie whole hours apart, nor need summer time."""
    assert values(read(rows(*times), zone=zone)) == expected


@pytest.mark.parametrize(
    ("zone", "skipped", "before", "after"),
    [
        ("Europe/Berlin", "2024-03-31T02:00", "2024-03-31T01:00", "2024-03-31T03:00"),
        ("America/New_York", "2024-03-10T02:00", "2024-03-10T01:00", "2024-03-10T03:00"),
        ("America/Sao_Paulo", "2018-11-04T00:00", "2018-11-03T23:00", "2018-11-04T01:00"),
        ("Africa/Cairo", "2024-04-26T00:00", "2024-04-25T23:00", "2024-04-26T01:00"),
        ("Asia/Beirut", "2024-03-31T00:00", "2024-03-30T23:00", "2024-03-31T01:00"),
    ],
)
def test_the_hour_that_spring_skips_is_skipped(
    zone: str, skipped: str, before: str, after: str
) -> None:
    """Time: an hour that does not exist is no point; the hours around it meet."""
    found = read(rows(before, skipped, after), zone=zone)
    assert [point.value for point in found] == [1, 3]
    assert found[0].end == found[1].start


def test_the_skipped_hour_exists_where_its_time_carries_an_offset() -> None:
    """Time: an offset says all; the configured zone is not asked."""
    found = read(rows("2024-03-31T02:00+00:00", "2024-03-31T02:00"), zone="Europe/Berlin")
    assert values(found) == {"2024-03-31T02:00": 1}


FIRST, SECOND = "2024-10-27T00:00", "2024-10-27T01:00"  # the two 02:00 of Berlin, in UTC


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        # Ascending, as Braze writes: in the midst, first, last and alone
        ("1:x 2:a 2:b 3:y", {FIRST: "a", SECOND: "b"}),
        ("2:a 2:b 3:y 4:y", {FIRST: "a", SECOND: "b"}),
        ("2:b 3:y 4:y", {SECOND: "b"}),
        ("0:x 1:x 2:a 2:b", {FIRST: "a", SECOND: "b"}),
        ("0:x 1:x 2:a", {FIRST: "a"}),
        ("2:a 2:b", {FIRST: "a", SECOND: "b"}),
        # Descending
        ("3:y 2:b 2:a 1:x", {FIRST: "a", SECOND: "b"}),
        ("2:b 2:a 1:x 0:x", {FIRST: "a", SECOND: "b"}),
        ("2:a 1:x 0:x", {FIRST: "a"}),
        ("4:y 3:y 2:b 2:a", {FIRST: "a", SECOND: "b"}),
        ("4:y 3:y 2:b", {SECOND: "b"}),
        # Rows that come twice
        ("1:x 1:x 2:a 2:b 3:y 3:y", {FIRST: "a", SECOND: "b"}),
        ("1:x 2:a 2:a 2:b 3:y", {FIRST: "a", SECOND: "b"}),
        ("1:x 2:a 2:b 2:b 3:y", {FIRST: "a", SECOND: "b"}),
        ("1:x 2:a 2:a 2:b 2:b 3:y", {FIRST: "a", SECOND: "b"}),
        ("0:x 1:x 2:a 2:b 2:b", {FIRST: "a", SECOND: "b"}),
        ("2:a 2:a 2:b 3:y", {FIRST: "a", SECOND: "b"}),
        ("3:y 2:b 2:b 2:a 1:x", {FIRST: "a", SECOND: "b"}),
        ("3:y 2:b 2:a 2:a 1:x", {FIRST: "a", SECOND: "b"}),
        ("3:y 3:y 2:b 2:a 1:x 1:x", {FIRST: "a", SECOND: "b"}),
        ("1:x 2:a 2:b 3:y 3:y 1:x", {FIRST: "a", SECOND: "b"}),
    ],
)
def test_the_hour_that_autumn_repeats_is_told_apart_by_its_neighbours(
    clock: str, expected: dict[str, str]
) -> None:
    """Time: without an offset the two hours are written alike; their neighbours in the answer's own
    order, before duplicates are dropped, tell which is meant. No value lands in the other's hour.
    """
    names = {"x": 1.0, "a": 2.0, "b": 3.0, "y": 4.0}
    answer = [
        {"time": f"2024-10-27T0{hour}:00:00", "sessions": names[name]}
        for hour, _, name in (part.partition(":") for part in clock.split())
    ]
    found = values(read(answer, zone="Europe/Berlin"))
    twice = {start: found[start] for start in (FIRST, SECOND) if start in found}
    assert twice == {start: names[name] for start, name in expected.items()}


@pytest.mark.parametrize(
    ("zone", "times", "first"),
    [
        (
            "America/New_York",
            ["2024-11-03T00:00", "2024-11-03T01:00", "2024-11-03T01:00", "2024-11-03T02:00"],
            "2024-11-03T04:00",
        ),
        (
            # The repeated hour is the last of the day before
            "Africa/Cairo",
            ["2024-10-31T22:00", "2024-10-31T23:00", "2024-10-31T23:00", "2024-11-01T00:00"],
            "2024-10-31T19:00",
        ),
        (
            # Midnight itself comes twice
            "America/Havana",
            ["2024-11-02T23:00", "2024-11-03T00:00", "2024-11-03T00:00", "2024-11-03T01:00"],
            "2024-11-03T03:00",
        ),
    ],
)
def test_a_repeated_hour_leaves_neither_gap_nor_overlap(
    zone: str, times: list[str], first: str
) -> None:
    """Time: four hours on the clock's own terms are four hours of time."""
    found = read(rows(*times), zone=zone)
    assert [point.value for point in found] == [1, 2, 3, 4]
    assert [point.start for point in found] == [at(first) + i * HOUR for i in range(4)]


@given(
    zone=st.sampled_from(
        [
            ("Europe/Berlin", "2024-10-27T01:00"),
            ("Europe/Berlin", "2024-03-31T01:00"),
            ("America/New_York", "2024-11-03T06:00"),
            ("America/Havana", "2024-11-03T05:00"),
            ("Africa/Cairo", "2024-10-31T21:00"),
            ("America/Sao_Paulo", "2018-11-04T03:00"),
            ("Australia/Lord_Howe", "2024-04-06T15:00"),
            ("Asia/Kolkata", "2024-06-01T00:00"),
        ]
    ),
    first=st.integers(-12, 4),
    length=st.integers(3, 15),
    descending=st.booleans(),
)
def test_hours_written_on_the_wall_come_back_as_the_moments_they_were(
    zone: tuple[str, str], first: int, length: int, descending: bool
) -> None:
    """Time: three or more hours in a row, written without offset in either order around the moment
    the clocks change, are read back exactly.
    """
    name, change = zone
    starts = [at(change) + (first + i) * HOUR for i in range(length)]
    walls = [datetime.fromtimestamp(start, ZoneInfo(name)).replace(tzinfo=None) for start in starts]
    answer: list[object] = [
        {"time": wall.isoformat(), "sessions": start}
        for wall, start in zip(walls, starts, strict=True)
    ]
    found = read(answer[::-1] if descending else answer, zone=name)
    assert [(p.start, p.value) for p in found] == [(start, start) for start in starts]


@pytest.mark.parametrize(
    ("unit", "zone", "time"),
    [
        (Unit.HOUR, "UTC", "2024-06-02T00:00:00"),
        (Unit.HOUR, "UTC", "2024-06-02T05:00:00+05:00"),
        (Unit.DAY, "UTC", "2024-06-02"),
        (Unit.DAY, "Etc/GMT+10", "2024-06-01"),
    ],
)
def test_a_bucket_that_starts_up_to_14_hours_ahead_is_accepted_and_none_later(
    unit: Unit, zone: str, time: str
) -> None:
    """Time: so far a wrong zone may move a bucket into the future; to the second."""
    start = read(rows(time), unit, zone)[0].start
    assert len(read(rows(time), unit, zone, sent=start - 14 * HOUR)) == 1
    assert read(rows(time), unit, zone, sent=start - 14 * HOUR - 1) == ()


def test_a_bucket_too_far_ahead_takes_nothing_from_the_others() -> None:
    """Time: a later bucket is unreadable like any other unreadable point."""
    answer = rows("2024-06-01", "2024-06-02", "2024-06-04")
    found = read(answer, Unit.DAY, sent=at("2024-06-02T12:00"))
    assert values(found) == {"2024-06-01T00:00": 1, "2024-06-02T00:00": 2}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
almost_times = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.dates().map(lambda day: day.isoformat()),
    st.from_regex(
        r"[0-9]{4}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-6][0-9])?"
        r"(Z|[+-][0-9]{1,2}(:?[0-9]{2})?)?)?",
        fullmatch=True,
    ),
    # Around the change of the clocks, where moments repeat and are skipped
    st.integers(0, 5).map(lambda hour: f"2024-10-27T{hour:02}:00:00"),
)
almost_rows = st.fixed_dictionaries(
    {
        "time": almost_times | json_values,
        "sessions": st.integers(0, 9) | st.sampled_from(HOSTILE_NUMBERS) | json_values,
    }
)


@given(
    answer=st.lists(almost_rows | json_values, max_size=12),
    unit=st.sampled_from(Unit),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"]),
    sent=st.floats(0, 4e9) | st.just(float(LATER)),
)
@example(answer=[{"time": "9000-12-31", "sessions": 1}], unit=Unit.DAY, zone="UTC", sent=1e12)
@example(answer=[{"time": "1971-01-01", "sessions": 1}], unit=Unit.DAY, zone="UTC", sent=1e12)
@example(
    answer=[{"time": "2011-12-30", "sessions": 1}], unit=Unit.DAY, zone="Pacific/Apia", sent=4e9
)
def test_whatever_the_rows_points_ascend_one_a_bucket_and_finite(
    answer: list[object], unit: Unit, zone: str, sent: float
) -> None:
    """Newest, Time: no JSON makes reading fail, and what is read can be relied on: ascending, one
    point a bucket, of some length, finite, not negative, not too far ahead.
    """
    found = read(answer, unit, zone, sent)
    assert len(found) <= len(answer)
    assert all(earlier.start < later.start for earlier, later in pairwise(found))
    for point in found:
        assert point.start < point.end
        assert math.isfinite(point.value)
        assert point.value >= 0
        assert point.start <= sent + ZONE_MISMATCH


@given(st.permutations(rows(*(f"2024-06-{day:02}" for day in range(1, 10)))))
def test_the_order_of_the_rows_changes_nothing(answer: list[dict[str, object]]) -> None:
    """Newest: an answer in any order says the same."""
    assert [point.value for point in read(answer, Unit.DAY)] == list(range(1, 10))


ODD_ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Sao_Paulo",
    "America/Havana", "America/St_Johns", "America/Caracas", "Africa/Cairo", "Africa/Casablanca",
    "Asia/Kolkata", "Asia/Kathmandu", "Asia/Beirut", "Asia/Gaza", "Asia/Tehran", "Asia/Pyongyang",
    "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "Pacific/Chatham",
)  # fmt: skip


@cache
def changes_of(zone: str) -> list[datetime]:
    """When the clock of `zone` was set from 2006 to 2024, and an ordinary day."""
    clock, day = ZoneInfo(zone), datetime(2006, 1, 1, tzinfo=UTC)
    found = [datetime(2024, 2, 29, tzinfo=UTC)]
    while day.year < 2025:
        moment, day = day, day + timedelta(days=1)
        if moment.astimezone(clock).utcoffset() != day.astimezone(clock).utcoffset():
            while moment.astimezone(clock).utcoffset() != day.astimezone(clock).utcoffset():
                moment += timedelta(minutes=15)
            found.append(moment)
    return found


def in_words(written: Time, style: str) -> str:
    """A time on the wall in one of the forms that Braze has, or is said to have."""
    wall, offset = written
    text = wall.strftime("%Y-%m-%d %H:%M" if "blank" in style else "%Y-%m-%dT%H:%M")
    text += "" if "short" in style else ":00.000" if "fraction" in style else ":00"
    if offset is None:
        return f" {text} " if "blank" in style else text
    minutes = int(offset.total_seconds() // 60)
    if minutes == 0 and "z" in style:
        return text + "Z"
    hours, rest = divmod(abs(minutes), 60)
    sign, mark = "-" if minutes < 0 else "+", "" if "tight" in style else ":"
    return f"{text}{sign}{hours:{'' if 'short' in style and mark else '02'}}{mark}{rest:02}"


@st.composite
def answers(draw: st.DrawFn) -> tuple[ZoneInfo, list[tuple[str, Time, float]]]:
    """Rows around a change of the clocks of some zone, as written and as meant."""
    zone = draw(st.sampled_from(ODD_ZONES))
    change = draw(st.sampled_from(changes_of(zone)))
    clock = ZoneInfo(zone)
    offset = (change - timedelta(seconds=1)).astimezone(clock).utcoffset() or timedelta()
    wall = change.replace(tzinfo=None) + offset  # what the clock would show, were it not set
    steps = draw(
        st.lists(st.integers(-12, 12).map(lambda hour: 4 * hour) | st.integers(-12, 12), max_size=8)
        | st.builds(lambda first, order: [4 * hour for hour in range(first, first + 8)][::order],
                    st.integers(-10, 4), st.sampled_from((1, -1)))
    )  # fmt: skip
    offsets = st.none() | st.sampled_from((0, 0, -300, 330, 345, 60, -210))
    times = [
        (wall + step * timedelta(minutes=15), None if o is None else timedelta(minutes=o))
        for step, o in ((step, draw(offsets)) for step in steps)
    ]
    style = draw(st.sampled_from(("plain", "z", "z blank", "short", "z fraction", "tight")))
    written = [in_words(time, style) for time in times]
    values = draw(st.lists(st.integers(0, 9), min_size=len(times), max_size=len(times)))
    return clock, list(zip(written, times, map(float, values), strict=True))


@tries(300)
@given(answers(), st.sampled_from(Unit), st.integers(-30, 60))
def test_rows_in_any_order_and_form_are_read_as_a_plain_reading_has_them(
    answer: tuple[ZoneInfo, list[tuple[str, Time, float]]], unit: Unit, later: int
) -> None:
    """Time, Newest: in any zone, around every change of its clocks, with and without offsets, with
    duplicates and what is too far ahead.
    """
    zone, told = answer
    sent = (told[0][1][0] if told else datetime(2024, 1, 1)).replace(tzinfo=UTC)  # noqa: DTZ001
    sent += timedelta(hours=later)
    rows_ = [{"time": text, "sessions": value} for text, _, value in told]
    found = read_points(rows_, "sessions", unit, zone, sent.timestamp())
    plain = days_of if unit is Unit.DAY else hours_of
    assert [(point.start, point.end, point.value) for point in found] == [
        (start.timestamp(), end.timestamp(), value)
        for start, (end, value) in sorted(
            plain([(time, value) for _, time, value in told], zone, sent).items()
        )
    ]
