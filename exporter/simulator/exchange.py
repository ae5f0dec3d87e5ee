"""What passes between the simulator's parts while it answers one request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from exporter.simulator.allowance import Allowance
from exporter.simulator.chance import chance
from exporter.simulator.times import Unit
from exporter.simulator.wire import Json, Request, Response
from exporter.simulator.world import Point, World


@dataclass(frozen=True, slots=True)
class Series:
    """The answer of a data_series endpoint: `field` is the name of the value in each point."""

    field: str
    unit: Unit
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list endpoint: `field` is the name of the list."""

    field: str
    items: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request being answered, with all that the answer may depend on.

    `number` counts the simulator's requests from 1.
    """

    request: Request
    now: datetime
    number: int
    world: World
    allowance: Allowance
    faults: tuple["Fault", ...]

    def has(self, fault: str) -> bool:
        """Is a fault of this name in force for this request?"""
        return any(each.name == fault for each in self.faults)

    def chance(self, what: str) -> float:
        """A number from 0 up to 1 for this request, the same whenever it is asked again."""
        return chance(self.world.seed, self.number, what)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can go wrong.

    `on` tells which requests it can happen to. Each other field is its effect at one stage, in this
    order: on the true series, on how a point's time is written, on the list of points or items
    (with the name of the value's field), on the whole JSON object, and on the response. `answer`
    takes the place of all but the last. A fault without effect is asked for by name elsewhere.
    """

    name: str
    description: str
    on: Callable[[Request, World], bool]
    series: Callable[[Exchange, Series], Series] | None = None
    time: Callable[[datetime, tzinfo], Json] | None = None
    data: Callable[[list[Json], str], Json] | None = None
    payload: Callable[[dict[str, Json]], Json] | None = None
    response: Callable[[Exchange, Response], Response] | None = None
    answer: Callable[[Exchange], Response] | None = None
