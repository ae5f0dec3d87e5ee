"""Whatever Braze answers, what is shown equals a plain, slow reading of the contract."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from exporter.buckets import read_points
from exporter.holding import Held, held_after, with_history
from exporter.model import Point, Series, Unit
from exporter.past import History
from exporter.watch import Alerts
from tests.brazes import Braze, brazes, luck
from tests.fakes import a_reading, a_watch, daily, hourly, size
from tests.plainly import HOURS, SETTLE, ZERO_AFTER, Bucket, Reference, Rows
from tests.tries import tries

WATCH = a_watch(
    settle=SETTLE.total_seconds(),
    zero_after=ZERO_AFTER.total_seconds(),
    alerts=Alerts(drop=0.25, min_size=40, min_sessions=60),
)
# Around the changes of the clocks in the zones of `brazes`, the leap day and the end of a year.
MOMENTS = (
    "2023-12-31", "2024-02-29", "2024-03-10", "2024-03-31", "2024-04-07", "2024-04-26",
    "2024-10-27", "2024-11-03",
)  # fmt: skip


def moments() -> st.SearchStrategy[datetime]:
    """Around the changes of the clocks, or weeks after one: then it lies in the past."""
    first = st.sampled_from(MOMENTS).map(lambda day: datetime.fromisoformat(day + "T00:00Z"))
    return st.builds(
        lambda day, minutes: day + timedelta(minutes=minutes), first, st.integers(-2880, 40_000)
    )


# What the exporter and the contract say


def held_of(held: Held) -> tuple[object, ...]:
    """What is shown of a series."""
    value, current = held.observed.value, held.observed.current
    return (
        None if value is None else (value.start, value.value),
        None if current is None else (current.start, current.value),
        dict(held.normal.named),
        held.threshold,
    )


def expected_of(reference: Reference) -> tuple[object, ...]:
    def seen(bucket: Bucket | None) -> tuple[int, float] | None:
        if bucket is None:
            return None
        return int(reference.start(bucket).timestamp()), reference.answer[bucket]

    return (
        seen(reference.shown()),
        seen(reference.current()),
        reference.normal(),
        reference.threshold(),
    )


def agree(series: Series, braze: Braze, first: datetime, steps: Sequence[float], read: int) -> None:
    """Poll at `first` and after each of `steps` (hours); at poll `read`, read the history."""
    family = series.family
    reference = Reference(family.kind, family.unit, braze.zone, braze.form in ("z", "offset"))
    reference.whole = family.unit is Unit.DAY
    watch = replace(WATCH, zone=braze.zone)
    held: dict[Series, Held] = {}
    sent = first

    def read_rows(rows: Rows) -> tuple[Point, ...]:
        written = [{"time": braze.time(b), family.field: value} for b, value in rows]
        return read_points(written, family.field, family.unit, braze.zone, sent.timestamp())

    for number, step in enumerate((0.0, *steps)):
        sent += timedelta(hours=step)
        ahead = luck(braze.seed, number).choice((0, 0, 0, 5, 20)) * HOURS
        rows = braze.rows(sent + ahead, 35 if family.unit is Unit.DAY else 48, number, first)
        points = read_rows(rows)
        if not points:  # a failure, or nothing there
            continue
        reading = a_reading(family.collector, {series: points}, sent=sent.timestamp())
        held, _ = held_after(held, reading, lambda _: True, watch)
        reference.read(rows, sent)
        if family.unit is Unit.HOUR and number >= read and not reference.whole:
            older = braze.rows(sent - 48 * HOURS, 637, number, first)
            told = read_rows(older)
            held[series] = with_history(held[series], series, told, History.READ, watch)
            reference.precede(older)
        assert held_of(held[series]) == expected_of(reference)


STEPS = st.lists(st.sampled_from((0.1, 0.5, 1, 2, 6, 9, 23, 24, 25, 49, 170, 400)), max_size=6)


@tries(150)
@given(brazes(Unit.DAY), moments(), STEPS)
def test_a_level_is_what_the_contract_says(
    braze: Braze, first: datetime, steps: list[float]
) -> None:
    """Newest, doubted zeros, baselines and threshold of a segment's size, poll after poll."""
    agree(size(), braze, first, steps, 0)


@tries(150)
@given(brazes(Unit.DAY), moments(), STEPS)
def test_a_daily_count_is_what_the_contract_says(
    braze: Braze, first: datetime, steps: list[float]
) -> None:
    """Complete, current, baselines and threshold of days of sessions, poll after poll."""
    agree(daily(), braze, first, steps, 0)


@given(brazes(Unit.HOUR), moments(), STEPS, st.integers(0, 3))
def test_an_hourly_count_is_what_the_contract_says(
    braze: Braze, first: datetime, steps: list[float], read: int
) -> None:
    """Complete, current, baselines and threshold of hours of sessions, before and after their
    history was read.
    """
    agree(hourly(), braze, first, steps, read)
