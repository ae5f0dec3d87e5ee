"""One poll of one collector of one workspace -> Reading."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TypeVar

from exporter.client import BrazeError
from exporter.families import DISCOVERY
from exporter.limiter import Interrupted
from exporter.model import Answer, Points, Reading, Segment, Series, Unit
from exporter.refusals import Refusals
from exporter.steps import computing, waiting

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

LENGTH = {Unit.DAY: 35, Unit.HOUR: 48}
"""Points asked for by each poll: of days all that the baselines of four weeks need; of hours enough
for a complete one under any wrong time zone, and for what Braze restates.
"""

_REFUSALS = 5
_TURN = 0.01  # seconds


def poll_discovery(
    workspace: str,
    read: Callable[[], tuple[Segment, ...]],
    *,
    now: Callable[[], float],
    optional: bool = False,
) -> Reading:
    """Read the list of segments.

    `optional` says that the list only gives names to segments known by their id: a key that may not
    read it then is no failure. Raises Interrupted.
    """
    started = now()
    try:
        listing = read()
    except BrazeError as error:
        refused = optional and error.reason == "forbidden"
        return Reading(
            workspace,
            DISCOVERY,
            started,
            now(),
            failures={} if refused else {None: str(error)},
            asked=int(error.sent),
            answered=int(error.answered),
        )
    return Reading(workspace, DISCOVERY, started, now(), listing=listing, asked=1, answered=1)


def poll_series(
    workspace: str,
    collector: str,
    wanted: Sequence[Series],
    read: Callable[[Series, int], Answer],
    *,
    threads: Executor,
    width: int,
    now: Callable[[], float],
) -> Reading:
    """Read the newest points of every series that is wanted, `width` at a time.

    One series that cannot be read leaves the others alone. Only after five refusals in a row (of
    the key, by the rate limit; of a permission: by one endpoint) are the rest not asked. Raises
    Interrupted.
    """
    started = now()
    answers: dict[Series, Answer] = {}
    failures: dict[Series | None, str] = {}
    asked = answered = 0
    refusals = Refusals(_REFUSALS)

    def attempt(series: Series) -> Answer | BrazeError:
        try:
            return read(series, LENGTH[series.family.unit])
        except BrazeError as error:
            return error
        except Interrupted:
            raise
        except Exception as error:
            # A broad net: a bug over one odd series must not take the others away.
            log.exception("a series could not be read by a bug", extra={"series": str(series)})
            return BrazeError("invalid_response", f"internal error: {type(error).__name__}")

    def hopeful() -> Iterator[Series]:
        for series in wanted:
            if refusals.final(series.family.endpoint):
                failures[series] = "not asked: Braze refused the others"
            else:
                yield series

    with computing():
        for series, outcome in spread(attempt, hopeful(), threads, width):
            if isinstance(outcome, Answer):
                answers[series] = replace(outcome, points=Points(outcome.points))
                asked, answered, reason = asked + 1, answered + 1, None
            else:
                failures[series] = str(outcome)
                asked, answered = asked + outcome.sent, answered + outcome.answered
                reason = outcome.reason
            refusals.note(series.family.endpoint, reason)
    return Reading(
        workspace,
        collector,
        started,
        now(),
        answers=answers,
        failures=failures,
        asked=asked,
        answered=answered,
    )


class Width:
    """How many of up to `most` threads are worth having.

    Where Braze answers at once, one of them computes nearly all the time, and the others would only
    wait for the interpreter. So there is one at first, and quickly all while they leave most of the
    time unused. Once they did not, one more or less at a time: a Braze that falters for a moment is
    not a slow one. What other polls compute looks like time that is left: beside them there are
    more than are worth having, but no more than `most`. `moment` is what a clock shows, `used` the
    CPU time that the poll has had (seconds).
    """

    _ENOUGH, _TOO_MUCH = 0.5, 0.95  # of the time

    def __init__(self, most: int, moment: float, used: float) -> None:
        self._most = most
        self._moment = moment
        self._used = used
        self._idle_so_far = True
        self.now = 1

    def look(self, moment: float, used: float) -> None:
        """Judge by what was used since the last look, unless that was only just."""
        passed = moment - self._moment
        if passed < _TURN:
            return
        share = (used - self._used) / passed
        if share < self._ENOUGH:
            self.now = min(4 * self.now if self._idle_so_far else self.now + 1, self._most)
        else:
            self._idle_so_far = False
            if share > self._TOO_MUCH:
                self.now = max(self.now - 1, 1)
        self._moment, self._used = moment, used

    @property
    def wait(self) -> float | None:
        """How long to wait (seconds) before the next look; None for as long as it takes."""
        return _TURN if self.now < self._most else None


def spread(
    call: Callable[[T], R],
    items: Iterable[T],
    threads: Executor,
    width: int,
    monotonic: Callable[[], float] = time.monotonic,
    thread_time: Callable[[], float] = time.thread_time,
) -> Iterator[tuple[T, R]]:
    """Each item with what `call` made of it, as they come, up to `width` of them under way at a
    time.

    No more than that is ever queued: so the collectors that share `threads` take turns, whatever
    the length of their lists, and a poll that is interrupted has nothing left to take back. A turn
    is one item, or as many as a moment has room for: to hand each over by itself would cost more
    than to ask a Braze that answers at once. A failure that `call` returns ends it, so that the
    caller hears of it before more is asked. The first exception ends all.
    """
    rest = iter(items)
    taking = threading.Lock()
    over = threading.Event()
    # Of CPU, by these threads and this one: what else the process does says nothing of Braze.
    used = 0.0

    @computing()
    def turn() -> list[tuple[T, R]]:
        nonlocal used
        made: list[tuple[T, R]] = []
        end, mark = monotonic() + _TURN, thread_time()
        while not made or (monotonic() < end and not isinstance(made[-1][1], Exception)):
            with taking:
                item = [] if over.is_set() else [*islice(rest, 1)]
            if not item:
                break
            try:
                made.append((item[0], call(item[0])))
            except BaseException:
                over.set()
                raise
            with taking:
                before, mark = mark, thread_time()
                used += mark - before
        return made

    running: set[Future[list[tuple[T, R]]]] = set()
    # Not concurrent.futures.wait(), which takes the lock of every future each time.
    done: SimpleQueue[Future[list[tuple[T, R]]]] = SimpleQueue()

    def begin() -> None:
        future = threads.submit(turn)
        running.add(future)
        future.add_done_callback(done.put)

    more, worth = True, Width(width, monotonic(), thread_time())
    try:
        begin()
        while running:
            try:
                with waiting():
                    future = done.get(timeout=worth.wait if more else None)
            except Empty:
                pass
            else:
                running.remove(future)
                made = future.result()
                yield from made
                more = more and bool(made)
            worth.look(monotonic(), used + thread_time())
            while more and len(running) < worth.now:
                begin()
    finally:
        over.set()
        for future in running:
            future.cancel()
