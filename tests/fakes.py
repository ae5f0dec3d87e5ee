"""Small stand-ins for clocks and Braze's answers, and builders of model values, for tests."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from exporter.families import DISCOVERY, EVENTS, FAMILY, KPI, SEGMENTS, SESSIONS
from exporter.model import Answer, Point, Reading, Segment, Series, Unit
from exporter.negotiation import Format
from exporter.snapshot import Store
from exporter.watch import Watch

HOUR = 3600
DAY = 24 * HOUR


def at(text: str) -> int:
    """The epoch second that `text` names, in UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def utc(moment: float) -> str:
    """An epoch second as people read it: `2024-03-13T10:20`, with seconds where there are any."""
    return (
        datetime.fromtimestamp(moment, UTC).isoformat().removesuffix("+00:00").removesuffix(":00")
    )


NOW = at("2024-03-13T10:20")
TODAY = at("2024-03-13")


class FakeClock:
    """Time that passes only when it is told to, or while somebody waits.

    `pauses` records every wait. The two clocks stand far apart, so that mixing them up shows.
    """

    def __init__(self, now: float = NOW) -> None:
        self._now = float(now)
        self._monotonic = 1000.0
        self._interrupted = False
        self.pauses: list[float] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += seconds
        self._monotonic += seconds

    def set(self, now: float) -> None:
        """Go to the epoch second `now`."""
        self.advance(now - self._now)

    def interrupt(self) -> None:
        """End every wait from now on at once."""
        self._interrupted = True

    def pause(self, seconds: float) -> bool:
        """Wait; True when it was interrupted."""
        self.pauses.append(seconds)
        if not self._interrupted:
            self.advance(seconds)
        return self._interrupted


def points(
    start: int, *values: float, length: int = HOUR, offset: bool = False
) -> tuple[Point, ...]:
    """Buckets of `length` seconds without a gap from `start` on, one for each of `values`."""
    return tuple(
        Point(start + i * length, start + (i + 1) * length, float(value), offset)
        for i, value in enumerate(values)
    )


def days(*values: float, last: int = TODAY) -> tuple[Point, ...]:
    """Days of 24 h, one for each of `values`; the last one starts at `last`."""
    return points(last - (len(values) - 1) * DAY, *values, length=DAY)


def size(segment: str = "s1", workspace: str = "production") -> Series:
    """The size of a segment."""
    return Series(FAMILY["braze_segment_size"], (workspace, segment))


def hourly(app: str = "a1", workspace: str = "production") -> Series:
    """The hourly sessions of an app."""
    return Series(FAMILY["braze_app_sessions_hourly"], (workspace, app))


def daily(app: str = "a1", workspace: str = "production") -> Series:
    """The daily sessions of an app."""
    return Series(FAMILY["braze_app_sessions_daily"], (workspace, app))


def figure(name: str, app: str = "", workspace: str = "production") -> Series:
    """A figure of users, such as `daily_active_users`: of an app, or of the workspace."""
    subject, labels = ("app", (app,)) if app else ("workspace", ())
    return Series(FAMILY[f"braze_{subject}_{name}"], (workspace, *labels))


def event(name: str, app: str = "", word: str = "daily", workspace: str = "production") -> Series:
    """How often an event happened in an app, or in all of them."""
    return Series(FAMILY[f"braze_app_events_{word}"], (workspace, app, name))


def a_watch(**changes: Any) -> Watch:
    """The default settings of a workspace without apps, with `changes`."""
    watch = Watch(
        workspace="production",
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
        settle=900,
        keep=6 * HOUR,
        polls={DISCOVERY: HOUR, SEGMENTS: 1800, SESSIONS: 300, KPI: 1800, EVENTS: 300},
    )
    return replace(watch, **changes)


def a_reading(
    collector: str,
    answers: Mapping[Series, Iterable[Point]] | None = None,
    *,
    sent: float = NOW,
    failed: Iterable[Series | None] = (),
    **changes: Any,
) -> Reading:
    """A poll that began at `sent`, took two seconds and read `answers`."""
    found = {series: Answer(sent, tuple(read)) for series, read in (answers or {}).items()}
    failures = dict.fromkeys(failed, "timeout: no answer in 15 s")
    reading = Reading(
        workspace="production",
        collector=collector,
        started=sent,
        finished=sent + 2,
        answers=found,
        failures=failures,
        asked=len(found) + len(failures),
        answered=len(found),
    )
    return replace(reading, **changes)


def a_listing(
    *segments: str | Segment, sent: float = NOW, workspace: str = "production"
) -> Reading:
    """A discovery that read `segments`; one given by its id is called `Name of <id>`."""
    return a_reading(
        DISCOVERY,
        sent=sent,
        workspace=workspace,
        listing=tuple(
            Segment(one, f"Name of {one}") if isinstance(one, str) else one for one in segments
        ),
        asked=1,
        answered=1,
    )


def page(store: Store, form: Format = Format.TEXT) -> str:
    """What a scrape of `store` would read now."""
    return store.snapshot().pages[form].plain.decode()


def shown(text: str, *metrics: str) -> dict[str, float]:
    """The samples of `metrics` (none: of all) on a page, as they stand there."""
    samples = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {
        name: float(value)
        for name, _, value in samples
        if not metrics or name.partition("{")[0] in metrics
    }
