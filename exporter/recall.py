"""The hours before the newest ones: read once for each series, after the newest points."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from itertools import takewhile

from exporter.buckets import MOST_POINTS
from exporter.client import BrazeError
from exporter.model import Answer, Point, Series, Unit
from exporter.past import DEPTH, History, Past
from exporter.poll import LENGTH, spread
from exporter.refusals import Refusals

_HOUR = 3600
REQUESTS = -(-DEPTH[Unit.HOUR] // (MOST_POINTS * _HOUR))
"""How many requests the history of one series of hours takes."""

_PATIENCE = 3600.0  # seconds until a past that could not be read is asked for again
_REFUSALS = 3

Pasts = dict[Series, tuple[tuple[Point, ...], History]]


class Recall:
    """Remembers whose past could not be read, so that it is not asked for again within an hour.

    `now` is the clock, in epoch seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failed: dict[Series, float] = {}

    def due(self, pasts: Mapping[Series, Past]) -> list[Series]:
        """Which of these to ask for: first those of which nothing is known but the newest."""
        now = self._now()
        self._failed = {s: then for s, then in self._failed.items() if now < then + _PATIENCE}
        left = [series for series in pasts if series not in self._failed]
        return sorted(left, key=lambda series: pasts[series].history is not History.UNREAD)

    def asked(self, read: Pasts) -> None:
        """Note what failed. What was read is not asked for again, unless Braze took the series away
        for a while or there is a new gap: then at once. Nor is what was not read to its end for
        want of time noted.
        """
        now = self._now()
        self._failed |= {s: now for s, (_, how) in read.items() if how is History.FAILED}


def read_pasts(
    wanted: Sequence[Series],
    pasts: Mapping[Series, Past],
    read: Callable[[Series, int, float], Answer],
    *,
    threads: Executor,
    width: int,
    go_on: Callable[[], bool],
) -> Pasts:
    """Read the hours of `wanted` before those that `pasts` knows, back to the depth of baselines.

    Nothing more is asked once `go_on` says no, because newer points are due, nor where three series
    in a row were refused; what was read until then is kept. Raises Interrupted.
    """
    refusals = Refusals(_REFUSALS)

    def hopeful(series: Series) -> bool:
        return go_on() and not refusals.final(series.family.endpoint)

    def attempt(series: Series) -> tuple[tuple[Point, ...], History]:
        found: list[Point] = []
        for ending_at in _pages(
            pasts[series], LENGTH[series.family.unit], DEPTH[series.family.unit]
        ):
            if not hopeful(series):
                return tuple(found), History.UNREAD
            try:
                answer = read(series, MOST_POINTS, ending_at)
            except BrazeError as error:
                refusals.note(series.family.endpoint, error.reason)
                return tuple(found), History.FAILED
            refusals.note(series.family.endpoint, None)
            # An hour that is cut at `ending_at` is not what it was.
            found += (point for point in answer.points if point.end <= ending_at)
        return tuple(found), History.READ

    in_time = takewhile(lambda _: go_on(), wanted)
    return dict(spread(attempt, filter(hopeful, in_time), threads, width))


def _pages(past: Past, newest: int, depth: int) -> list[int]:
    """The moments before which a hundred hours are to be read, newest first.

    They begin where the answer with the `newest` points began: what is older may have gaps. Pages
    that are known already are left out.
    """
    first = past.starts[-1] - (newest - 1) * _HOUR
    ends = range(first, first - depth, -MOST_POINTS * _HOUR)
    return [end for end in ends if not _known(past, end)]


def _known(past: Past, end: int) -> bool:
    begin = bisect_left(past.starts, end - MOST_POINTS * _HOUR)
    return bisect_left(past.starts, end) - begin >= MOST_POINTS
