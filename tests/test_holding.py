"""What is still believed of a collector's series after a poll."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from exporter.families import SEGMENTS, SESSIONS
from exporter.history import Current, Observation, Value
from exporter.holding import Held, held_after, next_change, visible, with_history
from exporter.model import Point, Reading, Series
from exporter.past import History
from exporter.watch import Watch
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

KEEP = 6 * HOUR
WATCH = a_watch(keep=KEEP)


def all_wanted(_: Series) -> bool:
    return True


def held(value: float, read: float = NOW, until: float | None = None) -> Held:
    """A value read at `read`; with `until`, also one that fills until then."""
    current = None if until is None else Current(value, TODAY, until)
    return Held(Observation(Value(value, TODAY), current), read)


def after(
    before: Mapping[Series, Held],
    reading: Reading,
    wanted: Callable[[Series], bool] = all_wanted,
    watch: Watch = WATCH,
) -> dict[Series, Held]:
    return held_after(before, reading, wanted, watch)[0]


def seen(held: Mapping[Series, Held]) -> dict[Series, tuple[Observation, float]]:
    """What each series said, and when."""
    return {series: (last.observed, last.read) for series, last in held.items()}


def test_what_was_read_replaces_what_was_held() -> None:
    """Holding: a value is that of the newest answer, with the time its request was sent."""
    reading = a_reading(SEGMENTS, {size(): days(100, 90)}, sent=NOW + 60)
    assert seen(after({size(): held(80)}, reading)) == seen({size(): held(90, NOW + 60)})


def test_what_could_not_be_read_stays_as_it_was() -> None:
    """Holding: a failure keeps the last value, and when that was last read."""
    before = {size("s1"): held(100), size("s2"): held(200)}
    reading = a_reading(SEGMENTS, {size("s2"): days(190)}, sent=NOW + 60, failed=[size("s1")])
    assert seen(after(before, reading)) == seen(
        {size("s1"): held(100), size("s2"): held(190, NOW + 60)}
    )
    assert after(before, reading)[size("s1")] is before[size("s1")]


def test_what_failed_from_the_start_is_not_there() -> None:
    """Honest start: a series that was never read has no value."""
    reading = a_reading(SEGMENTS, failed=[size("s1")])
    assert after({}, reading) == {}


def test_a_poll_that_read_nothing_takes_nothing() -> None:
    """Holding: a poll that failed as a whole names no series, and keeps them all."""
    before = {size("s1"): held(100), size("s2"): held(200)}
    assert after(before, a_reading(SEGMENTS, failed=[None])) == before


def test_an_empty_answer_takes_the_series_at_once() -> None:
    """Holding: that there are no points is an answer, and nothing is held against it."""
    before = {size("s1"): held(100), size("s2"): held(200)}
    reading = a_reading(SEGMENTS, {size("s1"): ()}, failed=[size("s2")])
    assert after(before, reading) == {size("s2"): held(200)}


def test_what_is_no_longer_wanted_goes_read_or_not() -> None:
    """Holding: a poll that began before a series was unselected does not bring it back."""
    before = {size("s1"): held(100), size("s2"): held(200), size("s3"): held(300)}
    reading = a_reading(SEGMENTS, {size("s1"): days(90)}, failed=[size("s2")])
    assert after(before, reading, {size("s3")}.__contains__) == {size("s3"): held(300)}


def test_what_is_not_wanted_leaves_the_others_of_an_answer_alone() -> None:
    """Wherever it stands among them."""
    answers = {size("s1"): days(10), size("s2"): days(20), size("s3"): days(30)}
    read = after({}, a_reading(SEGMENTS, answers), lambda series: series != size("s2"))
    assert list(read) == [size("s1"), size("s3")]


def test_what_is_normal_goes_by_the_unit_and_the_zone() -> None:
    """An hour is compared with the same local hour, on the other side of summer time too."""
    zone = ZoneInfo("Europe/Berlin")
    now = datetime(2024, 10, 28, 12, 30, tzinfo=zone)  # the clock was set back the day before
    same = datetime(2024, 10, 21, 10, tzinfo=zone)
    newest = datetime(2024, 10, 28, 10, tzinfo=zone)
    wanted = hourly("a1")
    read = tuple(
        Point(int(start.timestamp()), int(start.timestamp()) + HOUR, value, True)
        for start, value in ((same, 700.0), (newest, 500.0))
    )
    watch = replace(a_watch(keep=KEEP), zone=zone)
    reading = a_reading(SESSIONS, {wanted: read}, sent=now.timestamp())
    found = after({}, reading, watch=watch)[wanted]
    full = with_history(found, wanted, (), History.READ, watch)
    assert full.normal.week == 700


def test_an_answer_that_shows_no_finished_bucket_replaces_an_older_one_that_did() -> None:
    """Complete: what a request showed is judged by that request alone."""
    before = {hourly(): held(50)}
    reading = a_reading(SESSIONS, {hourly(): points(at("2024-03-13T10:00"), 5)})
    assert after(before, reading)[hourly()].observed.value is None


def test_each_workspace_settles_and_doubts_by_its_own_settings() -> None:
    """Complete, Zeros: `settle` and `zero_after` are those of the watch a reading was made for."""
    hours = {hourly(): points(at("2024-03-13T08:00"), 1, 2, 3)}
    zero = {size(): days(500, 0)}
    slow, quick = a_watch(settle=3600, zero_after=12 * HOUR), a_watch(settle=0, zero_after=HOUR)

    for watch, count, level in ((slow, 1, 500), (quick, 2, 0)):
        counted = after({}, a_reading(SESSIONS, hours), watch=watch)[hourly()]
        first = after({}, a_reading(SEGMENTS, zero, sent=TODAY + 60), watch=watch)
        sized = after(first, a_reading(SEGMENTS, zero), watch=watch)[size()]
        assert counted.observed.value is not None
        assert counted.observed.value.value == count
        assert sized.observed.value is not None
        assert sized.observed.value.value == level


def test_the_same_segment_id_in_two_workspaces_is_doubted_apart() -> None:
    """Zeros: a 0 that has appeared in one workspace has not appeared in another."""
    ours, theirs = size("s1"), size("s1", workspace="staging")
    first = after({}, a_reading(SEGMENTS, {ours: days(500, 0)}, sent=TODAY + 60))
    both = {ours: days(500, 0), theirs: days(500, 0)}
    second = after(first, a_reading(SEGMENTS, both))

    values = {series: kept.observed.value for series, kept in second.items()}
    assert values == {ours: Value(0.0, TODAY), theirs: Value(500.0, TODAY - DAY)}


def test_a_failure_between_does_not_make_a_zero_appear_anew() -> None:
    """Zeros: the first appearance outlives polls that could not read the series."""
    zero = {size(): days(500, 0)}
    first = after({}, a_reading(SEGMENTS, zero, sent=TODAY + 60))
    failed = after(first, a_reading(SEGMENTS, failed=[size()]))
    again = after(failed, a_reading(SEGMENTS, zero, sent=TODAY + 60 + 6 * HOUR))
    assert again[size()].observed.value == Value(0.0, TODAY)


@pytest.mark.parametrize(
    ("now", "there"),
    [(NOW, True), (NOW + KEEP - 1, True), (NOW + KEEP, False), (NOW + 9 * DAY, False)],
)
def test_a_value_disappears_when_it_was_last_read_longer_ago_than_keep(
    now: float, there: bool
) -> None:
    """Holding: until `keep` after it was last read, to the second."""
    shown = dict(visible({size(): held(100)}, KEEP, now))
    assert shown == ({size(): held(100)} if there else {})


def test_each_series_is_kept_by_its_own_age() -> None:
    """Holding: one that can be read does not keep another alive, nor does one take another away."""
    both = {size("old"): held(100, NOW), size("new"): held(200, NOW + HOUR)}
    assert [series for series, _ in visible(both, KEEP, NOW + KEEP)] == [size("new")]


@pytest.mark.parametrize("now", [NOW, NOW + 99])
def test_a_current_value_is_shown_until_its_bucket_has_settled(now: float) -> None:
    """Complete: `_current` is there while its bucket fills, and settles."""
    before = {hourly(): held(100, until=NOW + 100)}
    assert dict(visible(before, KEEP, now)) == before


@pytest.mark.parametrize("now", [NOW + 100, NOW + 101])
def test_a_current_value_is_never_held_past_that(now: float) -> None:
    """Complete: `_current` is dropped between polls when its bucket's end plus settle has passed;
    the complete value beside it stays, and no other takes its place.
    """
    assert dict(visible({hourly(): held(100, until=NOW + 100)}, KEEP, now)) == {hourly(): held(100)}


@pytest.mark.parametrize(
    ("kept", "now", "expected"),
    [
        ({}, NOW, float("inf")),
        ({size(): held(1)}, NOW, NOW + KEEP),
        ({size(): held(1)}, NOW + KEEP - 1, NOW + KEEP),
        ({size(): held(1)}, NOW + KEEP, float("inf")),
        # The clock was set back
        ({size(): held(1)}, NOW - 2 * KEEP, NOW + KEEP),
        ({size("a"): held(1), size("b"): held(1, NOW - 60)}, NOW, NOW - 60 + KEEP),
        ({hourly(): held(1, until=NOW + 100)}, NOW, NOW + 100),
        ({hourly(): held(1, until=NOW + 100)}, NOW + 100, NOW + KEEP),
        ({hourly(): held(1, until=NOW + 7 * HOUR)}, NOW, NOW + KEEP),
    ],
)
def test_when_what_is_visible_changes_by_itself(
    kept: dict[Series, Held], now: float, expected: float
) -> None:
    """Holding: the moment of the next disappearance is known, so that a scrape costs nothing until
    then.
    """
    assert next_change(kept, KEEP, now) == expected


def test_nothing_visible_changes_before_the_next_change() -> None:
    """Holding: `next_change` and `visible` agree at every second."""
    kept = {
        size("a"): held(1, NOW - 60),
        hourly("b"): held(2, until=NOW + 100),
        hourly("c"): held(3, NOW - 30, until=NOW + 40),
    }
    now: float = NOW
    changes: list[float] = []
    while (change := next_change(kept, 120, now)) < float("inf"):
        shown = [dict(visible(kept, 120, second)) for second in range(int(now), int(change) + 1)]
        assert all(one == shown[0] for one in shown[:-1])
        assert shown[-1] != shown[0]
        changes.append(change - NOW)
        now = change
    assert changes == [40, 60, 90, 100, 120]
