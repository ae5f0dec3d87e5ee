"""Numbers, changes, days and ages as people read them."""

from zoneinfo import ZoneInfo

import pytest

from exporter import display
from exporter.model import Concern, Unit
from tests.fakes import at

BERLIN, UTC = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
THIN, MINUS = "\N{NARROW NO-BREAK SPACE}", "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1234567.0, "1,234,567"), (0.25, "0.25"), (1e15, f"{10**15:,}")]
)
def test_numbers(value: float, text: str) -> None:
    assert display.number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (-0.8769, f"{MINUS}87.7{THIN}%"),
        (0.004, f"+0.4{THIN}%"),
        (0.0, f"±0.0{THIN}%"),
        (-0.0004, f"±0.0{THIN}%"),
        (-1.0, f"{MINUS}100.0{THIN}%"),
        (9.99, f"+999.0{THIN}%"),
        (10.0, f"\N{MULTIPLICATION SIGN}{THIN}11"),
        (11.0, f"\N{MULTIPLICATION SIGN}{THIN}12"),
    ],
)
def test_a_change_has_a_sign(share: float, text: str) -> None:
    """Also for those who do not see colours."""
    assert display.change(share) == text


@pytest.mark.parametrize(
    ("share", "tone"),
    [
        (-0.3, "bad"),
        (-0.29, "worse"),
        (-0.1, "worse"),
        (-0.09, ""),
        (0, ""),
        (0.19, ""),
        (0.2, "better"),
    ],
)
def test_a_change_is_coloured_where_it_is_worth_a_look(share: float, tone: str) -> None:
    assert display.tone(share, Concern.DROP) == tone


@pytest.mark.parametrize(
    ("share", "tone"),
    [(1.0, "bad"), (0.99, "worse"), (0.32, ""), (0, ""), (-0.19, ""), (-0.2, "better")],
)
def test_of_what_may_surge_a_rise_is_bad_and_a_fall_good(share: float, tone: str) -> None:
    assert display.tone(share, Concern.SURGE) == tone


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (100, "1 min 40 s"),
        (200, "3 min"),
        (7800, "2 h 10 min"),
        (7200, "2 h"),
        (40_000, "11 h"),
        (100_000, "1 d 3 h"),
        (900_000, "10 d"),
    ],
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert display.span(seconds) == text


@pytest.mark.parametrize(
    ("start", "unit", "zone", "text"),
    [
        ("2026-11-22T00:00", Unit.DAY, UTC, "today"),
        ("2026-11-21T00:00", Unit.DAY, UTC, "yesterday"),
        ("2026-11-15T00:00", Unit.DAY, UTC, "Sun 15 Nov"),
        ("2026-11-21T23:00", Unit.DAY, BERLIN, "today"),
        ("2026-11-22T13:00", Unit.HOUR, UTC, "today 13:00"),
        ("2026-11-22T13:00", Unit.HOUR, BERLIN, "today 14:00"),
        ("2026-11-21T22:00", Unit.HOUR, BERLIN, "yesterday 23:00"),
    ],
)
def test_buckets_are_of_the_local_calendar(
    start: str, unit: Unit, zone: ZoneInfo, text: str
) -> None:
    now = at("2026-11-22T14:40")
    assert display.bucket(at(start), unit, zone, now) == text


def test_a_moment_names_its_zone() -> None:
    assert display.moment(at("2026-11-02T04:05:06") + 0.7) == "Mon 2 Nov 2026, 04:05:06 UTC"
