"""All that can go wrong, by name, and which of it is in force.

A fault is put in force by a spec:

    NAME [@PATH] [:WHAT=VALUE]... [*TIMES]

`NAME` is one of `FAULTS`. `@PATH` limits it to an endpoint, `:WHAT=VALUE` to requests that ask for
this segment, app, event, unit, length or page (a unit left out is `day`, a page `0`, anything else
empty), and `*TIMES` to the first so many requests that match all that. Examples:

    hang
    rate-limited@/segments/data_series
    null-value:segment=94fda5e1-5f62-4da7-b55c-5fa761838c62
    server-error-503@/sessions/data_series:app=:unit=hour*3

Faults combine. Of those that replace the whole answer the one added first is used, and only it
counts the request; so `rate-limited*2` and then `server-error-500*1` make two 429, one 500, and
then true answers.
"""

import difflib
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from exporter.simulator.answer_faults import ANSWER_FAULTS
from exporter.simulator.endpoints import ENDPOINTS
from exporter.simulator.exchange import Fault
from exporter.simulator.payload_faults import PAYLOAD_FAULTS
from exporter.simulator.series_faults import SERIES_FAULTS
from exporter.simulator.transport_faults import TRANSPORT_FAULTS
from exporter.simulator.wire import Request
from exporter.simulator.world import World

# In the order in which they take effect.
_TABLE: Mapping[str, Fault] = MappingProxyType(
    {
        fault.name: fault
        for fault in (*SERIES_FAULTS, *PAYLOAD_FAULTS, *ANSWER_FAULTS, *TRANSPORT_FAULTS)
    }
)
FAULTS: Mapping[str, str] = MappingProxyType(
    {name: fault.description for name, fault in _TABLE.items()}
)

_HINTS = 8
_SPEC = re.compile(
    r"(?P<name>[^@:*\s]+)(@(?P<path>[^:*\s]*))?(?P<conditions>(:[^:*=\s]+=[^:*\s]*)*)"
    r"(\*(?P<times>[1-9][0-9]{0,8}))?"
)
# WHAT -> the query parameter it stands for, and the value of one left out.
_CONDITIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "segment": ("segment_id", ""),
        "app": ("app_id", ""),
        "event": ("event", ""),
        "unit": ("unit", "day"),
        "length": ("length", ""),
        "page": ("page", "0"),
    }
)


@dataclass(slots=True)
class _InForce:
    """A fault in force; `left` is how many requests it still happens to, None without limit."""

    spec: str
    fault: Fault
    path: str | None
    conditions: tuple[tuple[str, str], ...]
    left: int | None

    def matches(self, request: Request, world: World) -> bool:
        return (
            self.left != 0
            and self.path in (None, request.path)
            and all(_asked(request, what) == value for what, value in self.conditions)
            and self.fault.on(request, world)
        )

    def count(self) -> None:
        if self.left is not None:
            self.left -= 1


def _asked(request: Request, what: str) -> str:
    parameter, default = _CONDITIONS[what]
    return request.query.get(parameter, default)


def _read(spec: str) -> _InForce:
    found = _SPEC.fullmatch(spec)
    if found is None:
        raise ValueError(f"fault {spec!r} is not of the form NAME[@PATH][:WHAT=VALUE]...[*TIMES]")
    name, path, times = found["name"], found["path"], found["times"]
    _require(spec, "fault", name, _TABLE)
    if path is not None:
        _require(spec, "path", path, ENDPOINTS)
    pairs = (pair.partition("=") for pair in found["conditions"].split(":")[1:])
    conditions = tuple((what, value) for what, _, value in pairs)
    for what, _ in conditions:
        _require(spec, "condition", what, _CONDITIONS)
    return _InForce(spec, _TABLE[name], path, conditions, None if times is None else int(times))


def _require(spec: str, kind: str, name: str, known: Iterable[str]) -> None:
    names = tuple(known)
    if name not in names:
        wanted = name.lower()
        holding = [each for each in names if wanted and wanted in each]
        close = (holding or difflib.get_close_matches(wanted, names, n=3))[:_HINTS]
        hint = f"close: {', '.join(close)}" if close else f"some are {', '.join(names[:_HINTS])}"
        raise ValueError(f"no {kind} {name!r} (in {spec!r}); {hint}")


class Faults:
    """The faults in force; safe to change while requests are answered."""

    def __init__(self, specs: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._in_force: list[_InForce] = []
        for spec in specs:
            self.add(spec)

    @property
    def specs(self) -> tuple[str, ...]:
        """The specs in force, in the order they were added, without those used up."""
        with self._lock:
            return tuple(each.spec for each in self._in_force if each.left != 0)

    def add(self, spec: str) -> None:
        """Put a fault in force.

        Raises ValueError, with close names, when the spec cannot be read or names what is not.
        """
        fault = _read(spec)
        with self._lock:
            self._in_force.append(fault)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._in_force.clear()

    def take(self, request: Request, world: World) -> tuple[Fault, ...]:
        """The faults that happen to this request, in order of effect; each of them counts it."""
        with self._lock:
            matching = [each for each in self._in_force if each.matches(request, world)]
            answers = [each for each in matching if each.fault.answer is not None]
            if answers:
                rest = [each for each in matching if each.fault.response is not None]
                matching = [answers[0], *rest]
            chosen = {each.fault.name: each for each in reversed(matching)}
            for each in chosen.values():
                each.count()
            return tuple(fault for name, fault in _TABLE.items() if name in chosen)
