"""The simulator's days and hours, and the forms in which it reads and writes them."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from exporter.simulator.times import (
    HOUR,
    HOUR_FORMS,
    day_start,
    days_before,
    hour_start,
    hours_before,
    hours_of_day,
    read_ending_at,
    write_day,
)

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-01", datetime(2026, 6, 1, tzinfo=BERLIN)),
        ("2026-06-01T13:30:00", datetime(2026, 6, 1, 13, 30, tzinfo=BERLIN)),
        ("2026-06-01T13:30", datetime(2026, 6, 1, 13, 30, tzinfo=BERLIN)),
        ("2026-06-01T13:30:00Z", datetime(2026, 6, 1, 13, 30, tzinfo=UTC)),
        ("2026-06-01T13:30:00.250Z", datetime(2026, 6, 1, 13, 30, 0, 250_000, tzinfo=UTC)),
        ("2026-06-01T13:30:00+00:00", datetime(2026, 6, 1, 13, 30, tzinfo=UTC)),
        ("2026-06-01T13:30:00-05:00", datetime(2026, 6, 1, 18, 30, tzinfo=UTC)),
        ("2026-06-01T13:30:00-5:00", datetime(2026, 6, 1, 18, 30, tzinfo=UTC)),
        ("2026-06-01T13:30:00+0530", datetime(2026, 6, 1, 8, 0, tzinfo=UTC)),
    ],
)
def test_ending_at_is_read_in_every_form_seen_in_use(text: str, expected: datetime) -> None:
    """Also in the malformed one of Braze's own examples; without offset in the company's zone."""
    assert read_ending_at(text, BERLIN) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-13-01",
        "2026-02-30T00:00:00Z",
        "2026-06-01T13:30:00 00:00",  # a plus sign that was not percent-encoded
        "2026-06-01T25:00:00Z",
        "2026-06-01T13:30:00+99:00",
        "2026-06-01T13:30:00Z and more",
        "0001-01-01T00:00:00+14:00",
        "\u0662\u0660\u0662\u0666-06-01",  # digits, but not those of ISO 8601
    ],
)
def test_ending_at_is_refused_when_it_is_no_moment(text: str) -> None:
    """Whatever it is, the one exception is ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 -- any of them
        read_ending_at(text, UTC)


def test_a_bucket_that_ends_exactly_at_ending_at_is_the_last() -> None:
    """Midnight ends with the day before it, the full hour with the hour before it."""
    midnight = datetime(2026, 6, 3, tzinfo=UTC)
    assert days_before(midnight, UTC, 2) == (date(2026, 6, 1), date(2026, 6, 2))
    assert hours_before(midnight, UTC, 2) == (midnight - 2 * HOUR, midnight - HOUR)


def test_a_bucket_that_has_just_begun_is_the_last() -> None:
    """One microsecond later the new day and the new hour are in."""
    just_after = datetime(2026, 6, 3, tzinfo=UTC) + timedelta(microseconds=1)
    assert days_before(just_after, UTC, 1) == (date(2026, 6, 3),)
    assert hours_before(just_after, UTC, 1) == (datetime(2026, 6, 3, tzinfo=UTC),)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, date(2026, 3, 29), 23),
        (BERLIN, date(2026, 10, 25), 25),
        (BERLIN, date(2026, 6, 1), 24),
        (ZoneInfo("America/Santiago"), date(2026, 9, 6), 23),  # midnight itself is skipped
        (ZoneInfo("America/Santiago"), date(2026, 4, 4), 25),
        (ZoneInfo("Asia/Kolkata"), date(2026, 6, 1), 24),
    ],
)
def test_a_day_has_as_many_hours_as_the_clocks_say(zone: tzinfo, day: date, hours: int) -> None:
    """23, 24 or 25, all of them of that day, one following on the other."""
    starts = hours_of_day(day, zone)
    assert len(starts) == hours
    assert {start.astimezone(zone).date() for start in starts} == {day}
    assert {after - before for before, after in pairwise(starts)} == {HOUR}
    assert starts[0] == day_start(day, zone)
    assert starts[-1] + HOUR == day_start(day + timedelta(days=1), zone)


def test_hours_begin_with_the_local_hour() -> None:
    """In a zone half an hour off, hours begin at half past in UTC."""
    now = datetime(2026, 6, 1, 12, 10, 5, 7, tzinfo=UTC)
    assert hour_start(now, UTC) == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert hour_start(now, ZoneInfo("Asia/Kolkata")) == datetime(2026, 6, 1, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("hour-offset", "2026-06-01T14:00:00+02:00"),
        ("hour-z", "2026-06-01T12:00:00Z"),
        ("hour-millis", "2026-06-01T12:00:00.000Z"),
        ("hour-naive", "2026-06-01T14:00:00"),
        ("hour-offset-west", "2026-06-01T07:00:00-05:00"),
        ("hour-short-offset", "2026-06-01T07:00:00-5:00"),
        ("hour-compact-offset", "2026-06-01T14:00:00+0200"),
    ],
)
def test_an_hour_can_be_written_in_every_form_a_source_claims(form: str, expected: str) -> None:
    """And there is no form that this table does not show."""
    assert HOUR_FORMS[form](datetime(2026, 6, 1, 12, tzinfo=UTC), BERLIN) == expected
    assert len(HOUR_FORMS) == 7


def test_the_default_hour_form_of_a_company_in_utc_is_that_of_last_edited() -> None:
    """`+00:00`, as Braze writes it where a recording exists."""
    hour = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert HOUR_FORMS["hour-offset"](hour, UTC) == "2026-06-01T12:00:00+00:00"


def test_a_day_is_written_as_the_date_it_has_for_the_company() -> None:
    """New York's day begins at four or five in UTC and keeps its own date."""
    start = day_start(date(2026, 6, 1), NEW_YORK)
    assert start == datetime(2026, 6, 1, 4, tzinfo=UTC)
    assert write_day(start, NEW_YORK) == "2026-06-01"
