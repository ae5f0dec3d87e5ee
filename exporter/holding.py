"""What is still believed of a collector's series after a poll: pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from exporter.history import Observation, observe_count, observe_level
from exporter.model import Answer, Kind, Reading, Series
from exporter.watch import Watch


@dataclass(frozen=True, slots=True)
class Held:
    """What a series last said, and when the request for it was sent (epoch seconds)."""

    observed: Observation
    read: float


def held_after(
    held: Mapping[Series, Held],
    reading: Reading,
    wanted: Callable[[Series], bool],
    watch: Watch,
) -> dict[Series, Held]:
    """What is held of a collector once `reading` is there.

    What was read replaces what was held; an answer without a point takes the series away. What
    could not be read stays, whatever the reason. What is no longer `wanted` goes.
    """
    after = {series: before for series, before in held.items() if wanted(series)}
    for series, answer in reading.answers.items():
        if not wanted(series):
            continue
        if answer.points:
            after[series] = Held(_observe(series, answer, held.get(series), watch), answer.sent)
        else:
            after.pop(series, None)
    return after


def visible(
    held: Mapping[Series, Held], keep: float, now: float
) -> Iterator[tuple[Series, Observation]]:
    """What may be shown at `now`: nothing read longer than `keep` seconds ago, no bucket as filling
    that is over.
    """
    for series, last in held.items():
        if now >= last.read + keep:
            continue
        current = last.observed.current
        over = current is not None and now >= current.until
        yield series, replace(last.observed, current=None) if over else last.observed


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


def _observe(series: Series, answer: Answer, before: Held | None, watch: Watch) -> Observation:
    if series.family.kind is Kind.COUNT:
        return observe_count(answer.points, answer.sent, watch.settle)
    doubt = before.observed.doubt if before is not None else None
    return observe_level(answer.points, answer.sent, watch.zero_after, doubt)
