"""What a series said of the buckets before its newest one, kept compactly."""

from array import array
from bisect import bisect, bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from exporter.model import Point, Unit

DEPTH = {Unit.DAY: 35 * 86400, Unit.HOUR: 700 * 3600}
"""Seconds before the newest complete bucket that are kept: four weeks, with a day to spare."""


class History(Enum):
    """Whether the points before the first answer were read."""

    UNREAD = auto()
    FAILED = auto()
    READ = auto()


@dataclass(frozen=True, slots=True)
class Past:
    """The values of one series by the start of their bucket (epoch seconds), ascending.

    `settled` is the start of the newest bucket that was complete when it was last read, `began`
    that of the first known value that is not 0. `history` says whether what lies before the first
    answer was read too; until it was, or could not be, nothing is known to be normal.
    """

    starts: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    settled: int | None = None
    began: int | None = None
    history: History = History.UNREAD

    def value(self, start: int) -> float | None:
        """What is known of the bucket that starts then; zeros before the first other value are not.

        Braze fills the days before a segment was made with zeros.
        """
        if self.began is None or start < self.began:
            return None
        index = bisect_left(self.starts, start)
        known = index < len(self.starts) and self.starts[index] == start
        return self.values[index] if known else None

    def between(self, first: int, last: int) -> list[tuple[int, float]]:
        """Start and value of the known buckets that start from `first` to `last`, ascending."""
        if self.began is None:
            return []
        begin, end = bisect_left(self.starts, max(first, self.began)), bisect(self.starts, last)
        return list(zip(self.starts[begin:end], self.values[begin:end], strict=True))

    def restated(self, points: Sequence[Point]) -> int:
        """How many complete buckets have another value in `points` than was read before."""
        if self.settled is None:
            return 0
        known = self._known()
        return sum(
            known.get(point.start, point.value) != point.value
            for point in points
            if point.start <= self.settled
        )

    def misses_before(self, points: Sequence[Point]) -> bool:
        """Whether buckets lie between the newest complete one and the first of `points`."""
        if not self.starts or not points:
            return False
        last = self.starts[-1] if self.settled is None else self.settled
        return points[0].start > last + points[0].end - points[0].start

    def extended(
        self, points: Sequence[Point], unit: Unit, settled: int | None, history: History
    ) -> "Past":
        """With `points` in place of what was known of their buckets, without what is too old.

        `settled` is the start of the newest complete one of them. What was read of a bucket while
        it filled is not its value: if `points` leave it out, it is unknown again.
        """
        over = {
            start: value
            for start, value in self._known().items()
            if self.settled is not None and start <= self.settled
        }
        latest = max(
            (start for start in (self.settled, settled) if start is not None), default=None
        )
        return self._of(over | _by_start(points), unit, latest, history)

    def preceded_by(self, points: Sequence[Point], unit: Unit, history: History) -> "Past":
        """With `points` where nothing was known of their buckets."""
        settled = self.settled
        if settled is None:  # what lies before the newest points is over
            settled = max((point.start for point in points), default=None)
        return self._of(_by_start(points) | self._known(), unit, settled, history)

    def followed_by(self, points: Sequence[Point], unit: Unit) -> "Past":
        """With later `points`, all of them complete. What the first of them is compared with stays,
        older values go.
        """
        known = self._known() | _by_start(points)
        return self._of(known, unit, points[0].start, History.READ) if points else self

    def _known(self) -> dict[int, float]:
        return dict(zip(self.starts, self.values, strict=True))

    def _of(
        self, known: dict[int, float], unit: Unit, settled: int | None, history: History
    ) -> "Past":
        newest = max(known, default=0) if settled is None else settled
        oldest = newest - DEPTH[unit]
        kept = sorted(start for start in known if start >= oldest)
        began = self.began
        if began is None or began >= oldest:  # an older one stands, though it is forgotten
            began = next((start for start in kept if known[start] > 0), None)
        values = array("d", [known[start] for start in kept])
        return Past(array("q", kept), values, settled, began, history)


def _by_start(points: Sequence[Point]) -> dict[int, float]:
    return {point.start: point.value for point in points}
