"""What one workspace's settings ask to be watched, and which series follow from it: pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, product
from zoneinfo import ZoneInfo

from exporter.families import COLLECTORS, DISCOVERY, EVENTS, KPI, SEGMENTS, SESSIONS, families_of
from exporter.model import Concern, Family, Segment, Series, Unit
from exporter.shard import EVERYTHING, Shard

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Alerts:
    """What counts as a drop or as a surge: by which share, and of how much.

    `segments` and `apps` hold the drops of single ones, by their id.
    """

    drop: float = 0.3
    surge: float = 1.0
    min_size: float = 1000
    min_sessions: float = 100
    min_users: float = 100
    min_events: float = 100
    segments: Mapping[str, float] = field(default_factory=dict)
    apps: Mapping[str, float] = field(default_factory=dict)

    def share_of(self, series: Series) -> float:
        """The share by which `series` must fall: its segment's, else its app's, else the usual; or
        by which it must rise.
        """
        if series.family.concern is Concern.SURGE:
            return self.surge
        of_app = self.apps.get(series.label("app_id") or "", self.drop)
        return self.segments.get(series.label("segment_id") or "", of_app)

    def least_of(self, series: Series) -> float:
        """What is normal at least for a series whose drop or surge means anything."""
        least: float = getattr(self, series.family.minimum)
        return least


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched in one workspace, as the settings say it. Times are in seconds.

    `apps` maps an app id to the app's name, `polls` each collector to its interval. `endpoint` and
    `zone` say whose data it is and how its days are cut: what was read under others is not of it.
    All shards have the same settings; the methods tell what of it is `shard`'s.
    """

    workspace: str
    ids: tuple[str, ...]
    discover: bool
    include: tuple[re.Pattern[str], ...]
    exclude: tuple[re.Pattern[str], ...]
    tags: tuple[str, ...]
    limit: int
    apps: Mapping[str, str]
    units: tuple[Unit, ...]
    workspace_total: bool
    by_segment: tuple[str, ...]
    zero_after: float
    settle: float
    keep: float
    polls: Mapping[str, float]
    kpis: tuple[str, ...] = ()
    kpi_total: bool = True
    events: tuple[str, ...] = ()
    event_units: tuple[Unit, ...] = (Unit.DAY, Unit.HOUR)
    zone: ZoneInfo = UTC
    endpoint: str = ""
    alerts: Alerts = Alerts()
    shard: Shard = EVERYTHING

    @property
    def intervals(self) -> dict[str, float]:
        """The collectors that have something to do, each with its interval.

        Discovery also reads the names of segments that are named by their id.
        """
        return {name: self.polls[name] for name in COLLECTORS if self._has_work(name)}

    def _has_work(self, collector: str) -> bool:
        if self.discover and collector in (DISCOVERY, SEGMENTS):
            return True
        if collector == DISCOVERY:
            return bool(self.own((*self.ids, *self.by_segment)))
        return next(self._wanted(collector, self.own(self.ids)), None) is not None

    def keep_of(self, collector: str) -> float:
        """How long a value of `collector` stands after it was last read.

        Longer than `keep` where that is less than half an interval past the next poll: `keep` is
        for what could not be read, and until then there was no try.
        """
        return max(self.keep, 1.5 * self.polls[collector])

    def zero_after_of(self, family: Family) -> float:
        """How long after midnight a level's first 0 of a day is not believed."""
        return max(self.zero_after, family.zero_after)

    def own(self, segments: Iterable[str]) -> tuple[str, ...]:
        """Those of `segments` that are of the shard."""
        return tuple(each for each in segments if self.shard.has(self.workspace, "segment", each))

    def own_apps(self) -> dict[str, str]:
        """The apps of the shard: the name by the id."""
        return {
            app: name
            for app, name in self.apps.items()
            if self.shard.has(self.workspace, "app", app)
        }

    def wanted(self, collector: str, segments: Sequence[str] = ()) -> tuple[Series, ...]:
        """The series that `collector` reads, where `segments` are those whose size is polled.

        What the settings name, in every family of the catalogue that they ask for.
        """
        return tuple(self._wanted(collector, segments))

    def wanted_of_all(self, segments: Sequence[str] = ()) -> tuple[Series, ...]:
        """The series that all collectors read."""
        return tuple(one for name in COLLECTORS for one in self._wanted(name, segments))

    def families(self, collector: str) -> tuple[Family, ...]:
        """The families of `collector` of which the settings ask for series, if they name any."""
        options = self._options(collector)
        return tuple(
            families[option]
            for families in families_of(collector).values()
            for option in options
            if option in families
        )

    def _wanted(self, collector: str, segments: Sequence[str]) -> Iterator[Series]:
        for labels, families in groupby(self.families(collector), lambda family: family.labels):
            chosen = tuple(families)
            for values in self._named(collector, labels, segments):
                for family in chosen:
                    yield Series(family, (self.workspace, *values))

    def _options(self, collector: str) -> tuple[str, ...]:
        """What the settings choose of the families of `collector`."""
        if collector == KPI:
            return self.kpis
        units = {SESSIONS: self.units, EVENTS: self.event_units}.get(collector)
        return ("",) if units is None else tuple(unit.value for unit in units)

    def _named(
        self, collector: str, labels: tuple[str, ...], segments: Sequence[str]
    ) -> Iterable[tuple[str, ...]]:
        """What is the shard's of that which `labels` tell apart: the values after the workspace.

        What belongs to a segment stays together, whatever the shards of the apps.
        """
        match labels[1:]:
            case ("segment_id",):
                return ((segment,) for segment in segments)
            case ("segment_id", "app_id"):
                return product(self.own(self.by_segment), (*self.apps,) or ("",))
            case ("app_id",):
                return ((app,) for app in self.own_apps())
            case ("app_id", "event") if self.apps:
                return product(self.own_apps(), self.events)
            case ("app_id", "event"):
                has = self.shard.has
                return (("", one) for one in self.events if has(self.workspace, "event", one))
        total = self.kpi_total or not self.apps if collector == KPI else self.workspace_total
        return [()] if total and self.shard.has(self.workspace, "total") else []


@dataclass(frozen=True, slots=True)
class Selection:
    """The segments whose size is polled, by id, and how many others the list holds.

    `elsewhere` counts those that other shards poll. `filtered` and `over_limit` are None until the
    list was read.
    """

    selected: tuple[str, ...]
    filtered: int | None = None
    over_limit: int | None = None
    elsewhere: int = 0


def select(listing: Sequence[Segment] | None, watch: Watch) -> Selection:
    """Which segments of `listing` (None: not read yet) are polled.

    Explicit ids always are; the others when the settings discover, their name passes, one of their
    tags does, and the limit is not reached. `listing` is oldest first, so that a new segment never
    pushes an old one out. All shards select the same, then each takes its own.
    """
    if listing is None:
        return of_shard(watch.ids, watch)
    explicit = frozenset(watch.ids)
    others = [segment for segment in listing if segment.id not in explicit]
    passed = [segment.id for segment in others if watch.discover and _passes(segment, watch)]
    room = max(watch.limit - len(watch.ids), 0)
    return of_shard(
        (*watch.ids, *passed[:room]),
        watch,
        filtered=len(others) - len(passed),
        over_limit=len(passed[room:]),
    )


def of_shard(
    selected: Sequence[str],
    watch: Watch,
    filtered: int | None = None,
    over_limit: int | None = None,
) -> Selection:
    """The part of what is `selected` that the shard of `watch` polls."""
    own = watch.own(selected)
    return Selection(own, filtered, over_limit, elsewhere=len(selected) - len(own))


def _passes(segment: Segment, watch: Watch) -> bool:
    return (
        (not watch.include or any(regex.search(segment.name) for regex in watch.include))
        and not any(regex.search(segment.name) for regex in watch.exclude)
        and (not watch.tags or not frozenset(watch.tags).isdisjoint(segment.tags))
    )
