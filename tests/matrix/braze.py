"""A simulated Braze whose values, faults and keys change in one step, as the matrix turns them."""

import math
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from exporter.simulator import Point, Response, Simulator, World

SEGMENTS = 104  # two pages of the list


class Turning(World):
    """A world in which each turn changes every value of yesterday and today.

    What was read a turn ago can so be told from what is read now. Between turns time stands still,
    so that what is true does not depend on the moment of a request.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed, datetime.now(UTC), segments=SEGMENTS)
        self.number = 0
        self.ahead = timedelta()  # of the clock of the machine that runs the tests
        self.moment = self.story_at
        self._since = self.story_at.replace(hour=0, minute=0, second=0) - timedelta(days=1)
        self._said: dict[object, tuple[Point, ...]] = {}

    def now(self) -> datetime:
        """The time on Braze's clock, which goes on between turns."""
        return datetime.now(UTC) + self.ahead

    def turn(self) -> None:
        """Go on to the next values."""
        self.number += 1
        self.moment = self.now()
        self._said = {}

    def delete(self, segment: str) -> None:
        """Take a segment away, as somebody does in Braze's dashboard."""
        self.segments = tuple(each for each in self.segments if each.id != segment)
        del self._segments_by_id[segment]

    def segment_size(self, segment_id: str, day: date) -> int:
        changed = day >= self._since.date()
        return super().segment_size(segment_id, day) + 7 * self.number * changed

    def sessions(self, app_id: str | None, segment_id: str | None, hour: datetime) -> int:
        changed = hour >= self._since
        return super().sessions(app_id, segment_id, hour) + 3 * self.number * changed

    def kpi(self, name: str, app_id: str | None, day: date, now: datetime) -> int:
        changed = day >= self._since.date()
        return super().kpi(name, app_id, day, now) + 5 * self.number * changed

    def events(self, event: str, app: Any, segment: Any, hour: datetime) -> int:
        changed = hour >= self._since
        return super().events(event, app, segment, hour) + 2 * self.number * changed

    def segment_points(self, segment_id: str, _: datetime, *what: Any) -> tuple[Point, ...]:
        asked = (segment_id, *what)
        if asked not in self._said:
            self._said[asked] = super().segment_points(segment_id, self.moment, *what)
        return self._said[asked]

    def session_points(
        self, unit: Any, app: str | None, segment: str | None, _: datetime, *what: Any
    ) -> tuple[Point, ...]:
        asked = (unit, app, segment, *what)
        if asked not in self._said:
            self._said[asked] = super().session_points(unit, app, segment, self.moment, *what)
        return self._said[asked]

    def kpi_points(self, name: str, app: str | None, _: datetime, *what: Any) -> tuple[Point, ...]:
        asked = (name, app, *what)
        if asked not in self._said:
            self._said[asked] = super().kpi_points(name, app, self.moment, *what)
        return self._said[asked]

    def event_points(
        self, event: str, unit: Any, app: str | None, segment: str | None, _: datetime, *what: Any
    ) -> tuple[Point, ...]:
        asked = (event, unit, app, segment, *what)
        if asked not in self._said:
            self._said[asked] = super().event_points(event, unit, app, segment, self.moment, *what)
        return self._said[asked]


class Braze(Simulator):
    """A workspace of Braze that knows one key; each request falls into one turn."""

    def __init__(self, seed: int, key: str) -> None:
        self.turning = Turning(seed)
        super().__init__(self.turning, self.turning.now, keys=(key,))
        self._gate = threading.Lock()
        self._asked: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}

    def turn(self, *faults: str, keys: tuple[str, ...] = ()) -> None:
        """At once: the next values, these faults and no others, and these keys if there are any."""
        with self._gate:
            self.faults.clear()
            for fault in faults:
                self.faults.add(fault)
            self._keys = keys or self._keys
            self.turning.turn()

    def asked_since(self, path: str) -> float:
        """When (monotonic) the least recent of what polls ask of `path` was asked last; infinitely
        long ago if nothing was.
        """
        with self._gate:
            return min(
                (last for (asked, _), last in self._asked.items() if asked == path),
                default=-math.inf,
            )

    def respond(
        self, method: str, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str]
    ) -> Response:
        asked = frozenset(query)
        with self._gate:
            if "ending_at" not in dict(asked):  # else it is history
                self._asked[path, asked] = time.monotonic()
            return super().respond(method, path, asked, headers)
