"""Reads the series back, oldest points first, and writes what a live exporter would have shown."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from itertools import groupby, islice
from typing import TypeVar

from exporter.buckets import MOST_POINTS
from exporter.client import BrazeError
from exporter.model import Answer, Kind, Point, Series, Unit
from exporter.past import DEPTH
from exporter.refusals import Refusals
from exporter.replay import replay
from exporter.samplefile import SampleFile, Span
from exporter.watch import Watch

T = TypeVar("T")
R = TypeVar("R")

Question = tuple[Series, int]
"""A series, and the moment (epoch seconds) before which its points are asked for."""

# A page may cut its last bucket short, and a day may have 25 hours: the next one covers that.
_STEP = {Unit.DAY: (MOST_POINTS - 2) * 86_400, Unit.HOUR: (MOST_POINTS - 2) * 3_600}
_REFUSALS = 5
_NO_WAY = frozenset({"connection", "timeout", "tls"})  # they have little to do with one series


def page_ends(unit: Unit, span: Span) -> list[int]:
    """The moments before which the points of a series are asked for, oldest first.

    They reach back as far as what is normal at the beginning of `span` looks.
    """
    ends = [span.until]
    while ends[-1] - _STEP[unit] > span.since - DEPTH[unit]:
        ends.append(ends[-1] - _STEP[unit])
    return ends[::-1]


def write_history(
    file: SampleFile,
    wanted: Sequence[Series],
    watch: Watch,
    span: Span,
    read: Callable[[Series, int, float], Answer],
    *,
    threads: Executor,
    width: int,
    asked: Callable[[], object],
) -> dict[Series, str]:
    """Write the history of every series in `wanted`; returns why each missing one is not there.

    `read(series, length, ending_at)` asks Braze; `width` questions are under way at a time, and
    `asked` is called after each. A series is written whole or not at all. After five series in a
    row were refused (of an endpoint, for want of a permission) or not answered, the rest are not
    asked. Raises Interrupted, and OSError where
    the file cannot be written.
    """
    failures: dict[Series, str] = {}
    refusals = Refusals(_REFUSALS, also=_NO_WAY)

    def questions() -> Iterator[Question]:
        for series in wanted:
            if refusals.final(series.family.endpoint):
                failures[series] = "not asked: Braze answered none of the last five"
                continue
            for end in page_ends(series.family.unit, span):
                if series not in failures:
                    yield series, end

    def answer(question: Question) -> Answer | BrazeError:
        series, end = question
        try:
            return read(series, MOST_POINTS, end)
        except BrazeError as error:
            return error

    def answers() -> Iterator[tuple[Question, Answer | BrazeError]]:
        for answered in in_order(answer, questions(), threads, width):
            asked()
            yield answered

    for series, pages in groupby(answers(), lambda answered: answered[0][0]):
        try:
            file.add(series, replay(_points(pages, span), series, watch, span.until))
        except BrazeError as error:
            failures[series] = str(error)
            refusals.note(series.family.endpoint, error.reason)
        else:
            refusals.note(series.family.endpoint, None)
    return failures


def _points(
    pages: Iterable[tuple[Question, Answer | BrazeError]], span: Span
) -> Iterator[Sequence[Point]]:
    """The points of a series, page by page.

    A count that a page's end cut short comes again, whole, on the next. On the last page it stays:
    it is never shown, but it tells that the one before is over.
    """
    for (series, end), answer in pages:
        if isinstance(answer, BrazeError):
            raise answer
        whole = series.family.kind is Kind.LEVEL or end == span.until
        yield [point for point in answer.points if whole or point.end <= end]


def in_order(
    call: Callable[[T], R], items: Iterator[T], threads: Executor, width: int
) -> Iterator[tuple[T, R]]:
    """Each item with what `call` made of it, in the order of `items`, `width` of them under way.

    The first exception ends it.
    """
    running: deque[tuple[T, Future[R]]] = deque()
    try:
        while True:
            for item in islice(items, width - len(running)):
                running.append((item, threads.submit(call, item)))
            if not running:
                return
            item, future = running.popleft()
            yield item, future.result()
    finally:
        for _, future in running:
            future.cancel()
