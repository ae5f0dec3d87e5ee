"""Values -> the line of a small chart, as paths of SVG: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

HEIGHT = 100
"""The units from the lowest to the highest place of a chart; 0 stands at the bottom."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A chart of `width` by `HEIGHT` units, one unit a bucket, made to be stretched.

    `line` and `area` (what lies under the line) are the `d` of paths, without the buckets that are
    unknown. `dot` is the height of the newest value and `threshold` that below which it has
    dropped; both count from the top. The threshold means nothing left of `since`.
    """

    width: int
    line: str
    area: str
    dot: int
    threshold: int | None
    since: int
    low: float
    high: float


def trend(
    values: Sequence[float | None], threshold: float | None = None, *, rhythm: bool = False
) -> Trend | None:
    """The chart of `values`, oldest first, None for unknown; it begins at 0.

    `rhythm` says that other hours or weekdays have other thresholds than the newest one.

    None where there is nothing to connect: fewer than two values are known, or the newest is not.
    """
    known = [value for value in values if value is not None]
    newest = values[-1] if values else None
    if newest is None or len(known) < 2:
        return None
    top = max(*known, threshold or 0.0) or 1.0

    def height(value: float) -> int:
        return round(HEIGHT * (1 - value / top))

    runs = _runs([None if value is None else height(value) for value in values])
    return Trend(
        width=len(values) - 1,
        line="".join(_line(start, heights) for start, heights in runs),
        area="".join(
            f"{_line(start, heights)}V{HEIGHT}H{start}z" for start, heights in runs if heights[1:]
        ),
        dot=height(newest),
        threshold=None if threshold is None else height(threshold),
        since=(len(values) - 1) * 7 // 8 if rhythm else 0,
        low=min(known),
        high=max(known),
    )


def _runs(heights: Sequence[int | None]) -> list[tuple[int, list[int]]]:
    """The stretches without gap, each with the place where it begins."""
    runs: list[tuple[int, list[int]]] = []
    before = None
    for place, height in enumerate(heights):
        if height is not None and before is None:
            runs.append((place, [height]))
        elif height is not None:
            runs[-1][1].append(height)
        before = height
    return runs


def _line(start: int, heights: Sequence[int]) -> str:
    """Relative steps: half as long as coordinates."""
    steps = "".join(f"l1 {now - before}" for before, now in pairwise(heights))
    return f"M{start} {heights[0]}{steps or 'h0'}"
