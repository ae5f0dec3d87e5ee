"""Who is in the made-up workspace: its segments and its apps."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from types import MappingProxyType

from exporter.simulator.chance import chance, random_uuid
from exporter.simulator.times import day_start


@dataclass(frozen=True, slots=True)
class App:
    """An app of the workspace; `daily_sessions` is what a plain day of early 2024 brought."""

    id: str
    name: str
    daily_sessions: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment; `share` is its part of all users in early 2024, `growth` its yearly factor."""

    id: str
    name: str
    tracked: bool
    tags: tuple[str, ...]
    created_at: datetime
    share: float
    growth: float


APPS: tuple[App, ...] = (
    App("5d1f3c0e-9a47-4b62-8c1d-2e7f60b4a911", "ios", 230_000),
    App("a83e6b52-0c9d-4f17-b5e4-91d2c7f3086a", "android", 200_000),
    App("c2794d1a-6e35-4a80-9f0b-d81b5e2c4f73", "web", 70_000),
)
APP_IDS: Mapping[str, str] = MappingProxyType({app.name: app.id for app in APPS})

COLLAPSED_SEGMENT = "Push Enabled - iOS"
FALLEN_APP = "web"

# In order of creation: name, share of all users, tracked, tags, age in days, yearly growth.
# Shares are 0, tiny, or at least 2%: between, the sampling error alone would look like a drop.
_CAST: tuple[tuple[str, float, bool, tuple[str, ...], int, float], ...] = (
    ("All Users", 0.97, True, (), 1460, 1.0),
    ("Email Subscribers", 0.58, True, ("email",), 1322, 1.04),
    (COLLAPSED_SEGMENT, 0.31, True, ("push", "lifecycle"), 1190, 1.06),
    ("Lapsed Users - 7 days", 0.22, False, (), 1013, 1.0),
    ("Lapsed Users - 7 days", 0.21, False, (), 1009, 0.97),
    ("Lapsed Users - 7 days 2", 0.12, False, ("test",), 870, 0.95),
    ("VIP Customers", 0.045, True, ("lifecycle", "revenue"), 644, 1.25),
    ('Abandoned Cart "24h" \\ Checkout', 0.06, True, ("lifecycle",), 512, 1.1),
    ("Newsletter: Österreich & Zürich", 0.08, False, ("email",), 377, 1.15),
    ("Gift Card Holders", 0.0001, False, ("revenue",), 205, 1.0),
    ("Onboarding - Day 3", 0.035, True, ("onboarding", "lifecycle"), 40, 1.3),
    ("Beta Testers", 0.0, False, ("test",), 12, 1.0),
)
SEGMENT_COUNT = len(_CAST)
_TRACKED_AT_MOST = 25  # Braze tracks no more in an app (DOCS)


def segments_of(seed: int, today: date, zone: tzinfo, count: int) -> tuple[Segment, ...]:
    """`count` segments, oldest first: those of the cast, then as many made-up ones as it takes."""
    named = (
        Segment(
            random_uuid(seed, "segment", number),
            name,
            tracked,
            tags,
            day_start(today - timedelta(days=age), zone),
            share,
            growth,
        )
        for number, (name, share, tracked, tags, age, growth) in enumerate(_CAST[:count])
    )
    more = (_one_more(seed, number, today, zone) for number in range(SEGMENT_COUNT, count))
    return tuple(sorted((*named, *more), key=lambda segment: segment.created_at))


def _one_more(seed: int, number: int, today: date, zone: tzinfo) -> Segment:
    age = 5 + int(1500 * chance(seed, "age", number))
    return Segment(
        random_uuid(seed, "segment", number),
        f"Audience {number:05}",
        tracked=number < _TRACKED_AT_MOST,
        tags=(f"team-{number % 9}",),
        created_at=day_start(today - timedelta(days=age), zone),
        share=0.02 * math.exp(3.0 * chance(seed, "share", number)),
        growth=0.9 + 0.4 * chance(seed, "growth", number),
    )
