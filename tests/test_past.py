"""What is known of a series' older buckets: gaps, zeros, changed values, and how far back."""

from collections.abc import Mapping

import pytest

from exporter.baselines import Baselines
from exporter.families import SEGMENTS
from exporter.holding import Held, held_after, with_history
from exporter.model import Point, Series, Unit
from exporter.past import DEPTH, History, Past
from exporter.watch import Alerts, Watch
from tests.fakes import (
    DAY,
    HOUR,
    NOW,
    TODAY,
    a_reading,
    a_watch,
    at,
    days,
    hourly,
    points,
    size,
)

DAYS = Unit.DAY, None, History.READ
H10 = at("2024-03-13T10:00")


def past(*values: float, last: int = TODAY) -> Past:
    """Days known from one answer, of which all but the last are complete."""
    return Past().extended(days(*values, last=last), Unit.DAY, last - DAY, History.READ)


def known(of: Past, start: int, buckets: int, length: int = DAY) -> list[float | None]:
    """What is known of so many buckets from `start` on."""
    return [of.value(start + number * length) for number in range(buckets)]


def polled(
    held: Mapping[Series, Held],
    series: Series,
    answer: tuple[Point, ...],
    *,
    sent: float = NOW,
    watch: Watch | None = None,
) -> tuple[dict[Series, Held], int]:
    """What is held once `answer` was read, and how many points that restated."""
    reading = a_reading(series.family.collector, {series: answer}, sent=sent)
    return held_after(held, reading, lambda _: True, watch or a_watch())


# What is known


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, 6, 7], [5, 6, 7]),
        ([0, 0, 7, 8], [None, None, 7, 8]),
        ([0, 5, 0, 0], [None, 5, 0, 0]),
        ([0, 5, 0, 6], [None, 5, 0, 6]),
        ([0, 0, 0], [None, None, None]),
    ],
)
def test_zeros_before_the_first_other_value_are_unknown(
    values: list[float], expected: list[float | None]
) -> None:
    """Zeros: Braze fills the days before a segment was made with zeros; those after its first
    users are the truth.
    """
    first = TODAY - (len(values) - 1) * DAY
    assert known(past(*values), first, len(values)) == expected


def test_a_gap_is_unknown() -> None:
    """A bucket that no answer held has no value; neither has one before or after all answers."""
    first, _, third = days(5, 6, 7)
    of = Past().extended((first, third), *DAYS)
    assert known(of, TODAY - 3 * DAY, 5) == [None, 5, None, 7, None]
    assert of.value(TODAY + 1) is None


def test_a_stretch_is_what_is_known_of_it() -> None:
    """Both ends belong to it; zeros before the first other value are not known."""
    known_days = past(0, 5, 0, 7, 8)

    assert known_days.between(TODAY - 4 * DAY, TODAY - DAY) == [
        (TODAY - 3 * DAY, 5),
        (TODAY - 2 * DAY, 0),
        (TODAY - DAY, 7),
    ]
    assert known_days.between(TODAY + DAY, TODAY + 9 * DAY) == []
    assert Past().between(0, TODAY) == []


def test_nothing_is_known_of_nothing() -> None:
    """Honest start."""
    assert Past().value(TODAY) is None
    assert Past().restated(days(1, 2)) == 0
    assert not Past().misses_before(days(1, 2))


@pytest.mark.parametrize(
    ("settled", "first", "misses"),
    [
        # Up to the newest complete bucket all is known, be it the last one or not
        (TODAY - DAY, TODAY, False),
        (TODAY - DAY, TODAY + DAY, True),
        (TODAY - 2 * DAY, TODAY, True),
        # Where none is complete, up to the newest one
        (None, TODAY + DAY, False),
        (None, TODAY + 2 * DAY, True),
        (None, TODAY - 9 * DAY, False),
    ],
)
def test_an_answer_misses_what_lies_between_it_and_what_is_known(
    settled: int | None, first: int, misses: bool
) -> None:
    """A gap of one bucket is one; buckets that follow one another leave none."""
    known_days = Past().extended(days(5, 6, 7), Unit.DAY, settled, History.READ)
    answer = points(first, 8, length=DAY)
    assert known_days.misses_before(answer) is misses
    assert not known_days.misses_before(())


def test_later_points_follow_and_what_their_first_is_compared_with_stays() -> None:
    """What lies further back than that is forgotten; of one bucket the later value stands."""
    begun = TODAY - 35 * DAY
    of = Past().followed_by(points(begun - DAY, *range(1, 37), length=DAY), Unit.DAY)
    assert (of.history, of.settled, of.began) == (History.READ, begun - DAY, begun - DAY)
    assert of.followed_by((), Unit.DAY) is of

    later = of.followed_by(points(TODAY, 77, 78, length=DAY), Unit.DAY)
    assert (later.history, later.settled) == (History.READ, TODAY)
    assert known(later, begun - DAY, 3) == [None, 2, 3]
    assert known(later, TODAY - DAY, 4) == [36, 77, 78, None]

    assert later.followed_by(points(TODAY + DAY, 79, length=DAY), Unit.DAY).value(begun) is None
    hours = Past().followed_by(points(NOW - 700 * HOUR, 5), Unit.HOUR)
    assert hours.followed_by(points(NOW, 6), Unit.HOUR).value(NOW - 700 * HOUR) == 5
    assert hours.followed_by(points(NOW + HOUR, 6), Unit.HOUR).value(NOW - 700 * HOUR) is None


@pytest.mark.parametrize("history", History)
def test_a_history_there_was_no_time_for_takes_nothing_back(history: History) -> None:
    """What was read stays read, what failed stays failed."""
    held, _ = polled({}, hourly(), points(H10, 5, 6))
    known_hours = with_history(held[hourly()], hourly(), (), history, a_watch())
    again = with_history(known_hours, hourly(), (), History.UNREAD, a_watch())
    assert again.past.history is history


def test_what_was_read_last_counts() -> None:
    """A later answer replaces what it holds, and leaves the rest."""
    of = past(1, 2, 3).extended(days(20, 30), *DAYS)
    assert known(of, TODAY - 2 * DAY, 3) == [1, 20, 30]


def test_a_first_value_that_becomes_zero_is_no_first_value() -> None:
    """Zeros: what was restated to 0 before any other value is as unknown as the zeros before it."""
    of = past(0, 5, 6, 7).extended(days(0, 0, 6, 7), *DAYS)
    assert known(of, TODAY - 3 * DAY, 4) == [None, None, 6, 7]


def test_zeros_stay_known_when_the_first_value_is_too_old_to_be_kept() -> None:
    """Zeros: a segment that has been empty for two months was not made today."""
    of = past(5, 0, 0)
    for later in range(1, 60):
        last = TODAY + later * DAY
        of = of.extended(days(0, 0, 0, last=last), Unit.DAY, last - DAY, History.READ)
    assert of.value(TODAY + 40 * DAY) == 0


def test_what_was_read_of_a_bucket_that_filled_is_not_its_value() -> None:
    """A partial count that the next answer leaves out is unknown again, not normal for ever."""
    partial = Past().extended(points(H10 - HOUR, 50, 3), Unit.HOUR, H10 - HOUR, History.READ)
    later = points(H10 + HOUR, 60, 70)
    assert known(partial.extended(later, Unit.HOUR, H10 + HOUR, History.READ), H10, 3, HOUR) == [
        None,
        60,
        70,
    ]


@pytest.mark.parametrize(("unit", "length"), [(Unit.DAY, DAY), (Unit.HOUR, HOUR)])
def test_what_is_kept_is_bounded(unit: Unit, length: int) -> None:
    """Past: a series that runs for years keeps 35 days, or 700 hours, and its newest bucket."""
    of = Past()
    for number in range(2000):
        start = number * length
        both = points(start, 1, 2, length=length)
        of = of.extended(both, unit, start + length, History.READ)
    assert len(of.starts) == len(of.values) == DEPTH[unit] // length + 1
    assert of.starts[-1] - of.starts[0] == DEPTH[unit]

    older = of.preceded_by(points(0, *[9] * 2000, length=length), unit, History.READ)
    assert older == of


def test_the_depth_covers_four_weeks_before_the_newest_complete_bucket_and_a_day() -> None:
    """Past: with the hour that autumn adds."""
    assert DEPTH[Unit.HOUR] == 700 * HOUR >= 29 * DAY + HOUR
    assert DEPTH[Unit.DAY] == 35 * DAY >= 28 * DAY + DAY


def test_four_weeks_are_known_before_a_complete_day_though_newer_ones_are_far_ahead() -> None:
    """Past: the depth counts from the newest complete bucket, whatever gap lies behind it."""
    of = past(*range(1, 36), last=TODAY - 8 * DAY)
    ahead = Point(TODAY, TODAY + DAY, 1, offset=False)
    assert of.extended([ahead], Unit.DAY, None, History.READ).value(TODAY - 37 * DAY) == 6


# Restated


@pytest.mark.parametrize(
    ("again", "restated"),
    [
        ([1, 2, 3], 0),
        ([1, 2, 9], 0),  # the newest was not complete: it is not restated, it went on
        ([1, 9, 3], 1),
        ([9, 9, 9], 2),
        ([7, 1, 2, 3], 0),  # older than what was read before
        ([0, 2, 3], 1),
    ],
)
def test_complete_points_that_changed_are_counted(again: list[float], restated: int) -> None:
    """Restated: a complete point whose value Braze changed later."""
    assert past(1, 2, 3).restated(days(*again)) == restated


@pytest.mark.parametrize(("series", "length"), [(size(), DAY), (hourly(), HOUR)], ids=str)
def test_a_change_is_counted_once(series: Series, length: int) -> None:
    """Restated: when it is first seen; a second change is another, and so is one back."""
    held: dict[Series, Held] = {}
    counts = []
    for changed in (10, 10, 11, 11, 12, 10):
        answer = points(TODAY - 2 * length, changed, 20, 3, length=length)
        held, restated = polled(held, series, answer)
        counts.append(restated)
    assert counts == [0, 0, 1, 0, 1, 1]


def test_what_fills_is_not_restated_by_going_on() -> None:
    """Restated: neither while it fills, nor by its last value."""
    held: dict[Series, Held] = {}
    counts = []
    for newest, sent in ((3, NOW), (5, NOW + 300), (60, NOW + HOUR), (61, NOW + 2 * HOUR)):
        hour = points(H10, newest)
        after = points(H10 + HOUR, 1) if sent >= H10 + HOUR else ()
        held, restated = polled(held, hourly(), (*hour, *after), sent=sent)
        counts.append(restated)
    assert counts == [0, 0, 0, 1]


# Whether the history was read

NEWEST = points(H10 - 47 * HOUR, *[100] * 47, 30)
OLDER = points(H10 - 747 * HOUR, *[80] * 700)


def test_hours_have_no_baseline_until_their_history_was_read() -> None:
    """Past: two days of hours would make a baseline of yesterday; that is not the whole history."""
    held, _ = polled({}, hourly(), NEWEST)
    held, _ = polled(held, hourly(), NEWEST, sent=NOW + 300)

    assert held[hourly()].past.history is History.UNREAD
    assert held[hourly()].normal == Baselines()
    assert held[hourly()].threshold is None


@pytest.mark.parametrize(
    ("points_", "history", "normal", "threshold"),
    [
        (OLDER, History.READ, Baselines(100, 80, 80), 0.7 * 80),
        (OLDER[-200:], History.FAILED, Baselines(100, 80, None), 0.7 * 80),
        (OLDER[-100:], History.FAILED, Baselines(100, None, None), None),
        ((), History.FAILED, Baselines(100, None, None), None),
        ((), History.READ, Baselines(100, None, None), None),
    ],
)
def test_what_was_read_of_the_history_makes_the_baselines(
    points_: tuple[Point, ...], history: History, normal: Baselines, threshold: float | None
) -> None:
    """Past: at once, without another poll; of a history that failed, by what is known."""
    watch = a_watch(alerts=Alerts(min_sessions=50))
    held, _ = polled({}, hourly(), NEWEST, watch=watch)
    judged = with_history(held[hourly()], hourly(), points_, history, watch)

    assert (judged.normal, judged.threshold) == (normal, threshold)
    assert judged.past.history is history
    assert judged.observed == held[hourly()].observed


def test_the_history_replaces_nothing_newer() -> None:
    """Past: where both know a bucket, the answer with the newest points does."""
    held, _ = polled({}, hourly(), NEWEST)
    judged = with_history(
        held[hourly()], hourly(), points(H10 - 50 * HOUR, *[7] * 10), History.READ, a_watch()
    )
    assert known(judged.past, H10 - 51 * HOUR, 5, HOUR) == [None, 7, 7, 7, 100]


def test_days_have_their_whole_history_from_the_first_answer() -> None:
    """Past: 35 points come with each poll."""
    held, _ = polled({}, size(), days(*range(1000, 1035)))
    assert held[size()].past.history is History.READ
    assert held[size()].normal == Baselines(1033, 1027, 1019.5)
    assert held[size()].threshold == 0.7 * 1019.5


@pytest.mark.parametrize(
    ("away", "history"),
    [
        (1, History.READ),
        (47, History.READ),
        (48, History.FAILED),
        (49, History.FAILED),
        (1000, History.FAILED),
    ],
)
def test_hours_that_were_missed_are_read_again(away: int, history: History) -> None:
    """Past: after an outage longer than the newest points reach back there is a gap; until it is
    read, what is known counts. The hour that filled when the outage began must be read again too.
    """
    held, _ = polled({}, hourly(), NEWEST)
    read = with_history(held[hourly()], hourly(), OLDER, History.READ, a_watch())
    later = tuple(
        Point(point.start + away * HOUR, point.end + away * HOUR, point.value, point.offset)
        for point in NEWEST
    )
    held, _ = polled({hourly(): read}, hourly(), later, sent=NOW + away * HOUR)

    assert held[hourly()].past.history is history
    assert held[hourly()].normal.day == 100
    assert 30 not in held[hourly()].past.values[:-1]


def test_a_gap_does_not_make_an_unread_history_one_that_failed() -> None:
    """Past: a history that nobody has tried to read has not failed; no baseline stands for it."""
    held, _ = polled({}, hourly(), points(H10, 1))
    held, _ = polled(held, hourly(), points(H10 + 200 * HOUR, 1), sent=NOW + 200 * HOUR)
    assert held[hourly()].past.history is History.UNREAD


def test_a_series_that_went_begins_anew() -> None:
    """Past: an empty answer takes the history with the value."""
    held, _ = polled({}, hourly(), NEWEST)
    held = {hourly(): with_history(held[hourly()], hourly(), OLDER, History.READ, a_watch())}
    held, _ = polled(held, hourly(), ())
    held, _ = polled(held, hourly(), NEWEST)
    assert held[hourly()].past.history is History.UNREAD


def test_what_could_not_be_read_keeps_what_is_normal_for_it() -> None:
    """Holding: value, baselines and threshold stand and go together."""
    held, _ = polled({}, size(), days(*range(1000, 1035)))
    failed = a_reading(SEGMENTS, failed=[size()], sent=NOW + 1800)
    after, _ = held_after(held, failed, lambda _: True, a_watch())
    assert after == held
