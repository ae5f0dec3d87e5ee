"""A year of a made-up workspace, fed poll by poll through the functions that judge it.

`python -m bench.year` prints, as Markdown tables, what the thresholds said of normal data and of
drops. The figures stand in docs/drop-detection.md.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from bench.made import HOUR, USERS, Made, sessions, sizes, sure, with_drops
from exporter.families import DISCOVERY, SEGMENTS, SESSIONS
from exporter.history import Value
from exporter.holding import Held, held_after, with_history
from exporter.model import Answer, Reading, Series, Unit
from exporter.past import DEPTH, History
from exporter.poll import LENGTH
from exporter.watch import Alerts, Watch

FIRST, YEAR = date(2025, 1, 1), 365
DROP = 0.3
MIN_SIZE = 120_000  # 5 % of all users


def a_watch(min_size: float = 1000, min_sessions: float = 100) -> Watch:
    """The defaults of the settings."""
    return Watch(
        workspace="made",
        ids=(),
        discover=True,
        include=(),
        exclude=(),
        tags=(),
        limit=2000,
        apps={},
        units=(Unit.DAY, Unit.HOUR),
        workspace_total=False,
        by_segment=(),
        zero_after=6 * HOUR,
        settle=15 * 60,
        keep=6 * HOUR,
        polls={DISCOVERY: HOUR, SEGMENTS: 1800, SESSIONS: 300},
        alerts=Alerts(drop=DROP, min_size=min_size, min_sessions=min_sessions),
    )


def judgements(
    made: Made, watch: Watch, first: date, days: int
) -> Iterator[tuple[float, Held, int]]:
    """For each poll: when it was, what is held after it, and how many points it restated."""
    series, family, watch = made.series, made.series.family, replace(watch, zone=made.zone)
    held: dict[Series, Held] = {}
    for sent in made.polls(first, days):
        answer = Answer(sent, made.points(sent, LENGTH[family.unit]))
        reading = Reading(watch.workspace, family.collector, sent, sent, answers={series: answer})
        begun = not held
        held, restated = held_after(held, reading, lambda _: True, watch)
        if begun and made.hourly:
            older = made.points(sent, DEPTH[family.unit] // HOUR + LENGTH[family.unit])
            held[series] = with_history(held[series], series, older, History.READ, watch)
        yield sent, held[series], restated


@dataclass
class Quiet:
    """Of normal data: how many buckets had a threshold, how many lay below it, by what is normal
    for them.
    """

    judged: Counter[float] = field(default_factory=Counter)
    false: Counter[float] = field(default_factory=Counter)
    buckets: int = 0
    restated: int = 0

    def see(self, held: Held, classes: Sequence[float]) -> None:
        value = held.observed.value
        self.buckets += 1
        if value is None or held.threshold is None:
            return
        normal = held.threshold / (1 - DROP)
        at_least = max(least for least in classes if least <= normal)
        self.judged[at_least] += 1
        self.false[at_least] += value.value < held.threshold


@dataclass
class Found:
    """Of drops, by what they left: how many there were above the minimum, and how many were seen
    by the first poll that could show them, how many seconds after they began.
    """

    injected: Counter[float] = field(default_factory=Counter)
    found: Counter[float] = field(default_factory=Counter)
    delays: list[float] = field(default_factory=list)
    not_shown: int = 0


def quiet(series: Iterable[Made], watch: Watch, first: date, days: int, *classes: float) -> Quiet:
    """Feed normal series; `classes` part the buckets by what is normal for them."""
    seen = Quiet()
    for made in series:
        judged: Value | None = None
        for _, held, restated in judgements(made, watch, first, days):
            seen.restated += restated
            if held.observed.value != judged:
                judged = held.observed.value
                seen.see(held, (0, *classes))
    return seen


def drops(series: Iterable[Made], watch: Watch, first: date, days: int) -> Found:
    """Feed series with drops."""
    seen = Found()
    for made in series:
        waiting = {drop.start: drop.left for drop in made.drops}
        for sent, held, _ in judgements(made, watch, first, days):
            value = held.observed.value
            left = None if value is None else waiting.pop(value.start, None)
            if value is None or left is None or held.threshold is None:
                continue
            seen.injected[left] += 1
            if value.value < held.threshold:
                seen.found[left] += 1
                seen.delays.append(sent - value.start)
        seen.not_shown += len(waiting)
    return seen


# The report


def main() -> None:
    """Print the figures; it takes a few minutes."""
    watch, seeds = a_watch(), range(3)
    steps = (1000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000)
    print("| normal size of the segment, of all users | judged | below | judged | below |")
    print("|---|--:|--:|--:|--:|")
    flat, sampled = (
        quiet((m for s in seeds for m in sizes(s, FIRST, flat=f)), watch, FIRST, YEAR, *steps)
        for f in (True, False)
    )
    for low, high in zip(steps, (*steps[1:], None), strict=True):
        name = f"{low / USERS:.2%}" + (f" to {high / USERS:.2%}" if high else " or more")
        row = (flat.judged, flat.false, sampled.judged, sampled.false)
        print(f"| {name} |", " | ".join(f"{counted[low]:,}" for counted in row), "|")

    for unit in ("hourly", "daily"):
        counts = (100, 200, 500, 1000)
        made = (m for s in seeds for m in sessions(f"braze_app_sessions_{unit}", s, FIRST))
        seen = quiet(made, watch, FIRST, YEAR, *counts)
        print(f"\n{unit}: {seen.buckets:,} buckets, {seen.restated:,} points restated\n")
        print("| normal sessions | judged | below |\n|---|--:|--:|")
        for least in counts:
            print(f"| {least} or more | {seen.judged[least]:,} | {seen.false[least]:,} |")

    print("\n| series | left | injected | found at once | delay, min to max |")
    print("|---|--:|--:|--:|--:|")
    large, busy = (0.06, 0.1, 0.2, 0.5, 0.9), (30_000, 230_000)
    for flat_, name in ((True, "size, 1 % off"), (False, "size, as sampled")):
        fed = [m for s in seeds for m in sizes(s, FIRST, large, flat=flat_)]
        report(name, fed, (0.65, 0.6, 0.5, 0.4, 0.25, 0.1), a_watch(min_size=MIN_SIZE))
    sured = [
        with_drops(m, FIRST, YEAR, [sure(m, DROP) * part for part in (1, 0.5)])
        for s in seeds
        for m in sizes(s, FIRST, large)
    ]
    show(
        "size, deeper than noise can hide",
        "",
        drops(sured, a_watch(min_size=MIN_SIZE), FIRST, YEAR),
    )
    for unit in ("hourly", "daily"):
        fed = [m for s in seeds for m in sessions(f"braze_app_sessions_{unit}", s, FIRST, busy)]
        report(f"{unit} sessions", fed, (0.65, 0.6, 0.5, 0.25, 0), a_watch(min_sessions=200))


def report(name: str, series: Iterable[Made], lefts: Sequence[float], watch: Watch) -> None:
    """A row for each depth."""
    seen = drops((with_drops(m, FIRST, YEAR, lefts) for m in series), watch, FIRST, YEAR)
    for left in lefts:
        one = Counter({left: seen.injected[left]}), Counter({left: seen.found[left]})
        show(name, f"{left:.0%}", replace(seen, injected=one[0], found=one[1]))


def show(name: str, left: str, seen: Found) -> None:
    """One row."""
    soon, late = min(seen.delays) / HOUR, max(seen.delays) / HOUR
    counts = f"{seen.injected.total()} | {seen.found.total()}"
    print(f"| {name} | {left} | {counts} | {soon:.1f} h to {late:.1f} h |")


if __name__ == "__main__":
    main()
