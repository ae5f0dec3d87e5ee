"""One series as the status page shows it: its number, its state, its change, its trend: pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from zoneinfo import ZoneInfo

from exporter.baselines import compared
from exporter.holding import Held, visible
from exporter.model import Concern, Kind, Series, Unit
from exporter.past import History
from exporter.standing import Standing
from exporter.trend import Trend, trend

_BUCKET = {Unit.DAY: 86400, Unit.HOUR: 3600}
_SHOWN = {Unit.DAY: 35, Unit.HOUR: 168}  # buckets of a trend


class State(Enum):
    """How one number stands, the worst first. The value is its name in queries and in JSON."""

    DROPPED = "dropped"  # below its threshold
    SURGED = "surged"  # above it, where that is what alarms
    FAILING = "failing"  # the last poll could not read it
    STALE = "stale"  # read, but Braze has nothing newer
    WAITING = "waiting"  # not polled yet
    NO_DATA = "no_data"  # Braze has no complete bucket of it
    OK = "ok"


ALARMS = frozenset({State.DROPPED, State.SURGED})
SEVERITY = {state: place for place, state in enumerate(State)}


@dataclass(frozen=True, slots=True)
class Row:
    """One series: what is held of it, and what its segment and app are called."""

    series: Series
    segment: str
    app: str
    event: str
    zone: ZoneInfo
    held: Held | None
    failure: str | None
    state: State

    @property
    def workspace(self) -> str:
        """The workspace it belongs to."""
        return self.series.labels[0]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its segment and its app, where it has them."""
        named = (self.series.label("segment_id"), self.series.label("app_id"))
        return tuple(filter(None, named))

    @property
    def title(self) -> str:
        """What people call it."""
        return title(self.segment, self.app, self.event)

    @property
    def value(self) -> float | None:
        """The newest value that may be shown, as on /metrics."""
        return self.held.observed.value.value if self.held and self.held.observed.value else None

    @property
    def start(self) -> int | None:
        """The start of the day or hour that the value stands for (epoch seconds)."""
        return self.held.observed.value.start if self.held and self.held.observed.value else None

    @property
    def threshold(self) -> float | None:
        """The value below which it has dropped, or above which it has surged."""
        return self.held.threshold if self.held else None

    @property
    def normal(self) -> dict[str, float]:
        """What is normal, by the baseline's name in the metrics."""
        return dict(self.held.normal.named) if self.held else {}

    @property
    def history(self) -> History:
        """Whether the past was read that it is compared with."""
        return self.held.past.history if self.held else History.UNREAD

    def change(self, baseline: str) -> float | None:
        """By which share it is above (or, negative, below) that baseline."""
        return _change(self.value, self.normal.get(baseline))

    @property
    def change_to_normal(self) -> float | None:
        """The change against what its threshold comes from: one of week and median."""
        concern = self.series.family.concern
        return _change(self.value, compared(self.held.normal, concern) if self.held else None)

    @property
    def worsening(self) -> float | None:
        """The same with the sign of a drop: the smaller, the worse."""
        change = self.change_to_normal
        surges = self.series.family.concern is Concern.SURGE
        return -change if surges and change is not None else change

    def trend(self) -> Trend | None:
        """Five weeks of days or seven days of hours, up to the newest value shown."""
        if self.held is None or self.start is None:
            return None
        unit = self.series.family.unit
        step, count = _BUCKET[unit], _SHOWN[unit]
        values: list[float | None] = [None] * count
        # Half a bucket to spare: a local day may have 23 or 25 hours.
        oldest = self.start - (count - 1) * step - step // 2
        for start, value in self.held.past.between(oldest, self.start):
            values[max(count - 1 - round((self.start - start) / step), 0)] = value
        values[-1] = self.value
        while values and values[0] is None:
            values.pop(0)
        rhythm = self.series.family.kind is Kind.COUNT
        return trend(values, self.threshold, rhythm=rhythm)


def rows_of(standing: Standing, name: str, now: float) -> Iterator[Row]:
    """The rows of what the collector `name` reads, in the order of the settings."""
    watch, collector = standing.watch, standing.collectors.get(name)
    if collector is None:
        return
    seen = dict(visible(collector.held, watch.keep_of(name), now))
    failures = collector.last.failures if collector.last else {}
    for series in watch.wanted(name, standing.selection.selected):
        held = seen.get(series)
        failure = failures.get(series) or failures.get(None)
        state = _state(series, held, failure, collector.last is not None, now)
        yield Row(series, *names_of(standing, series), watch.zone, held, failure, state)


def title(segment: str, app: str, event: str) -> str:
    """What people call a series of these, any of which may be empty."""
    return " · ".join(filter(None, (event, segment, app))) or "Whole workspace"


def names_of(standing: Standing, series: Series) -> tuple[str, str, str]:
    """What segment, app and event of `series` are called; the id where that is not known."""
    segment, app = series.label("segment_id") or "", series.label("app_id") or ""
    known = standing.names.get(segment)
    name = known.name if known else segment
    return name, standing.watch.apps.get(app, app), series.label("event") or ""


def _state(
    series: Series, held: Held | None, failure: str | None, polled: bool, now: float
) -> State:
    value = held.observed.value if held else None
    if held is None or value is None:
        if failure is not None:
            return State.FAILING
        return State.NO_DATA if polled else State.WAITING
    # As in the rules, what is old is no drop.
    if now - value.start > series.family.stale:
        return State.STALE if failure is None else State.FAILING
    if held.threshold is not None:
        if series.family.concern is Concern.SURGE:
            if value.value > held.threshold:
                return State.SURGED
        elif value.value < held.threshold:
            return State.DROPPED
    return State.OK if failure is None else State.FAILING


def _change(value: float | None, normal: float | None) -> float | None:
    if value is None or not normal:
        return None
    share = value / normal - 1
    return share if isfinite(share) else None  # of almost nothing, everything is too much
