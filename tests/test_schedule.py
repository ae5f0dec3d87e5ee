"""When polls run: at once, then spread; one at a time; and on time whatever the clock does."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.schedule import Repeated, Schedule, Staggered
from tests.doubles import eventually

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NAMES = st.text(min_size=1, max_size=30)
INTERVALS = st.integers(1, 7 * 86400)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


# The moments


@given(NAMES, INTERVALS)
def test_the_first_poll_comes_at_once(name: str, interval: int) -> None:
    """Whatever the name."""
    assert Staggered(name, START, interval).get_next_fire_time(None, START) == START


@given(NAMES, INTERVALS)
def test_the_second_comes_between_half_an_interval_and_one_later(name: str, interval: int) -> None:
    """Never later than the interval promises."""
    second = Staggered(name, START, interval).get_next_fire_time(START, START)

    assert after(interval / 2) <= second <= after(interval)


@given(NAMES, INTERVALS)
def test_from_then_on_the_period_is_kept(name: str, interval: int) -> None:
    """Exactly, for a hundred times: nothing drifts."""
    trigger = Staggered(name, START, interval)
    moment = second = trigger.get_next_fire_time(START, START)
    for number in range(1, 100):
        moment = trigger.get_next_fire_time(moment, moment)
        assert moment == second + timedelta(seconds=interval * number)


def test_names_spread_the_load() -> None:
    """A hundred polls of five minutes: no ten seconds see more than twice their share."""
    seconds = sorted(
        (
            Staggered(f"shop_{n}/sessions/1", START, 300).get_next_fire_time(START, START) - START
        ).total_seconds()
        for n in range(100)
    )

    assert max(sum(s <= t < s + 10 for t in seconds) for s in seconds) <= 14


def test_the_moment_follows_from_the_name() -> None:
    """After a restart the polls lie as before."""
    one, same, other = (Staggered(name, START, 300) for name in ("a", "a", "b"))

    assert one.get_next_fire_time(START, START) == same.get_next_fire_time(START, START)
    assert one.get_next_fire_time(START, START) != other.get_next_fire_time(START, START)


@given(NAMES, INTERVALS, st.integers(-365 * 86400, 365 * 86400))
def test_the_next_moment_is_the_first_of_the_grid(name: str, interval: int, jump: int) -> None:
    """However far the clock has jumped ahead or back, and however long a poll took: the next
    moment is in the future, at most one interval away, and one of the grid.
    """
    trigger = Staggered(name, START, interval)
    second = trigger.get_next_fire_time(START, START)
    now = after(jump)
    following = trigger.get_next_fire_time(now, now)

    assert now < following <= now + timedelta(seconds=interval)
    assert (following - second) % timedelta(seconds=interval) == timedelta(0)


@given(st.integers(0, 365 * 86400))
def test_a_jump_ahead_costs_no_time(jump: int) -> None:
    """A year ahead at an interval of 1 s is one step, not 31 million."""
    trigger = Staggered("a", START, 1)
    begun = time.process_time()
    trigger.get_next_fire_time(START, after(jump))

    assert time.process_time() - begun < 0.1


# One at a time


def test_a_call_that_is_asked_for_meanwhile_follows() -> None:
    """However often it was asked for, it is made once more, by the same run."""
    made: list[int] = []
    woken: list[bool] = []

    def call() -> None:
        made.append(len(made))
        if len(made) == 1:
            repeated.soon()
            repeated.soon()

    repeated = Repeated(call, lambda _: woken.append(True))
    repeated.run()

    assert made == [0, 1]
    assert woken == []


def test_a_call_that_is_asked_for_while_none_is_made_wakes_the_scheduler() -> None:
    """It is not made on the thread of whoever asks."""
    woken: list[float] = []
    made: list[bool] = []
    repeated = Repeated(lambda: made.append(True), woken.append)

    repeated.soon()
    assert (woken, made) == ([0.0], [])

    repeated.run()
    repeated.within(60.0)
    assert (woken, made) == ([0.0, 60.0], [True])


def test_a_run_while_the_call_is_made_is_nothing() -> None:
    """A poll that takes longer than its interval is neither doubled nor queued."""
    made: list[bool] = []

    def call() -> None:
        made.append(True)
        repeated.run()

    repeated = Repeated(call, lambda _: None)
    repeated.run()

    assert made == [True]


def test_a_call_that_fails_can_be_made_again() -> None:
    """And what was asked for meanwhile is not forgotten by the next."""
    fails = [True, False]

    def call() -> None:
        if fails.pop(0):
            raise ZeroDivisionError

    repeated = Repeated(call, lambda _: None)
    with pytest.raises(ZeroDivisionError):
        repeated.run()
    repeated.run()

    assert fails == []


# The schedule


@pytest.fixture
def schedule(threads: None) -> Iterator[Schedule]:  # noqa: ARG001 - begun before, ended after it
    """A schedule that is ended afterwards, with what runs."""
    made = Schedule()
    yield made
    made.stop()
    made.join()


class Calls:
    """Counts its calls; `hold` keeps them from returning."""

    def __init__(self) -> None:
        self.begun = 0
        self.under_way = 0
        self.most = 0
        self.moments: list[float] = []
        self._lock = threading.Lock()
        self._free = threading.Event()
        self._free.set()

    def __call__(self) -> None:
        with self._lock:
            self.moments.append(time.monotonic())
            self.begun += 1
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        self._free.wait(10)
        with self._lock:
            self.under_way -= 1

    def hold(self) -> None:
        self._free.clear()

    def let_go(self) -> None:
        self._free.set()


@pytest.fixture
def calls() -> Iterator[Calls]:
    made = Calls()
    yield made
    made.let_go()


def times(calls: Calls, count: int) -> Callable[[], bool]:
    return lambda: calls.begun >= count


def test_a_call_is_made_at_once_and_again(schedule: Schedule, calls: Calls) -> None:
    """The first one when the schedule starts, the others at their interval."""
    schedule.every("a", 0.1, calls)
    assert calls.begun == 0
    begun = time.monotonic()
    schedule.start()
    eventually(times(calls, 5), "five calls")

    assert calls.moments[0] - begun < 0.5
    # The second to the fifth are three intervals apart.
    assert calls.moments[4] - calls.moments[1] >= 0.25


def test_a_call_that_is_added_later_is_made_at_once(schedule: Schedule, calls: Calls) -> None:
    """As after a reload."""
    schedule.start()
    schedule.every("a", 3600, calls)

    eventually(times(calls, 1), "the call", 1)


def test_no_call_waits_for_another(schedule: Schedule, calls: Calls) -> None:
    """Fifty that hang, and the fifty-first is made."""
    calls.hold()
    for number in range(50):
        schedule.every(f"hangs-{number}", 3600, calls)
    schedule.start()
    eventually(times(calls, 50), "fifty calls that hang")
    other = Calls()
    schedule.every("other", 3600, other)

    eventually(times(other, 1), "the call that does not", 1)


def test_a_long_call_is_not_made_twice_at_a_time(
    schedule: Schedule, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    """The intervals that pass meanwhile pass without a word; then it goes on."""
    calls.hold()
    ticks = Calls()
    schedule.every("slow", 0.05, calls)
    schedule.every("ticks", 0.05, ticks)
    schedule.start()
    eventually(times(ticks, 10), "ten intervals")
    assert calls.begun == 1
    calls.let_go()
    eventually(times(calls, 3), "the calls that follow")

    assert calls.most == 1
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_soon_is_at_once(schedule: Schedule, calls: Calls) -> None:
    """Long before its next time."""
    repeated = schedule.every("a", 3600, calls)
    schedule.start()
    eventually(times(calls, 1), "the first call")
    eventually(lambda: calls.under_way == 0, "its end")
    repeated.soon()

    eventually(times(calls, 2), "the second call", 1)


def test_soon_is_never_lost(schedule: Schedule, calls: Calls) -> None:
    """Whenever it is asked for: also in the moment between a call's end and the run's, a hundred
    times over.
    """
    repeated = schedule.every("a", 3600, calls)
    schedule.start()
    for number in range(1, 100):
        eventually(times(calls, number), f"call {number}", 2)
        while calls.under_way:
            pass
        repeated.soon()


def test_soon_after_a_call_that_is_under_way(schedule: Schedule, calls: Calls) -> None:
    """Right after it, and once."""
    calls.hold()
    repeated = schedule.every("a", 3600, calls)
    schedule.start()
    eventually(times(calls, 1), "the call")
    for _ in range(5):
        repeated.soon()
    calls.let_go()
    eventually(times(calls, 2), "the second call", 1)
    eventually(lambda: calls.under_way == 0, "its end")

    assert calls.begun == 2


def test_what_was_removed_is_made_no_more(schedule: Schedule, calls: Calls) -> None:
    """All calls whose name begins so, and no other; who still asks for one is not heard."""
    other = Calls()
    repeated = schedule.every("shop/a", 0.05, calls)
    schedule.every("shop/b", 0.05, calls)
    schedule.every("shop_2/a", 0.05, other)
    schedule.start()
    eventually(times(calls, 4), "calls of both")
    schedule.remove("shop/")
    eventually(lambda: calls.under_way == 0, "the end of the last")
    eventually(times(other, other.begun + 2), "an interval or two")
    made = calls.begun
    repeated.soon()
    eventually(times(other, other.begun + 5), "some more intervals")

    assert calls.begun == made


def test_when_each_call_is_due_is_known(schedule: Schedule, calls: Calls) -> None:
    """From the start on: until then nobody knows."""
    schedule.every("shop/a", 3600, calls)
    before = schedule.due()
    schedule.start()
    eventually(times(calls, 1), "the first call")
    eventually(lambda: schedule.due()["shop/a"] > time.time() + 1000, "the second is due later")

    assert before == {}
    assert schedule.due()["shop/a"] < time.time() + 1.5 * 3600


def test_realign_makes_every_call_now(schedule: Schedule, calls: Calls) -> None:
    """For a clock that was set back: nobody waits for it to catch up."""
    schedule.every("a", 3600, calls)
    schedule.every("b", 3600, calls)
    schedule.start()
    eventually(times(calls, 2), "the first calls")
    eventually(lambda: calls.under_way == 0, "their end")
    schedule.realign()

    eventually(times(calls, 4), "both once more", 1)


def test_a_call_that_raises_is_made_again(
    schedule: Schedule, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug in one poll ends neither the schedule nor that poll's turn."""
    made: list[bool] = []

    def call() -> None:
        made.append(True)
        raise ZeroDivisionError

    schedule.every("a", 0.05, call)
    schedule.start()
    eventually(lambda: len(made) >= 3, "three calls")

    assert "ZeroDivisionError" in caplog.text


def test_stop_starts_nothing_more_and_join_waits(schedule: Schedule, calls: Calls) -> None:
    """What is under way ends in its own time."""
    calls.hold()
    schedule.every("a", 0.05, calls)
    schedule.start()
    eventually(times(calls, 1), "the call")
    schedule.stop()
    joined = threading.Thread(target=schedule.join)
    joined.start()
    assert joined.is_alive()
    calls.let_go()
    joined.join(5)

    assert not joined.is_alive()
    assert calls.begun == 1


def test_a_schedule_that_never_started_can_be_stopped() -> None:
    """When the start of the exporter fails half way."""
    never = Schedule()
    never.every("a", 1, lambda: None)
    never.stop()
    never.join()


def test_a_call_is_made_within_some_seconds_unless_it_is_due_earlier() -> None:
    """An hourly call comes earlier when asked to; one that is due at once is not put off."""
    made: SimpleQueue[float] = SimpleQueue()
    schedule = Schedule()
    hourly = schedule.every("hourly", 3600, lambda: made.put(time.monotonic()))
    schedule.start()
    try:
        first = made.get(timeout=5)
        hourly.within(0.2)
        hourly.within(3000)

        assert made.get(timeout=5) - first >= 0.2
    finally:
        schedule.stop()
        schedule.join()


def test_a_call_that_fails_is_made_again() -> None:
    """Also when it was asked for meanwhile: nothing may end a collector for good."""
    made: list[int] = []

    def call() -> None:
        made.append(len(made))
        repeated.soon()
        raise ZeroDivisionError

    repeated = Repeated(call, lambda _: None)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            repeated.run()

    assert made == [0, 1]
