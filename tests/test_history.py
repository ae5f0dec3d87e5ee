"""What a series' points say: the newest value, the complete one, the one that still fills."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.buckets import read_points
from exporter.history import (
    Current,
    Doubt,
    Observation,
    Value,
    count_seen_from,
    level_seen_from,
    newest_complete,
    observe_count,
    observe_level,
)
from exporter.model import Point, Unit
from tests.fakes import DAY, HOUR, TODAY, at, days, points, utc

SETTLE = 900
ZERO_AFTER = 6 * HOUR
YESTERDAY = TODAY - DAY


def test_a_level_is_its_newest_point() -> None:
    """Newest: a size has a value at a time, so that today's stands as soon as Braze has it."""
    assert observe_level(days(300, 200, 100), TODAY + 60, ZERO_AFTER) == Observation(
        Value(100.0, TODAY)
    )


def test_a_level_never_fills() -> None:
    """Only counts add up over their bucket; a level has no current value."""
    assert observe_level(days(300, 200), TODAY + 60, ZERO_AFTER).current is None


def test_no_points_say_nothing() -> None:
    """Honest start: without a point there is no value, no zero and no doubt."""
    assert observe_level((), TODAY, ZERO_AFTER) == Observation()
    assert observe_count((), TODAY, SETTLE) == Observation()


def test_a_zero_after_a_single_user_is_doubted_too() -> None:
    """Zeros: whatever is more than none was somebody."""
    assert observe_level(days(1, 0), TODAY + 60, ZERO_AFTER).value == Value(1.0, YESTERDAY)


def test_a_zero_that_is_believed_is_the_newest_point_of_however_many() -> None:
    """Zeros: after some days of values as well."""
    late = TODAY + ZERO_AFTER
    seen = Doubt(TODAY, TODAY)
    assert observe_level(days(500, 400, 300, 0), late, ZERO_AFTER, seen).value == Value(0.0, TODAY)


@pytest.mark.parametrize("sizes", [(0,), (0, 0), (0, 0, 0)])
def test_the_newest_point_is_shown_even_when_it_is_zero(sizes: tuple[float, ...]) -> None:
    """Zeros: a series that has never been anything but 0 is shown as 0, at once."""
    assert observe_level(days(*sizes), TODAY + 60, ZERO_AFTER).value == Value(0.0, TODAY)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (TODAY + 60, Value(500.0, YESTERDAY)),
        (TODAY + 60 + ZERO_AFTER - 1, Value(500.0, YESTERDAY)),
        (TODAY + 60 + ZERO_AFTER, Value(0.0, TODAY)),
        (TODAY + 23 * HOUR, Value(0.0, TODAY)),
    ],
)
def test_a_zero_is_believed_so_long_past_its_first_appearance(sent: float, expected: Value) -> None:
    """Zeros: a 0 of a day that isn't over, after a non-zero day, is believed `zero_after` past its
    first appearance, to the second; until then the day before stands.
    """
    seen = observe_level(days(500, 0), TODAY + 60, ZERO_AFTER)
    assert observe_level(days(500, 0), sent, ZERO_AFTER, seen.doubt).value == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (TODAY - 60, Value(500.0, YESTERDAY)),
        (TODAY + ZERO_AFTER - 1, Value(500.0, YESTERDAY)),
        (TODAY + ZERO_AFTER, Value(0.0, TODAY)),
    ],
)
def test_a_zero_that_appears_before_its_midnight_is_believed_so_long_past_midnight(
    sent: float, expected: Value
) -> None:
    """Zeros: the later of midnight and first appearance counts; a wrong zone can show a day before
    it begins.
    """
    seen = observe_level(days(500, 0), TODAY - 3 * HOUR, ZERO_AFTER)
    assert observe_level(days(500, 0), sent, ZERO_AFTER, seen.doubt).value == expected


def test_a_figure_that_is_made_after_its_day_is_waited_for_so_long() -> None:
    """Zeros: monthly users come at 12:05 UTC, in the east an hour or two after the day; until then
    neither its 0 is believed nor that of the next day.
    """
    late, tonight = 27 * HOUR, YESTERDAY + 24.5 * HOUR
    seen = observe_level(days(500, 0, 0), YESTERDAY, late, made_after=late)
    night = observe_level(days(500, 0, 0), tonight, late, seen.doubt, made_after=late)
    later = observe_level(days(500, 0, 0), YESTERDAY + late, late, night.doubt, made_after=late)

    assert night.value == Value(500.0, YESTERDAY - 24 * HOUR)
    assert later.value == Value(0.0, TODAY)
    made = observe_level(days(500, 480, 0), tonight, late, night.doubt, made_after=late)
    assert made.value == Value(480.0, YESTERDAY)


def test_after_a_restart_a_zero_appears_for_the_first_time() -> None:
    """Zeros: nothing is remembered over a restart, so the first answer after it is the zero's first
    appearance, and the day before stands `zero_after` from then.
    """
    restarted = TODAY + 12 * HOUR
    first = observe_level(days(500, 0), restarted, ZERO_AFTER)
    before = observe_level(days(500, 0), restarted + ZERO_AFTER - 1, ZERO_AFTER, first.doubt)
    after = observe_level(days(500, 0), restarted + ZERO_AFTER, ZERO_AFTER, before.doubt)

    assert first == Observation(Value(500.0, YESTERDAY), doubt=Doubt(TODAY, restarted))
    assert before.value == Value(500.0, YESTERDAY)
    assert after.value == Value(0.0, TODAY)


def test_yesterdays_doubt_is_not_todays() -> None:
    """Zeros: each day's 0 has its own first appearance."""
    doubt = Doubt(YESTERDAY, YESTERDAY)
    seen = observe_level(days(500, 400, 0), TODAY + 9 * HOUR, ZERO_AFTER, doubt)
    assert seen == Observation(Value(400.0, YESTERDAY), doubt=Doubt(TODAY, TODAY + 9 * HOUR))


def test_a_zero_that_was_a_number_in_between_appears_anew() -> None:
    """Zeros: once Braze shows a number for the day, an earlier 0 was none; a later one is new."""
    first = observe_level(days(500, 0), TODAY + 60, ZERO_AFTER)
    number = observe_level(days(500, 480), TODAY + HOUR, ZERO_AFTER, first.doubt)
    again = observe_level(days(500, 0), TODAY + 9 * HOUR, ZERO_AFTER, number.doubt)

    assert number == Observation(Value(480.0, TODAY))
    assert again == Observation(Value(500.0, YESTERDAY), doubt=Doubt(TODAY, TODAY + 9 * HOUR))


@pytest.mark.parametrize(
    ("sizes", "sent", "expected"),
    [
        # The day is over: its 0 is believed at once, to the second
        ((500, 0), TODAY + DAY - 1, Value(500.0, YESTERDAY)),
        ((500, 0), TODAY + DAY, Value(0.0, TODAY)),
        # The day before was 0 as well, and is over
        ((500, 0, 0), TODAY + 60, Value(0.0, TODAY)),
        # Not a 0
        ((500, 0.5), TODAY + 60, Value(0.5, TODAY)),
        ((500, 0, 400), TODAY + 60, Value(400.0, TODAY)),
    ],
)
def test_any_other_zero_is_believed_at_once(
    sizes: tuple[float, ...], sent: float, expected: Value
) -> None:
    """Zeros: only the 0 of a day that isn't over, after a day that wasn't 0, is doubted."""
    assert observe_level(days(*sizes), sent, ZERO_AFTER).value == expected


def test_zeros_of_today_and_tomorrow_are_one_doubt() -> None:
    """Zeros: where Braze is already in tomorrow, tomorrow's 0 does not make today's believed."""
    both = days(500, 0, 0, last=TODAY + DAY)
    sent = TODAY + 20 * HOUR
    seen = observe_level(both, sent, ZERO_AFTER)
    later = observe_level(both, sent + 3 * HOUR, ZERO_AFTER, seen.doubt)

    assert seen == Observation(Value(500.0, YESTERDAY), doubt=Doubt(TODAY, sent))
    assert later == Observation(Value(500.0, YESTERDAY), doubt=Doubt(TODAY, sent))


def test_zero_after_nothing_believes_every_zero() -> None:
    """Zeros: `zero_after: 0` is how an operator switches the doubt off."""
    assert observe_level(days(500, 0), TODAY + 60, 0).value == Value(0.0, TODAY)


def test_a_count_is_its_newest_complete_bucket() -> None:
    """Complete: the bucket that still fills is never shown as a finished one."""
    three = points(at("2024-03-13T08:00"), 10, 20, 3)
    sent = at("2024-03-13T10:20")
    assert observe_count(three, sent, SETTLE) == Observation(
        Value(20.0, at("2024-03-13T09:00")),
        Current(3.0, at("2024-03-13T10:00"), at("2024-03-13T11:00") + SETTLE),
    )


@pytest.mark.parametrize(
    ("sent", "complete"),
    [
        ("2024-03-13T09:59:59", "08:00"),
        ("2024-03-13T10:00:00", "08:00"),
        ("2024-03-13T10:14:59", "08:00"),
        ("2024-03-13T10:15:00", "09:00"),
        ("2024-03-13T11:14:59", "09:00"),
        ("2024-03-13T11:15:00", "10:00"),
    ],
)
def test_a_bucket_is_complete_once_it_has_settled(sent: str, complete: str) -> None:
    """Complete: late sessions are waited for, `settle` past the bucket's end, to the second."""
    hours = points(at("2024-03-13T07:00"), 1, 2, 3, 4, 5)
    observed = observe_count(hours, at(sent), SETTLE)
    assert observed.value is not None
    assert utc(observed.value.start) == f"2024-03-13T{complete}"


NINE = at("2024-03-13T09:00")
TEN = NINE + HOUR


@pytest.mark.parametrize(
    ("hours", "sent", "expected"),
    [
        # Alone and without an offset, nothing proves that it is over but 14 hours
        (points(NINE, 7), TEN + SETTLE, None),
        (points(NINE, 7), TEN + 14 * HOUR - 1, None),
        (points(NINE, 7), TEN + 14 * HOUR, Value(7.0, NINE)),
        # An offset does
        (points(NINE, 7, offset=True), TEN + SETTLE - 1, None),
        (points(NINE, 7, offset=True), TEN + SETTLE, Value(7.0, NINE)),
        # … and so does a newer point, be it of a later hour
        (points(NINE, 7, 1), TEN + SETTLE, Value(7.0, NINE)),
        ((*points(NINE, 7), *points(TEN + 5 * HOUR, 1)), TEN + SETTLE, Value(7.0, NINE)),
    ],
)
def test_what_proves_that_a_bucket_is_over(
    hours: tuple[Point, ...], sent: float, expected: Value | None
) -> None:
    """Complete: besides the settled end it takes an offset, a newer point or 14 hours."""
    assert observe_count(hours, sent, SETTLE).value == expected


def test_a_long_settle_outlasts_the_14_hours() -> None:
    """Complete: a bucket that ended 14 hours ago has to have settled as well."""
    assert observe_count(points(NINE, 7), TEN + 15 * HOUR, 16 * HOUR).value is None
    assert observe_count(points(NINE, 7), TEN + 16 * HOUR, 16 * HOUR).value == Value(7.0, NINE)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (NINE, Current(7.0, NINE, TEN + SETTLE)),
        (TEN + SETTLE - 1, Current(7.0, NINE, TEN + SETTLE)),
        (TEN + SETTLE, None),
        # Ahead of our clock, in a wrong zone or by a wrong clock: it fills all the same
        (NINE - 3 * HOUR, Current(7.0, NINE, TEN + SETTLE)),
    ],
)
def test_the_newest_point_is_current_until_its_end_has_settled(
    sent: float, expected: Current | None
) -> None:
    """Complete: `_current` is judged when the request was sent, as completeness is."""
    assert observe_count(points(NINE, 7), sent, SETTLE).current == expected


@pytest.mark.parametrize("offset", [True, False])
def test_no_bucket_is_both_complete_and_current(offset: bool) -> None:
    """Complete: at every second around a bucket's end it is shown at most once."""
    hours = points(NINE - HOUR, 5, 7, offset=offset)
    for sent in range(TEN - 2, TEN + SETTLE + 3):
        observed = observe_count(hours, sent, SETTLE)
        assert observed.value is not None
        assert observed.current is None or observed.current.start != observed.value.start


def test_a_gap_hides_no_complete_bucket() -> None:
    """Complete: where Braze leaves buckets out, the newest that is over stands, however old."""
    sparse = (*points(NINE - 30 * HOUR, 4), *points(TEN, 1))
    assert observe_count(sparse, TEN + 60, SETTLE).value == Value(4.0, NINE - 30 * HOUR)


ZONES = {hours: ZoneInfo(f"Etc/GMT{-hours:+}" if hours else "UTC") for hours in range(-12, 15)}


def what_braze_says(unit: Unit, company: ZoneInfo, sent: float) -> Iterator[tuple[str, int]]:
    """The `time` of the buckets begun of late in the company's zone, and when each is over."""
    now = datetime.fromtimestamp(sent, company)
    length = timedelta(days=1) if unit is Unit.DAY else timedelta(hours=1)
    newest = now.replace(hour=now.hour if unit is Unit.HOUR else 0, minute=0, second=0)
    for back in range(3 if unit is Unit.DAY else 17, -1, -1):
        start = newest - back * length
        text = start.date().isoformat() if unit is Unit.DAY else start.isoformat()[:19]
        yield text, int((start + length).timestamp())


@pytest.mark.parametrize("unit", Unit)
@pytest.mark.parametrize("setting", [-12, 0, 9, 14])
def test_with_a_wrong_zone_no_bucket_is_shown_before_it_is_over(unit: Unit, setting: int) -> None:
    """Complete: whatever zone within 14 hours of the setting the company lives in, east or west,
    what is shown is over. Where the company is not west of the setting it has settled too; it is
    shown at last; and its timestamp is off by the mismatch.
    """
    for company, zone in ZONES.items():
        if abs(company - setting) > 14:
            continue
        length = DAY if unit is Unit.DAY else HOUR
        for sent in range(TODAY, TODAY + length, 1800 if unit is Unit.DAY else SETTLE):
            answer = [
                {"time": time, "sessions": over} for time, over in what_braze_says(unit, zone, sent)
            ]
            found = read_points(answer, "sessions", unit, ZONES[setting], sent)
            shown = observe_count(found, sent, SETTLE).value
            assert shown is not None
            over, east = int(shown.value), (company - setting) * HOUR

            assert over + (SETTLE if east >= 0 else 0) <= sent
            assert sent < over + length + SETTLE + max(east, 0)
            assert shown.start == over - length + east


@pytest.mark.parametrize("setting", ZONES)
def test_with_an_offset_the_setting_does_not_matter(setting: int) -> None:
    """Complete: hours that carry an offset are shown when they have settled, in any zone."""
    for sent in (TEN + SETTLE - 1, TEN + SETTLE):
        answer = [
            {"time": f"{time}+00:00", "sessions": over}
            for time, over in what_braze_says(Unit.HOUR, ZONES[0], sent)
        ]
        found = read_points(answer, "sessions", Unit.HOUR, ZONES[setting], sent)
        over = TEN if sent >= TEN + SETTLE else NINE
        assert observe_count(found, sent, SETTLE).value == Value(float(over), over - HOUR)


# From when on

SERIES = st.lists(st.sampled_from((0, 0, 5, None)), min_size=1, max_size=8)
LATER = st.integers(0, 10 * 24 * 12).map(lambda number: number * 300)


def with_gaps(values: list[int | None], length: int, offset: bool = False) -> list[Point]:
    """Buckets one after another; None is one that Braze left out."""
    starts = range(TODAY, TODAY + len(values) * length, length)
    return [
        Point(start, start + length, float(value), offset)
        for start, value in zip(starts, values, strict=True)
        if value is not None
    ]


@pytest.mark.parametrize(
    ("value", "before", "zero_after", "since"),
    [
        (7, 5, 6 * HOUR, TODAY),
        (0.5, 5, 6 * HOUR, TODAY),
        (0, None, 6 * HOUR, TODAY),
        (0, 0, 6 * HOUR, TODAY),
        (0, 0.5, 6 * HOUR, TODAY + 6 * HOUR),
        (0, 5, 6 * HOUR, TODAY + 6 * HOUR),
        (0, 5, 0, TODAY),
        (0, 5, 30 * HOUR, TODAY + DAY),
    ],
)
def test_a_level_is_seen_when_its_day_begins_and_a_doubted_zero_later(
    value: float, before: float | None, zero_after: float, since: float
) -> None:
    """Zeros: one after another value, `zero_after` past midnight or when its day is over."""
    previous = None if before is None else points(TODAY - DAY, before, length=DAY)[0]
    (point,) = points(TODAY, value, length=DAY)
    assert level_seen_from(point, previous, zero_after) == since


@pytest.mark.parametrize(
    ("offset", "after", "settle", "since"),
    [
        (True, None, SETTLE, TEN + SETTLE),
        (True, TEN + 3 * HOUR, SETTLE, TEN + SETTLE),
        (False, None, SETTLE, TEN + 14 * HOUR),
        (False, None, 20 * HOUR, TEN + 20 * HOUR),
        (False, TEN, SETTLE, TEN + SETTLE),
        (False, TEN + 3 * HOUR, SETTLE, TEN + 3 * HOUR),
        (False, TEN + 20 * HOUR, SETTLE, TEN + 14 * HOUR),
        (False, TEN + 3 * HOUR, 4 * HOUR, TEN + 4 * HOUR),
    ],
)
def test_a_count_is_seen_when_it_has_settled_and_is_surely_over(
    offset: bool, after: int | None, settle: float, since: float
) -> None:
    """Complete: an offset, a newer point, or 14 hours."""
    (point,) = points(NINE, 7, offset=offset)
    following = None if after is None else points(after, 1)[0]
    assert count_seen_from(point, following, settle) == since


@given(SERIES, st.integers(0, 30).map(lambda hours: hours * HOUR), LATER)
def test_a_level_is_seen_from_when_on_it_is_observed(
    values: list[int | None], zero_after: int, later: int
) -> None:
    """Whoever asked all the time saw at each moment the newest point that is seen from then on."""
    told, now = with_gaps(values, DAY), TODAY + later
    known = [point for point in told if point.start <= now]
    zeros = next((i for i, p in enumerate(reversed(known)) if p.value or p.end <= now), len(known))
    first = known[-zeros].start if zeros else 0
    observed = observe_level(known, now, zero_after, Doubt(first, first)).value

    before = [None, *told]
    seen = [
        point
        for point, previous in zip(told, before, strict=False)
        if level_seen_from(point, previous, zero_after) <= now
    ]

    assert observed == (Value(seen[-1].value, seen[-1].start) if seen else None)


@given(SERIES, st.booleans(), st.sampled_from((0, SETTLE, 3 * HOUR, 20 * HOUR)), LATER)
def test_a_count_is_seen_from_when_on_it_is_complete(
    values: list[int | None], offset: bool, settle: int, later: int
) -> None:
    """Whoever asked all the time saw at each moment the newest bucket that is seen from then on."""
    told, now = with_gaps(values, HOUR, offset), TODAY + later
    complete = newest_complete([point for point in told if point.start <= now], now, settle)

    after = (*told, None)[1:]
    seen = [
        point
        for point, following in zip(told, after, strict=True)
        if count_seen_from(point, following, settle) <= now
    ]

    assert complete == (seen[-1] if seen else None)
