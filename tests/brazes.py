"""Series that a made-up Braze tells of, odd in every way that has been seen: all from a seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from exporter.model import Unit
from tests.plainly import DAYS, HOURS, Bucket

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Havana",
)


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
