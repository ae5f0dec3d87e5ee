"""One poll of one collector of one workspace -> Reading."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice, takewhile
from typing import TypeVar

from exporter.catalog import DISCOVERY
from exporter.client import BrazeError
from exporter.model import Answer, Point, Reading, Segment, Series, Unit
from exporter.past import DEPTH, History, Past

T = TypeVar("T")
R = TypeVar("R")

LENGTH = {Unit.DAY: 35, Unit.HOUR: 48}
"""Points asked for by each poll: of days all that the baselines of four weeks need; of hours enough
for a complete one under any wrong time zone, and for what Braze restates.
"""

_PAGE = 100  # the most points that Braze gives at a time
_HOUR = 3600

_REFUSALS = 3
_REFUSED = frozenset({"unauthorized", "forbidden", "rate_limited"})


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

    One series that cannot be read leaves the others alone. Only where the first answers are nothing
    but refusals (the key, a permission, the rate limit) are the rest not asked. Raises Interrupted.
    """
    started = now()
    answers: dict[Series, Answer] = {}
    failures: dict[Series | None, str] = {}
    asked = answered = refusals = 0

    def attempt(series: Series) -> Answer | BrazeError:
        try:
            return read(series, LENGTH[series.family.unit])
        except BrazeError as error:
            return error

    def hopeful() -> Iterator[Series]:
        for series in wanted:
            if refusals >= _REFUSALS and not answers:
                failures[series] = "not asked: Braze refused the others"
            else:
                yield series

    for series, outcome in spread(attempt, hopeful(), threads, width):
        if isinstance(outcome, Answer):
            answers[series] = outcome
            asked, answered = asked + 1, answered + 1
        else:
            failures[series] = str(outcome)
            asked, answered = asked + outcome.sent, answered + outcome.answered
            refusals += outcome.reason in _REFUSED
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


def poll_past(
    pasts: Mapping[Series, Past],
    read: Callable[[Series, int, float], Answer],
    *,
    threads: Executor,
    width: int,
    go_on: Callable[[], bool],
) -> dict[Series, tuple[tuple[Point, ...], History]]:
    """Read the hours before those that are known, of series of which `pasts` is known.

    Each series is read back to the depth of its baselines, as far as Braze answers. No series is
    begun once `go_on` says no: then newer points are due. Raises Interrupted.
    """

    def attempt(series: Series) -> tuple[tuple[Point, ...], History]:
        found: list[Point] = []
        # From where the answer with the newest points began: what is older may have gaps.
        first = pasts[series].starts[-1] - (LENGTH[series.family.unit] - 1) * _HOUR
        try:
            for page in range(-(-DEPTH[series.family.unit] // (_PAGE * _HOUR))):
                ending_at = first - page * _PAGE * _HOUR
                answer = read(series, _PAGE, ending_at)
                # An hour that is cut at `ending_at` is not what it was.
                found += (point for point in answer.points if point.end <= ending_at)
        except BrazeError:
            return tuple(found), History.FAILED
        return tuple(found), History.READ

    return dict(spread(attempt, takewhile(lambda _: go_on(), pasts), threads, width))


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
    try:
        while True:
            for item in islice(rest, width - len(running)):
                running[threads.submit(call, item)] = item
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
    finally:
        for future in running:
            future.cancel()
