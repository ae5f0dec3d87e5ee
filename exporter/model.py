"""What we talk about: segments, series, points, and what a poll learned of them."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Literal, NamedTuple, overload


class Unit(Enum):
    """How long a bucket is. The value is the `unit` parameter of Braze's API."""

    DAY = "day"
    HOUR = "hour"


class Kind(Enum):
    """A *level* has a value at a time (segment size), a *count* adds up over its bucket."""

    LEVEL = "level"
    COUNT = "count"


class Concern(Enum):
    """Which way a value goes when it alarms."""

    DROP = "drop"
    SURGE = "surge"


Minimum = Literal["min_size", "min_sessions", "min_users", "min_events"]
"""The setting under `alerts` that says how much must be normal for an alarm to mean anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One kind of series: its metric, where Braze keeps it, and what to make of its values.

    A family is a row of a table and equal to itself alone: every look-up of a series hashes one.

    `labels` are the label names of every sample; a label other than `workspace` is also the name of
    the parameter that asks Braze for it, left out where the label is empty. `has_unit` says that
    the endpoint takes the parameter `unit`; others know days only. `option` is the item of the
    collector's list in the settings that asks for it, empty where there is no such list.

    `noun` is what people call its values, `meaning` the same as a sentence for HELP. `stale` is how
    long (seconds) after its bucket's start a value is the newest one at most, while all is well.
    `zero_after` is how long (seconds) after midnight a level's first 0 of a day is not believed,
    where the settings say less.
    """

    name: str
    labels: tuple[str, ...]
    kind: Kind
    unit: Unit
    collector: str
    option: str
    endpoint: str
    has_unit: bool
    field: str
    noun: str
    meaning: str
    minimum: Minimum
    stale: int
    concern: Concern = Concern.DROP
    zero_after: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """The identity of one series: its family, and one value for each of the family's labels."""

    family: Family
    labels: tuple[str, ...]

    def label(self, name: str) -> str | None:
        """The value of the label `name`, or None where the family has no such label."""
        names = self.family.labels
        return self.labels[names.index(name)] if name in names else None

    @property
    def query(self) -> dict[str, str]:
        """The parameters that ask Braze for this series."""
        pairs = zip(self.family.labels, self.labels, strict=True)
        return {name: value for name, value in pairs if name != "workspace" and value}

    def __str__(self) -> str:
        pairs = zip(self.family.labels, self.labels, strict=True)
        return self.family.name + "{" + ",".join(f'{n}="{v}"' for n, v in pairs) + "}"


class Point(NamedTuple):
    """The value of one bucket, which lasts from `start` to `end` (epoch seconds, `end` excluded).

    `offset` says that Braze wrote the bucket's time with an offset from UTC, so that it does not
    rest on the time zone in the settings.
    """

    start: int
    end: int
    value: float
    offset: bool


_NEW_POINT: Callable[[Iterable[float]], Point] = partial(tuple.__new__, Point)


class Points(Sequence[Point]):
    """Points that take a third of the room: a poll of thousands of series holds the answers of all
    at once. Each is made anew when it is looked at.
    """

    __slots__ = ("_columns",)

    def __init__(self, points: Sequence[Point]) -> None:
        starts, ends, values, offsets = zip(*points, strict=True) if points else ((), (), (), ())
        self._columns = array("q", starts), array("q", ends), array("d", values), bytes(offsets)

    def __len__(self) -> int:
        return len(self._columns[0])

    @overload
    def __getitem__(self, index: int) -> Point: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Point, ...]: ...

    def __getitem__(self, index: int | slice) -> Point | tuple[Point, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(len(self))[index])
        starts, ends, values, offsets = self._columns
        return Point(starts[index], ends[index], values[index], bool(offsets[index]))

    def __iter__(self) -> Iterator[Point]:
        starts, ends, values, offsets = self._columns
        # What `Point` itself does, without a call in Python for each.
        return map(_NEW_POINT, zip(starts, ends, values, map(bool, offsets), strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


@dataclass(frozen=True, slots=True)
class Answer:
    """What Braze said of one series: its points by ascending time, one a bucket.

    `sent` is when the request left, in epoch seconds: what is complete is judged by it. `ahead` is
    how many seconds the newest bucket starts after that, 0 if it does not: the sign of a wrong time
    zone.
    """

    sent: float
    points: Sequence[Point]
    ahead: float = 0.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as `/segments/list` shows it. `tracked` is None where Braze does not say."""

    id: str
    name: str
    tracked: bool | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Braze's own count of a workspace's requests, from the `X-RateLimit-*` headers of an answer.

    `reset` is the epoch second at which the window ends. A header that is missing or unreadable is
    None.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None

    def or_else(self, before: "RateLimit") -> "RateLimit":
        """The same; what is not known of it as `before` had it."""
        return RateLimit(
            before.limit if self.limit is None else self.limit,
            before.remaining if self.remaining is None else self.remaining,
            before.reset if self.reset is None else self.reset,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """What one poll of one collector of one workspace learned. Moments are epoch seconds.

    `listing` is what discovery read, None where it failed or the collector reads series. `failures`
    holds the reason why a series, or discovery itself (under None), could not be read. `asked`
    counts what was asked of Braze; `answered` how much of it got an answer other than 401 or 5xx.
    """

    workspace: str
    collector: str
    started: float
    finished: float
    answers: Mapping[Series, Answer] = field(default_factory=dict)
    listing: tuple[Segment, ...] | None = None
    failures: Mapping[Series | None, str] = field(default_factory=dict)
    asked: int = 0
    answered: int = 0

    @property
    def complete(self) -> bool:
        """Whether everything that was wanted was read."""
        return not self.failures

    @property
    def unanswered(self) -> bool:
        """Whether Braze was asked and not one request got an answer other than 401 or 5xx."""
        return self.asked > 0 and self.answered == 0
