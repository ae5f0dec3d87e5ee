"""Some weeks of a made-up workspace, poll by poll: no false alarm, and no drop that is missed.

The whole year is `python -m bench.year`, its figures are docs/drop-detection.md.
"""

from datetime import date

import pytest

from bench.made import AFTER, DAY, HOUR, ZERO_AFTER, Made, sessions, sizes, sure, with_drops
from bench.year import DROP, MIN_SIZE, a_watch, drops, quiet

SEEDS = (0, 1)  # of Berlin and of New York
SPRING, AUTUMN = date(2025, 3, 5), date(2025, 10, 15)  # the clocks change some days later
SHARES = (0.06, 0.1, 0.5, 0.9)  # of all users; 1 % of them is much for smaller ones
HOURLY, DAILY = "braze_app_sessions_hourly", "braze_app_sessions_daily"
WATCH = a_watch(min_size=MIN_SIZE, min_sessions=200)


def fed(kind: str, first: date) -> list[Made]:
    if kind == "size":
        return [made for seed in SEEDS for made in sizes(seed, first, SHARES)]
    counts = (30_000,) if kind == HOURLY else (8_000, 230_000)
    return [made for seed in SEEDS for made in sessions(kind, seed, first, counts)]


def lefts(made: Made) -> list[float]:
    """What drops leave: surely less than the share, whatever the error of an estimate."""
    deepest = sure(made, DROP) if made.level else 0.55
    return [deepest, deepest / 2, 0.0]


@pytest.mark.parametrize("first", [SPRING, AUTUMN])
@pytest.mark.parametrize(
    ("kind", "days", "least"), [("size", 120, 800), (HOURLY, 28, 1300), (DAILY, 120, 480)]
)
def test_normal_data_is_never_below_its_threshold(
    kind: str, days: int, least: int, first: date
) -> None:
    """Estimates off by 1 % of all users, weekends, nights, late sessions, a new segment and the
    change of the clocks are no drop.
    """
    seen = quiet(fed(kind, first), WATCH, first, days)
    assert seen.false.total() == 0
    assert seen.judged.total() >= least
    assert (seen.restated > 0) == (kind != "size")


@pytest.mark.parametrize("first", [SPRING, AUTUMN])
@pytest.mark.parametrize(
    ("kind", "days", "least", "soonest"),
    [
        ("size", 120, 45, {AFTER, AFTER + ZERO_AFTER}),  # a 0 is not believed at once
        (HOURLY, 28, 10, {HOUR + AFTER}),
        (DAILY, 120, 30, {DAY + AFTER - HOUR, DAY + AFTER, DAY + AFTER + HOUR}),
    ],
)
def test_every_drop_is_found_by_the_first_poll_that_could_show_it(
    kind: str, days: int, least: int, soonest: set[int], first: date
) -> None:
    """A day's size at once, sessions when their hour or day is complete."""
    series = [with_drops(made, first, days, lefts(made)) for made in fed(kind, first)]
    seen = drops(series, WATCH, first, days)
    assert seen.found == seen.injected
    assert seen.injected.total() >= least
    assert set(seen.delays) <= soonest
    assert seen.not_shown == 0
