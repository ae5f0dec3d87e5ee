"""One poll: what it asks, what a failure costs, and how polls share a workspace's threads."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from itertools import count
from typing import TypeVar

import pytest

from exporter.client import BrazeError
from exporter.limiter import Interrupted
from exporter.model import Answer, Point, Points, Reading, Segment, Series
from exporter.poll import Width, poll_discovery, poll_series, spread
from exporter.steps import computing
from tests.doubles import eventually
from tests.fakes import NOW, FakeClock, daily, days, hourly, size
from tests.inline import Inline

pytestmark = pytest.mark.usefixtures("threads")

T = TypeVar("T")

FORBIDDEN = BrazeError("forbidden", "status 403: Access Denied")
UNAUTHORIZED = BrazeError("unauthorized", "status 401: Invalid API key")
REFUSED = BrazeError("rate_limited", "status 429: Rate Limited")
PAUSED = BrazeError("rate_limited", "paused, as Braze asked", sent=False)
BAD = BrazeError("bad_request", "status 400: segment_id must be a string")
LATE = BrazeError("timeout", "no whole answer within 15 s")
BROKEN = BrazeError("server_error", "status 500: oops")

ANSWER = Answer(NOW, days(1, 2))


class Braze:
    """Answers each series by its segment id, and notes what it was asked for."""

    def __init__(self, failures: dict[str, Exception] | None = None) -> None:
        self._failures = failures or {}
        self.asked: list[tuple[Series, int]] = []

    def read(self, series: Series, length: int) -> Answer:
        self.asked.append((series, length))
        failure = self._failures.get(series.labels[1]) or self._failures.get("*")
        if failure is not None:
            raise failure
        return ANSWER


def poll(
    wanted: tuple[Series, ...],
    read: Callable[[Series, int], Answer],
    *,
    threads: Executor | None = None,
    width: int = 1,
) -> Reading:
    clock = FakeClock()
    return poll_series(
        "production",
        "segments",
        wanted,
        read,
        threads=threads or Inline(),
        width=width,
        now=clock.now,
    )


def sizes(count: int) -> tuple[Series, ...]:
    return tuple(size(f"s{number}") for number in range(count))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """The four threads of a workspace."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


# Series


def test_every_series_is_read() -> None:
    """The reading holds each answer, and counts what was asked and answered."""
    braze = Braze()

    reading = poll(sizes(3), braze.read)

    assert reading.answers == dict.fromkeys(sizes(3), ANSWER)
    assert reading.complete
    assert (reading.asked, reading.answered) == (3, 3)
    assert (reading.workspace, reading.collector) == ("production", "segments")
    assert reading.started == reading.finished == NOW


def test_enough_points_are_asked_for() -> None:
    """Days for every baseline at once; with 48 hours a complete one is among them whatever the
    time zone.
    """
    braze = Braze()

    poll((size(), daily(), hourly()), braze.read)

    assert braze.asked == [(size(), 35), (daily(), 35), (hourly(), 48)]


def test_nothing_wanted_is_a_complete_poll() -> None:
    """A discovery that selected nothing leaves nothing to read; that is no failure."""
    reading = poll((), Braze().read)

    assert reading.complete
    assert not reading.unanswered


@pytest.mark.parametrize(
    "failure", [FORBIDDEN, UNAUTHORIZED, REFUSED, PAUSED, BAD, LATE, BROKEN], ids=str
)
def test_one_failing_series_leaves_the_others_alone(failure: BrazeError) -> None:
    """Whatever the reason and wherever it stands in the list."""
    for place in range(5):
        reading = poll(sizes(5), Braze({f"s{place}": failure}).read)

        failed = size(f"s{place}")
        assert reading.failures == {failed: str(failure)}
        assert set(reading.answers) == set(sizes(5)) - {failed}


@pytest.mark.parametrize(
    ("failure", "asked", "answered"),
    [(BAD, 3, 3), (LATE, 3, 0), (BROKEN, 3, 0), (PAUSED, 0, 0)],
    ids=str,
)
def test_what_was_asked_and_answered(failure: BrazeError, asked: int, answered: int) -> None:
    """A 400 is an answer, a timeout is none, and what was not sent was not asked."""
    reading = poll(sizes(3), Braze({"*": failure}).read)

    assert (reading.asked, reading.answered) == (asked, answered)
    assert reading.unanswered == (asked > 0 and answered == 0)


# Giving up


@pytest.mark.parametrize("failure", [FORBIDDEN, UNAUTHORIZED, REFUSED, PAUSED], ids=str)
def test_five_refusals_in_a_row_end_the_poll(failure: BrazeError) -> None:
    """Two thousand requests with a key that may not are asked by nobody; the rest is reported."""
    braze = Braze({"*": failure})

    reading = poll(sizes(10), braze.read)

    assert len(braze.asked) == 5
    assert set(reading.failures) == set(sizes(10))
    assert sum(said == str(failure) for said in reading.failures.values()) == 5
    assert list(reading.failures.values())[-1] == "not asked: Braze refused the others"


def test_with_more_at_a_time_a_few_more_are_asked(pool: ThreadPoolExecutor) -> None:
    """Those that were under way when the fifth refusal came."""
    braze = Braze({"*": FORBIDDEN})

    reading = poll(sizes(100), braze.read, threads=pool, width=4)

    assert 5 <= len(braze.asked) <= 9
    assert len(reading.failures) == 100


@pytest.mark.parametrize("failure", [BAD, LATE, BROKEN], ids=str)
def test_failures_of_another_kind_do_not_end_it(failure: BrazeError) -> None:
    """They may be one series' own."""
    braze = Braze({"*": failure})
    poll(sizes(10), braze.read)

    assert len(braze.asked) == 10


def test_an_answer_shows_that_the_others_are_worth_asking() -> None:
    """Refusals between answers are the single series' own, however many."""
    braze = Braze({f"s{number}": FORBIDDEN for number in range(10) if number % 5})
    reading = poll(sizes(10), braze.read)

    assert len(braze.asked) == 10
    assert set(reading.answers) == {size("s0"), size("s5")}


def test_an_endpoint_that_is_forbidden_leaves_the_others_alone() -> None:
    """A key has permissions endpoint by endpoint, and a collector may ask several."""
    wanted = tuple(each for n in range(20) for each in (size(f"s{n}"), hourly(f"a{n}")))
    braze = Braze({f"s{number}": FORBIDDEN for number in range(20)})
    reading = poll(wanted, braze.read)

    assert set(reading.answers) == {hourly(f"a{number}") for number in range(20)}
    assert len(braze.asked) == 20 + 5
    assert len(reading.failures) == 20


def test_a_key_that_is_revoked_in_the_middle_is_not_hammered() -> None:
    """What was answered before says nothing of what comes after."""
    braze = Braze({f"s{number}": UNAUTHORIZED for number in range(3, 100)})
    reading = poll(sizes(100), braze.read)

    assert len(braze.asked) == 3 + 5
    assert len(reading.answers) == 3


def test_points_in_little_room_are_the_same_points() -> None:
    """Of a poll of ten thousand series all answers are held at once."""
    plain = tuple(
        Point(day * 86400, (day + 1) * 86400, day + 0.5, day % 2 == 0) for day in range(5)
    )
    points = Points(plain)

    assert points == plain
    assert plain == points
    assert [each.offset for each in points] == [each.offset for each in plain]
    assert (points[0], points[-1], points[1:3], points[9:]) == (plain[0], plain[-1], plain[1:3], ())
    assert [*reversed(points)] == [*reversed(plain)]
    assert Points(()) == ()
    assert points != plain[:4]


# Threads


class Gate:
    """Lets reads begin, counts how many are under way, and holds them until it is opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = threading.Event()
        self.under_way = 0
        self.most = 0
        self.order: list[str] = []

    def read(self, series: Series, _length: int) -> Answer:
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.order.append(series.labels[0])
        try:
            assert self._open.wait(10)
        finally:
            with self._lock:
                self.under_way -= 1
        return ANSWER

    def open(self) -> None:
        self._open.set()


def test_no_more_are_under_way_than_the_width(pool: ThreadPoolExecutor) -> None:
    """And no fewer, as long as there is something to read."""
    gate = Gate()
    with ThreadPoolExecutor(1) as caller:
        polled = caller.submit(poll, sizes(40), gate.read, threads=pool, width=3)
        eventually(lambda: gate.under_way == 3, "as many under way as may be")
        gate.open()
        reading = polled.result(10)

    assert gate.most == 3
    assert len(reading.answers) == 40


def test_two_polls_on_one_pool_take_turns() -> None:
    """A long list does not keep a short one waiting: after a read of one comes one of the other."""
    order: list[str] = []
    both = threading.Barrier(2)

    def read(series: Series, _length: int) -> Answer:
        order.append(series.labels[0])
        time.sleep(0.001)
        return ANSWER

    def start(workspace: str, count: int) -> Reading:
        both.wait(5)
        return poll(
            tuple(size(f"s{number}", workspace) for number in range(count)),
            read,
            threads=one,
            width=1,
        )

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as callers:
        long = callers.submit(start, "long", 200)
        short = callers.submit(start, "short", 10)
        assert len(short.result(10).answers) == 10
        passed = order.index("short"), len(order) - 1 - order[::-1].index("short")
        long.result(10)

    # About ten; a queue would have let all two hundred go first.
    assert order[passed[0] : passed[1]].count("long") < 100


def test_each_item_comes_with_what_was_made_of_it(pool: ThreadPoolExecutor) -> None:
    """In whatever order they are done."""
    assert dict(spread(str, range(100), pool, 4)) == {number: str(number) for number in range(100)}


class Numbers:
    """Ten of them, and which were taken."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def __iter__(self) -> Iterator[int]:
        for number in range(10):
            self.taken.append(number)
            yield number


def test_items_are_taken_only_when_there_is_room() -> None:
    """So that a poll can change its mind about the rest."""
    numbers, clock = Numbers(), count()

    outcomes = iter(spread(str, numbers, Inline(), 2, lambda: float(next(clock)), lambda: 0.0))

    assert next(outcomes) == (0, "0")
    assert numbers.taken == [0]
    assert next(outcomes)[0] in (1, 2)
    assert numbers.taken == [0, 1, 2]


def test_a_thread_goes_on_by_itself_where_braze_is_quick() -> None:
    """For a moment: then the collectors that share it have their turn."""
    numbers, clock = Numbers(), count()

    next(iter(spread(str, numbers, Inline(), 1, lambda: next(clock) * 0.003)))

    assert numbers.taken == [0, 1, 2, 3]


def test_after_a_failure_a_thread_asks_first_whether_to_go_on() -> None:
    """What was refused five times is not asked dozens of times more within a moment."""
    numbers = Numbers()

    next(iter(spread(lambda _: ValueError("refused"), numbers, Inline(), 1, lambda: 0.0)))

    assert numbers.taken == [0]


@pytest.mark.parametrize(
    ("share", "widths"),
    [
        pytest.param(0.05, [4, 16, 32, 32], id="Braze takes its time: all that are allowed"),
        pytest.param(0.7, [1, 1, 1, 1], id="Braze is quick: one computes nearly all the time"),
        pytest.param(1.2, [1, 1, 1, 1], id="more than one would be in each other's way"),
    ],
)
def test_there_are_as_many_threads_as_are_worth_having(share: float, widths: list[int]) -> None:
    """By how much of the time they compute."""
    width = Width(32, 100.0, 7.0)
    seen = []
    for look in range(1, 5):
        width.look(100 + look, 7 + look * share)
        seen.append(width.now)

    assert seen == widths


def test_threads_that_are_in_each_others_way_become_fewer() -> None:
    """One at a time, down to one; and one at a time more again, for a Braze that falters is not yet
    a slow one.
    """
    width, moment, used, seen = Width(4, 0.0, 0.0), 0.0, 0.0, []
    for share in (0.1, 1.0, 1.0, 0.7, 1.0, 1.0, 0.1, 0.1):
        moment, used = moment + 1, used + share
        width.look(moment, used)
        seen.append(width.now)

    assert seen == [4, 3, 2, 2, 1, 1, 2, 3]


def test_what_a_poll_makes_of_its_answers_counts_as_well() -> None:
    """It needs the interpreter like the threads: more of them would only wait."""
    numbers, wall, used, taken = Numbers(), [0.0], [0.0], []

    def ask(number: int) -> int:
        wall[0] += 0.02
        return number

    for _ in spread(ask, numbers, Inline(), 4, lambda: wall[0], lambda: used[0]):
        taken.append(len(numbers.taken))
        wall[0] += 1.0
        used[0] += 1.0

    assert taken == [*range(1, 11)]


def test_what_else_the_process_does_takes_no_thread_from_a_poll() -> None:
    """Whoever keeps it busy, with passwords to be checked perhaps, cannot slow a poll."""
    gate, over = Gate(), threading.Event()

    def compute() -> None:
        while not over.is_set():
            hashlib.scrypt(b"password", salt=b"salt", n=2**12, r=8, p=1)  # without the interpreter

    with ThreadPoolExecutor(4) as threads, ThreadPoolExecutor(2) as others:
        others.submit(compute)
        polled = others.submit(poll, sizes(40), gate.read, threads=threads, width=4)
        try:
            eventually(lambda: gate.under_way == 4, "as many under way as may be")
        finally:
            over.set()
            gate.open()
        assert len(polled.result(10).answers) == 40


def has_its_turn(overdue: float = 60) -> bool:
    """Compute, once nobody else does."""
    with computing(overdue):
        return True


def test_a_thread_of_a_poll_computes_in_its_turn() -> None:
    """Each of several would take the interpreter before a scrape does."""
    turns: list[Future[bool]] = []
    with ThreadPoolExecutor(2) as others, ThreadPoolExecutor(1) as one:

        def compute(_: int) -> None:
            turns.append(others.submit(has_its_turn))
            assert wait([turns[-1]], 0.05).not_done

        assert len(list(spread(compute, range(2), one, 1))) == 2
        assert [turn.result(10) for turn in turns] == [True, True]


def test_what_a_poll_makes_of_its_answers_is_computed_in_turn_as_well() -> None:
    turns: list[Future[bool]] = []
    with ThreadPoolExecutor(2) as others, ThreadPoolExecutor(1) as one:

        class Points(tuple[Point, ...]):
            def __iter__(self) -> Iterator[Point]:
                turns.append(others.submit(has_its_turn))
                assert wait([turns[-1]], 0.05).not_done
                return super().__iter__()

        def read(*_: object) -> Answer:
            return Answer(NOW, Points(days(1, 2)))

        assert len(poll(sizes(2), read, threads=one).answers) == 2
        assert [turn.result(10) for turn in turns] == [True, True]


def test_while_a_poll_waits_for_its_answers_others_have_their_turn() -> None:
    """Also those that read them."""

    class Late(Executor):
        """A thread that begins once it had a turn."""

        def submit(self, fn: Callable[..., T], /, *args: object, **kwargs: object) -> Future[T]:
            def begin() -> T:
                has_its_turn(10)
                return fn(*args, **kwargs)

            return thread.submit(begin)

    begun = time.monotonic()
    with ThreadPoolExecutor(1) as thread:
        assert len(poll(sizes(3), Braze().read, threads=Late()).answers) == 3
    assert time.monotonic() - begun < 5  # and not 10, after which it takes the turn


def test_a_look_too_soon_says_nothing() -> None:
    """A moment of computing between two answers is no sign of anything."""
    width = Width(8, 0.0, 0.0)
    width.look(0.001, 0.0)
    assert width.now == 1


# The stop


def test_a_poll_that_is_interrupted_has_no_reading(pool: ThreadPoolExecutor) -> None:
    """Half of a poll is not published; the interruption goes to whoever polls."""
    braze = Braze({"s7": Interrupted()})

    with pytest.raises(Interrupted):
        poll(sizes(1000), braze.read, threads=pool, width=4)
    assert len(braze.asked) < 100


def test_a_bug_over_one_series_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    """What nobody expects fails that series, with a traceback in the log."""
    reading = poll(sizes(3), Braze({"s1": ZeroDivisionError()}).read)

    assert len(reading.answers) == 2
    assert [*reading.failures.values()] == ["invalid_response: internal error: ZeroDivisionError"]
    assert "ZeroDivisionError" in caplog.text


# Discovery

SEGMENTS = (Segment("s1", "VIP", True, ("push",)),)


def discover(outcome: Exception | None = None, *, optional: bool = False) -> Reading:
    clock = FakeClock()

    def read() -> tuple[Segment, ...]:
        clock.advance(3)
        if outcome is not None:
            raise outcome
        return SEGMENTS

    return poll_discovery("production", read, now=clock.now, optional=optional)


def test_a_discovery_reads_the_list() -> None:
    """And says how long it took."""
    reading = discover()

    assert reading.listing == SEGMENTS
    assert reading.complete
    assert (reading.asked, reading.answered) == (1, 1)
    assert (reading.started, reading.finished) == (NOW, NOW + 3)


@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("failure", [UNAUTHORIZED, PAUSED, BAD, LATE, BROKEN], ids=str)
def test_a_failed_discovery_has_no_list(failure: BrazeError, optional: bool) -> None:
    """Not an empty one: that would take all segments away."""
    reading = discover(failure, optional=optional)

    assert reading.listing is None
    assert reading.failures == {None: str(failure)}
    assert (reading.asked, reading.answered) == (int(failure.sent), int(failure.answered))


def test_a_key_that_may_not_list_is_a_failure_where_segments_are_discovered() -> None:
    """Without the list there is nothing to read."""
    assert discover(FORBIDDEN).failures == {None: str(FORBIDDEN)}


def test_a_key_that_may_not_list_is_none_where_only_names_are_missing() -> None:
    """Segments known by id are watched all the same; the list would only name them."""
    reading = discover(FORBIDDEN, optional=True)

    assert reading.complete
    assert reading.listing is None
    assert not reading.unanswered


def test_an_interrupted_discovery_has_no_reading() -> None:
    """It is not known how it would have ended."""
    with pytest.raises(Interrupted):
        discover(Interrupted())
