"""One poll of one collector of one workspace -> Reading."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

from exporter.client import BrazeError
from exporter.families import DISCOVERY
from exporter.limiter import Interrupted
from exporter.model import Answer, Reading, Segment, Series, Unit
from exporter.refusals import Refusals

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

LENGTH = {Unit.DAY: 35, Unit.HOUR: 48}
"""Points asked for by each poll: of days all that the baselines of four weeks need; of hours enough
for a complete one under any wrong time zone, and for what Braze restates.
"""

_REFUSALS = 5


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

    for series, outcome in spread(attempt, hopeful(), threads, width):
        if isinstance(outcome, Answer):
            answers[series] = outcome
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


def spread(
    call: Callable[[T], R], items: Iterable[T], threads: Executor, width: int
) -> Iterator[tuple[T, R]]:
    """Each item with what `call` made of it, as they come, `width` of them under way at a time.

    No more than that is ever queued: so the collectors that share `threads` take turns, whatever
    the length of their lists, and a poll that is interrupted has nothing left to take back. The
    first exception ends it.
    """
    rest = iter(items)
    running: dict[Future[R], T] = {}
    # Not concurrent.futures.wait(), which takes the lock of every future each time.
    done: SimpleQueue[Future[R]] = SimpleQueue()
    try:
        while True:
            for item in islice(rest, width - len(running)):
                future = threads.submit(call, item)
                running[future] = item
                future.add_done_callback(done.put)
            if not running:
                return
            future = done.get()
            yield running.pop(future), future.result()
    finally:
        for future in running:
            future.cancel()
