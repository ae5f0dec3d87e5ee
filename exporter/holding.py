"""What is still believed of a collector's series after a poll: pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from exporter.baselines import Baselines, baselines, threshold
from exporter.history import Observation, newest_complete, observe_count, observe_level
from exporter.model import Answer, Kind, Point, Reading, Series, Unit
from exporter.past import History, Past
from exporter.watch import Watch


@dataclass(frozen=True, slots=True)
class Held:
    """What a series last said, when the request for it was sent (epoch seconds), and what is
    normal for it.
    """

    observed: Observation
    read: float
    past: Past = field(default_factory=Past)
    normal: Baselines = field(default_factory=Baselines)
    threshold: float | None = None


def held_after(
    held: Mapping[Series, Held],
    reading: Reading,
    wanted: Callable[[Series], bool],
    watch: Watch,
) -> tuple[dict[Series, Held], int]:
    """What is held of a collector once `reading` is there, and how many points Braze restated.

    What was read replaces what was held; an answer without a point takes the series away. What
    could not be read stays, whatever the reason. What is no longer `wanted` goes.
    """
    after = {series: before for series, before in held.items() if wanted(series)}
    restated = 0
    for series, answer in reading.answers.items():
        if not wanted(series):
            continue
        before = after.get(series)
        if not answer.points:
            after.pop(series, None)
            continue
        past = before.past if before is not None else Past()
        restated += past.restated(answer.points)
        observed = _observe(series, answer, before, watch)
        complete = newest_complete(answer.points, answer.sent, watch.settle)
        settled = complete.start if complete is not None else None
        history = _history(series, past, answer)
        past = past.extended(answer.points, series.family.unit, settled, history)
        after[series] = judged(series, Held(observed, answer.sent, past), watch)
    return after, restated


def with_history(
    held: Held, series: Series, points: Sequence[Point], history: History, watch: Watch
) -> Held:
    """The same with older points; what is newer stands.

    A `history` that is UNREAD still, for want of time, takes nothing back.
    """
    if history is History.UNREAD:
        history = held.past.history
    past = held.past.preceded_by(points, series.family.unit, history)
    return judged(series, replace(held, past=past), watch)


def visible(held: Mapping[Series, Held], keep: float, now: float) -> Iterator[tuple[Series, Held]]:
    """What may be shown at `now`: nothing read longer than `keep` seconds ago, no bucket as filling
    that is over.
    """
    for series, last in held.items():
        if now >= last.read + keep:
            continue
        current = last.observed.current
        over = current is not None and now >= current.until
        yield (
            series,
            replace(last, observed=replace(last.observed, current=None)) if over else last,
        )


def next_change(held: Mapping[Series, Held], keep: float, now: float) -> float:
    """When `visible` will say something else than at `now`, if nothing is read until then; infinity
    for never.
    """
    moments = (
        moment
        for last in held.values()
        for moment in (
            last.read + keep,
            last.observed.current.until if last.observed.current else last.read + keep,
        )
    )
    return min((moment for moment in moments if moment > now), default=float("inf"))


def _history(series: Series, past: Past, answer: Answer) -> History:
    """What is known of the points before those of `answer`."""
    if series.family.unit is Unit.DAY:
        return History.READ  # the newest points of days are as many as the history has
    if past.history is History.READ and past.misses_before(answer.points):
        return History.FAILED
    return past.history


def judged(series: Series, held: Held, watch: Watch) -> Held:
    """With what is normal for its value, and what counts as a drop of it."""
    value = held.observed.value
    if value is None or held.past.history is History.UNREAD:
        return held
    family = series.family
    normal = baselines(held.past, value.start, family.kind, family.unit, watch.zone)
    least = threshold(
        normal, family.concern, watch.alerts.share_of(series), watch.alerts.least_of(series)
    )
    return replace(held, normal=normal, threshold=least)


def _observe(series: Series, answer: Answer, before: Held | None, watch: Watch) -> Observation:
    if series.family.kind is Kind.COUNT:
        return observe_count(answer.points, answer.sent, watch.settle)
    doubt = before.observed.doubt if before is not None else None
    family = series.family
    zero_after = watch.zero_after_of(family)
    return observe_level(answer.points, answer.sent, zero_after, doubt, family.zero_after)
