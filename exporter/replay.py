"""What a live exporter would have shown of a series, and from when until when: pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from exporter.baselines import Baselines, baselines, threshold
from exporter.history import count_seen_from, level_seen_from
from exporter.model import Family, Kind, Point, Series, Unit
from exporter.past import Past
from exporter.poll import LENGTH
from exporter.watch import Watch

_SECONDS = {Unit.DAY: 86_400, Unit.HOUR: 3_600}


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that stood from `since` until `until` (epoch seconds, `until` excluded).

    `start` is that of the bucket it stands for; `normal` and `threshold` what it was compared with.
    """

    since: float
    until: float
    value: float
    start: int
    normal: Baselines
    threshold: float | None


def replay(
    pages: Iterable[Sequence[Point]], series: Series, watch: Watch, until: float
) -> Iterator[Shown]:
    """What was shown of `series` until `until` (epoch seconds), as if every moment had been polled.

    `pages` are its points, oldest first; a point that was there already is left out. Only as many
    are held as baselines look back on. Zeros before the first other value are unknown, and so not
    shown. A value whose bucket left the answers of a poll had gone.
    """
    family = series.family
    past = Past()

    def points() -> Iterator[Point]:
        nonlocal past
        newest = float("-inf")
        for page in pages:
            fresh = [point for point in page if point.start > newest]
            past = past.followed_by(fresh, family.unit)
            yield from fresh
            newest = fresh[-1].start if fresh else newest

    for (point, since), (_, end) in pairwise(_moments(points(), family, watch, until)):
        if point is None or past.value(point.start) is None:
            continue
        normal = baselines(past, point.start, family.kind, family.unit, watch.zone)
        least = threshold(
            normal, family.concern, watch.alerts.share_of(series), watch.alerts.least_of(series)
        )
        gone = point.start + LENGTH[family.unit] * _SECONDS[family.unit]
        yield Shown(since, min(end, gone), point.value, point.start, normal, least)


def _moments(
    points: Iterable[Point], family: Family, watch: Watch, until: float
) -> Iterator[tuple[Point | None, float]]:
    """Each point and the moment it was first shown; last of all None and `until`."""
    zero_after, since = watch.zero_after_of(family), float("-inf")
    for (before, point), (_, after) in pairwise(pairwise(chain((None,), points, (None,)))):
        if point is not None:  # it never is: only the ends have no neighbour
            if family.kind is Kind.LEVEL:
                seen = level_seen_from(point, before, zero_after, family.zero_after)
                # A 0 that follows a doubted one is not believed before it.
                since = seen if point.value else max(seen, since)
                yield point, since
            else:
                yield point, count_seen_from(point, after, watch.settle)
    yield None, until
