"""Scrapes of every kind, as fast as some callers can, and each answer looked at."""

import gzip
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Self

from bench.processes import Answer, Caller, Running

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
TEXT = "text/plain;version=0.0.4"

_CALLERS = 4
_KEPT = 50  # scrapes on a connection, then it is made anew
_PROGRESS = 10.0  # seconds
_SCRAPE_TIMEOUT = 10.0  # seconds
_ENOUGH = 100  # errors, after which a caller gives up


@dataclass(frozen=True)
class Kind:
    """One way to ask."""

    accept: str = TEXT
    gzip: bool = False
    method: str = "GET"

    def caller(self, port: int) -> Caller:
        """A client that asks so."""
        return Caller(port, gzip=self.gzip, accept=self.accept, method=self.method)

    def page(self, answer: Answer) -> bytes:
        """The page that an answer brings, b"" for HEAD. Raises ValueError where it is not what was
        asked for.
        """
        if answer.status != 200:
            raise ValueError(f"status {answer.status}: {answer.body[:80]!r}")
        kind = answer.fields[b"content-type"].replace(b" ", b"").decode()
        if not kind.startswith(self.accept):
            raise ValueError(f"{kind} instead of {self.accept}")
        if (answer.fields.get(b"content-encoding") == b"gzip") != self.gzip:
            raise ValueError("another encoding than was asked for")
        if self.method == "HEAD":
            if answer.body or int(answer.fields[b"content-length"]) < 1000:
                raise ValueError("a body, or the length of none")
            return b""
        if len(answer.body) != int(answer.fields[b"content-length"]):
            raise ValueError("more or less than was announced")
        page = gzip.decompress(answer.body) if self.gzip else answer.body
        if not page.endswith(b"\n# EOF\n" if self.accept == OPENMETRICS else b"\n"):
            raise ValueError("no whole page")
        return page


KINDS = (
    Kind(),
    Kind(gzip=True),
    Kind(OPENMETRICS),
    Kind(OPENMETRICS, gzip=True),
    Kind(method="HEAD"),
    Kind(OPENMETRICS, gzip=True, method="HEAD"),
)


@dataclass
class Scrapes:
    """What came of it: each error, and how long each scrape took."""

    asked: int = 0
    again: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        """Milliseconds that this share of the scrapes did not exceed."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(int(len(ordered) * share), len(ordered) - 1)]

    @property
    def late(self) -> int:
        """How many took longer than Prometheus waits by default."""
        return sum(seconds > _SCRAPE_TIMEOUT for seconds in self.seconds)


def scrape(
    caller: Caller, kind: Kind, wrong: Callable[[bytes], str | None], found: Scrapes
) -> None:
    """One scrape, as Prometheus makes it: once more, if a kept connection turns out to be over."""
    begun = time.monotonic()
    kept = caller.connected
    try:
        try:
            answer = caller.ask()
        except OSError:
            caller.close()
            if not kept:
                raise
            found.again += 1
            answer = caller.ask()
        page = kind.page(answer)
        problem = wrong(page) if page else None
    except (OSError, ValueError) as error:
        caller.close()
        problem = repr(error)
    found.asked += 1
    found.seconds.append(time.monotonic() - begun)
    if problem is not None:
        found.wrong.append(problem)


class Load:
    """Callers that scrape until `many` scrapes were made, or until it is left as a context."""

    def __init__(
        self,
        process: Running,
        wrong: Callable[[bytes], str | None],
        many: int | None = None,
        *,
        pause: float = 0.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.found = [Scrapes() for _ in range(_CALLERS)]
        self._process = process
        self._wrong = wrong
        self._many = many
        self._pause = pause
        self._say = say
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._scrape, args=(found,)) for found in self.found
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.wait()

    def wait(self) -> Scrapes:
        """Wait for the callers to end; what came of all scrapes."""
        begun = time.monotonic()
        for thread in self._threads:
            while thread.is_alive():
                thread.join(_PROGRESS)
                asked = sum(each.asked for each in self.found)
                self._say(f"{asked:,} scrapes, {asked / (time.monotonic() - begun):,.0f} a second")
        return self.all

    @property
    def all(self) -> Scrapes:
        """What came of the scrapes until now."""
        return Scrapes(
            sum(each.asked for each in self.found),
            sum(each.again for each in self.found),
            [error for each in self.found for error in each.wrong],
            [seconds for each in self.found for seconds in each.seconds],
        )

    def _scrape(self, found: Scrapes) -> None:
        callers = [(kind, kind.caller(self._process.port)) for kind in KINDS]
        share = count() if self._many is None else range(self._many // _CALLERS)
        for number, (kind, caller) in zip(share, cycle(callers), strict=False):
            if self._over.wait(self._pause) if self._pause else self._over.is_set():
                break
            if number // len(KINDS) % _KEPT == _KEPT - 1:
                caller.close()
            scrape(caller, kind, self._wrong, found)
            if len(found.wrong) >= _ENOUGH:
                break
        for _, caller in callers:
            caller.close()
