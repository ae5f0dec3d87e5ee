"""What has to be shown, by the simulator's world and the contract, and what is wrong on a page."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from exporter.model import Unit
from tests.fates import Fate
from tests.matrix.braze import Turning
from tests.matrix.collectors import (
    APPS,
    FAMILIES,
    PAST,
    POINTS,
    WATCHED,
    Family,
    Labels,
    by_segment,
)
from tests.matrix.faults import Ailment, List
from tests.matrix.pages import Group, Sample, State, group_of
from tests.plainly import Reference

_PAGE = 100  # hours of history that one request reads


@dataclass
class Counts:
    """What was found wrong with the samples of one workspace, and examples of it."""

    lost: int = 0
    wrong: int = 0
    examples: list[str] = field(default_factory=list)

    def note(self, kind: str, group: Group) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.examples) < 3:
            self.examples.append(f"{kind}: {group.part} of {group.of} {dict(group.labels)}")


def judge(shown: State, allowed: Sequence[State], counts: Counts, unsure: bool = False) -> None:
    """Count what is on a page and true in none of the `allowed` states, and what has to be there
    in all of them and is not.

    `unsure` says that the history may not have been read yet: what is normal may be absent.
    """
    for group in shown.keys() | {group for state in allowed for group in state}:
        samples = shown.get(group, frozenset())
        if any(samples == state.get(group, frozenset()) for state in allowed):
            continue
        if samples:
            counts.note("wrong", group)
        elif not (unsure and group.part == "normal"):
            counts.note("lost", group)


class Truth:
    """What is to be shown of one workspace: each series is read as the contract says, plainly."""

    def __init__(self, workspace: str, world: Turning) -> None:
        self._workspace = workspace
        self._world = world
        self._series = [
            (
                family,
                {"workspace": workspace, **labels},
                Reference(
                    family.kind,
                    family.unit,
                    ZoneInfo("UTC"),
                    offset=True,
                    zero_after=family.zero_after,
                    concern=family.concern,
                ),
            )
            for family in FAMILIES
            for labels in family.scopes(world)
        ]
        self.shown: dict[Group, frozenset[Sample]] = {}
        self._listed: list[str] | None = None  # the selected ones
        self._names: dict[str, tuple[str, str]] = {}
        self.exporter_ahead = timedelta()
        """By what the exporter's clock differs from Braze's: it judges by its own what is over."""
        self._met: dict[object, bool] = {}
        self._write_names()
        self.unread: State = dict(self.shown)
        """What is shown before anything was read."""

    @property
    def unlisted(self) -> bool:
        """Whether the list of segments was never read."""
        return self._listed is None

    def wanted(self, collector: str) -> list[tuple[Family, Labels]]:
        """The series that a collector reads."""
        return [
            (family, labels)
            for family, labels, _ in self._series
            if family.collector == collector and self._wanted(family, labels)
        ]

    def count(self, ailment: Ailment) -> int:
        """How many of them meet it."""
        return sum(
            self._meets(ailment, family, labels)
            for family, labels in self.wanted(ailment.collector.name)
        )

    def turn(self, ailment: Ailment | None = None) -> None:
        """Read the world as it is now, through the ailment if there is one."""
        self._read_list(ailment)
        for family, labels, reference in self._series:
            ill = ailment is not None and self._meets(ailment, family, labels)
            groups = (_value(family, labels), _normal(family, labels))
            if not self._wanted(family, labels) or (ill and ailment and ailment.fate is Fate.GONE):
                for group in groups:
                    self.shown.pop(group, None)
            elif not ill:
                self._read(family, labels, reference, None)
            elif ailment is not None and not ailment.holds:
                self._read(family, labels, reference, ailment)

    def without(self, ailment: Ailment) -> dict[Group, frozenset[Sample]]:
        """The same once what the ailment keeps from being read is too old."""
        gone = {
            group
            for family, labels, _ in self._series
            if self._meets(ailment, family, labels)
            for group in (_value(family, labels), _normal(family, labels))
        }
        return {group: samples for group, samples in self.shown.items() if group not in gone}

    def only_names(self) -> dict[Group, frozenset[Sample]]:
        """The same once nothing could be read for too long."""
        return {group: samples for group, samples in self.shown.items() if group.part == "name"}

    def with_less_history(self) -> list[State]:
        """The same where nothing was known before, and the history could be read in part only."""
        states = [dict(self.shown) for _ in range(PAST[Unit.HOUR] // _PAGE)]
        for family, labels, reference in self._series:
            if family.unit is not Unit.HOUR or not reference.answer:
                continue  # of what could not be read at all nothing is known, nor of its history
            rows = family.rows(self._world, _plain(labels), PAST[Unit.HOUR])
            older = rows[: -POINTS[Unit.HOUR]]
            for pages, state in enumerate(states):
                fresh = copy(reference)
                fresh.known = dict(reference.answer)
                fresh.precede(older[len(older) - pages * _PAGE :])
                _, normal = _samples(family, labels, fresh)
                state.pop(_normal(family, labels), None)
                if normal:
                    state[_normal(family, labels)] = normal
        return [*states]

    def _meets(self, ailment: Ailment, family: Family, labels: Labels) -> bool:
        asked = (ailment.fault, ailment.collector, family.metric, *labels.values())
        if asked not in self._met:  # it takes a while, and pages are many
            self._met[asked] = ailment.meets(family, _plain(labels), self._world)
        return self._met[asked]

    def _wanted(self, family: Family, labels: Labels) -> bool:
        return family.collector != "segments" or labels["segment_id"] in (self._listed or ())

    def _read(
        self,
        family: Family,
        labels: Labels,
        reference: Reference,
        ailment: Ailment | None,
    ) -> None:
        rows = family.rows(self._world, _plain(labels), POINTS[family.unit])
        reference.offset = ailment is None or ailment.fault != "hour-naive"
        rows = ailment.change(rows) if ailment else rows
        reference.read(rows, self._world.moment + self.exporter_ahead)
        older = family.rows(self._world, _plain(labels), PAST[family.unit])
        reference.precede(older[: -POINTS[family.unit]])
        value, normal = _samples(family, labels, reference)
        for group, samples in (
            (_value(family, labels), value),
            (_normal(family, labels), normal),
        ):
            self.shown.pop(group, None)
            if samples:
                self.shown[group] = samples

    def _read_list(self, ailment: Ailment | None) -> None:
        fate = ailment.fate if ailment and ailment.collector.name == "discovery" else Fate.READ
        segments = self._world.segments
        if fate is List.EMPTY:
            self._listed, segments = [], ()
        elif fate is List.WITHOUT_FIRST:
            rest = segments if self._listed else segments[1:]
            self._listed = [segment.id for segment in rest[:WATCHED]]
        elif fate is not Fate.HELD:
            self._listed = [segment.id for segment in segments[:WATCHED]]
        if fate is not Fate.HELD:
            for segment in segments:
                name = segment.id if fate is List.WITHOUT_NAMES else segment.name
                tracked = str(segment.tracked).lower() if fate is not List.WITHOUT_TRACKING else ""
                self._names[segment.id] = (name, tracked)
        self._write_names()

    def _write_names(self) -> None:
        named = dict.fromkeys([*(self._listed or ()), by_segment(self._world)])
        self._names = {each: self._names[each] for each in named if each in self._names}
        for group in [group for group in self.shown if group.part == "name"]:
            del self.shown[group]
        for each in named:
            name, tracked = self._names.get(each, (each, ""))
            self._name("braze_segment_info", segment_id=each, segment_name=name, tracked=tracked)
        for name, app in APPS.items():
            self._name("braze_app_info", app_id=app, app_name=name)

    def _name(self, metric: str, **labels: str) -> None:
        sample = (metric, frozenset({"workspace": self._workspace, **labels}.items()), 1.0)
        self.shown[group_of(sample)] = frozenset({sample})


def _plain(labels: Labels) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != "workspace"}


def _samples(
    family: Family, labels: Labels, reference: Reference
) -> tuple[frozenset[Sample], frozenset[Sample]]:
    mark = frozenset(labels.items())
    value: set[Sample] = set()
    for suffix, bucket in (("", reference.shown()), ("_current", reference.current())):
        if bucket is not None:
            name, start = f"{family.metric}{suffix}", reference.start(bucket).timestamp()
            value |= {
                (name, mark, reference.answer[bucket]),
                (f"{name}_timestamp_seconds", mark, start),
            }
    normal: set[Sample] = {
        (f"{family.metric}_baseline", mark | {("baseline", name)}, known)
        for name, known in reference.normal().items()
    }
    threshold = reference.threshold()
    if threshold is not None:
        normal.add((f"{family.metric}_alert_threshold", mark, threshold))
    return frozenset(value), frozenset(normal)


def _value(family: Family, labels: Labels) -> Group:
    return Group("value", family.metric, frozenset(labels.items()))


def _normal(family: Family, labels: Labels) -> Group:
    return Group("normal", family.metric, frozenset(labels.items()))
