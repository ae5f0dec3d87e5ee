"""Whatever Braze answers, what is shown equals a plain, slow reading of the contract."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from exporter.buckets import read_points
from exporter.holding import Held, held_after, with_history
from exporter.model import Point, Series, Unit
from exporter.past import History
from exporter.watch import Alerts
from tests.fakes import a_reading, a_watch, daily, hourly, size
from tests.plainly import DAYS, HOURS, SETTLE, ZERO_AFTER, Bucket, Reference, Rows
from tests.tries import tries

WATCH = a_watch(
    settle=SETTLE.total_seconds(),
    zero_after=ZERO_AFTER.total_seconds(),
    alerts=Alerts(drop=0.25, min_size=40, min_sessions=60),
)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Havana",
)
# Around the changes of the clocks in these zones, and a plain day.
MOMENTS = ("2024-03-10", "2024-03-31", "2024-04-07", "2024-04-26", "2024-10-27", "2024-11-03")

# What Braze answers


def luck(*parts: object) -> random.Random:
    """Chances that are the same for the same parts."""
    return random.Random(str(parts))  # noqa: S311 - nothing secret


@dataclass(frozen=True)
class Braze:
    """A series that Braze tells of: everything follows from the seed."""

    seed: int
    unit: Unit
    zone: ZoneInfo
    born: timedelta  # so long before the first poll; before that, all is 0
    form: str
    gaps: float
    zeros: float
    restates: float
    order: str

    def buckets(self, last: datetime, count: int) -> Sequence[Bucket]:
        """The bucket of `last` and those before it."""
        if self.unit is Unit.DAY:
            day = last.astimezone(self.zone).date()
            return [day - number * DAYS for number in range(count)][::-1]
        local = last.astimezone(self.zone)
        begun = last - timedelta(minutes=local.minute, seconds=local.second)
        return [begun - number * HOURS for number in range(count)][::-1]

    def value(self, bucket: Bucket, number: int, first: datetime) -> float | None:
        """What the answer of that number says of a bucket; None for nothing readable."""
        day = bucket if isinstance(bucket, datetime) else datetime.combine(bucket, time(), UTC)
        if day < first - self.born:
            return 0
        chance = luck(self.seed, bucket)
        value = 0 if chance.random() < self.zeros else chance.randrange(30, 130)
        later = luck(self.seed, bucket, number)
        if later.random() < self.restates:
            value = later.randrange(0, 130)
        return None if later.random() < self.gaps else value

    def rows(
        self, last: datetime, count: int, number: int, first: datetime
    ) -> list[tuple[Bucket, float | None]]:
        told = [(b, self.value(b, number, first)) for b in self.buckets(last, count)]
        if self.order == "descending":
            return told[::-1]
        if self.order == "shuffled":
            mixed = luck(self.seed, number)
            told += [
                (bucket, float(mixed.randrange(100)))
                for bucket, _ in mixed.sample(told, count // 5)
            ]
            mixed.shuffle(told)
        return told

    def time(self, bucket: Bucket) -> str:
        if not isinstance(bucket, datetime):
            return bucket.isoformat()
        if self.form == "z":
            return bucket.strftime("%Y-%m-%dT%H:%M:%SZ")
        local = bucket.astimezone(self.zone)
        return local.isoformat() if self.form == "offset" else f"{local:%Y-%m-%dT%H:%M:%S}"


@st.composite
def brazes(draw: st.DrawFn, unit: Unit) -> Braze:
    form = draw(st.sampled_from(("z", "offset", "naive"))) if unit is Unit.HOUR else "date"
    # Without offset, an hour that comes twice is known by its neighbours: they must be there.
    told = form == "naive"
    return Braze(
        draw(st.integers(0, 10**6)),
        unit,
        ZoneInfo(draw(st.sampled_from(ZONES[:4] if told else ZONES))),
        draw(st.sampled_from((1000, 25, 10, 3, 1, 0))) * DAYS,
        form,
        0.0 if told else draw(st.sampled_from((0.0, 0.1, 0.6))),
        draw(st.sampled_from((0.0, 0.1, 0.5, 1.0))),
        draw(st.sampled_from((0.0, 0.1, 0.5))),
        draw(st.sampled_from(("ascending", "descending"))) if told
        else draw(st.sampled_from(("ascending", "descending", "shuffled"))),
    )  # fmt: skip


def moments() -> st.SearchStrategy[datetime]:
    """Around the changes of the clocks, or weeks after one: then it lies in the past."""
    first = st.sampled_from(MOMENTS).map(lambda day: datetime.fromisoformat(day + "T00:00Z"))
    return st.builds(
        lambda day, minutes: day + timedelta(minutes=minutes), first, st.integers(-2880, 40_000)
    )


# Both


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
