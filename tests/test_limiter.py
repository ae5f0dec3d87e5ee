"""Requests go within our own ceiling and Braze's limit, one workspace apart from another."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.limiter import Interrupted, Limiter, Paused
from exporter.model import RateLimit
from tests.fakes import HOUR, FakeClock


def a_limiter(
    clock: FakeClock,
    *,
    requests_per_hour: int = 3600,
    reserve: float = 0.1,
    pause: Callable[[float], bool] | None = None,
    throttled: Callable[[float], None] = lambda _: None,
) -> Limiter:
    """One request a second after a burst of 180, unless told otherwise."""
    return Limiter(
        requests_per_hour,
        reserve,
        now=clock.now,
        monotonic=clock.monotonic,
        pause=pause or clock.pause,
        throttled=throttled,
    )


def test_a_burst_leaves_at_once_then_one_request_a_tick() -> None:
    """Our own ceiling: after a quiet time a twentieth of an hour's requests go without a wait."""
    clock = FakeClock()
    limiter = a_limiter(clock)

    for _ in range(180):
        limiter.acquire()
    assert clock.pauses == []

    for _ in range(3):
        limiter.acquire()
    assert clock.pauses == pytest.approx([1, 1, 1])


def test_a_quiet_time_fills_the_burst_and_no_more() -> None:
    """Our own ceiling: what was not used is not saved up beyond the burst."""
    clock = FakeClock()
    limiter = a_limiter(clock)
    clock.advance(24 * HOUR)

    for _ in range(181):
        limiter.acquire()
    assert clock.pauses == pytest.approx([1])


@given(
    st.sampled_from([1, 60, 1000, 10_000]),
    st.lists(st.floats(0, 100), min_size=60, max_size=60),
)
def test_no_span_of_time_sees_more_than_the_burst_and_its_share(
    requests_per_hour: int, gaps: list[float]
) -> None:
    """Our own ceiling: between any two requests lie no more others than the burst and what the rate
    allows in that time.
    """
    clock = FakeClock()
    limiter = a_limiter(clock, requests_per_hour=requests_per_hour)
    for _ in range(int(max(50, requests_per_hour / 20)) - 30):
        limiter.acquire()
    left: list[float] = []
    for gap in gaps:
        clock.advance(gap)
        limiter.acquire()
        left.append(clock.monotonic())

    for first, start in enumerate(left):
        for count, end in enumerate(left[first:], 1):
            allowed = max(50, requests_per_hour / 20) + (end - start) * requests_per_hour / 3600
            assert count <= allowed + 1e-6


def test_whoever_waits_is_served_in_the_order_of_asking() -> None:
    """Isolation: a request that waits has its token for sure, so that a busy collector starves no
    other of the workspace: each next one is told to wait longer.
    """
    clock = FakeClock()
    waits: list[float] = []

    def overlapping(seconds: float) -> bool:
        waits.append(seconds)  # all ask at the same moment
        return False

    limiter = a_limiter(clock, pause=overlapping)
    for _ in range(180 + 4):
        limiter.acquire()
    assert waits == pytest.approx([1, 2, 3, 4])


def test_threads_take_no_token_twice() -> None:
    """Isolation: collectors poll on threads of their own and share one ceiling."""
    clock = FakeClock()
    waits: list[float] = []

    def overlapping(seconds: float) -> bool:
        waits.append(seconds)
        return False

    limiter = a_limiter(clock, pause=overlapping)
    with ThreadPoolExecutor(8) as threads:
        for request in [threads.submit(limiter.acquire) for _ in range(180 + 100)]:
            request.result()
    assert sorted(waits) == pytest.approx([float(wait) for wait in range(1, 101)])


@pytest.mark.parametrize("seconds", [0.5, 10.0])
def test_a_short_pause_is_waited_for(seconds: float) -> None:
    """Isolation: a pause of up to 10 s delays the requests of the workspace."""
    clock = FakeClock()
    limiter = a_limiter(clock)
    limiter.close(seconds)
    limiter.acquire()
    assert clock.pauses == pytest.approx([seconds])


@pytest.mark.parametrize("seconds", [10.001, 600.0, 3600.0])
def test_in_a_long_pause_requests_fail_at_once(seconds: float) -> None:
    """Isolation: what Braze pauses for longer than 10 s fails without a wait, until the pause is
    short enough to be waited for.
    """
    clock = FakeClock()
    limiter = a_limiter(clock)
    limiter.close(seconds)

    with pytest.raises(Paused):
        limiter.acquire()
    assert clock.pauses == []

    clock.advance(seconds - 10)
    limiter.acquire()
    assert clock.pauses == pytest.approx([10])


def test_a_pause_is_over_when_it_is_over() -> None:
    """Isolation: nothing of a pause is left after its last second."""
    clock = FakeClock()
    limiter = a_limiter(clock)
    limiter.close(600)
    clock.advance(600)
    limiter.acquire()
    assert clock.pauses == []


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    """Isolation: the latest end of all pauses counts."""
    clock = FakeClock()
    limiter = a_limiter(clock)
    limiter.close(600)
    limiter.close(1)
    clock.advance(1)
    with pytest.raises(Paused):
        limiter.acquire()


def a_pause_while_the_first_one_waits(seconds: float, clock: FakeClock) -> Limiter:
    """A limiter without a token left, whose next wait is that in which Braze asks for a pause."""

    def wait(owed: float) -> bool:
        clock.pause(owed)
        if len(clock.pauses) == 1:
            limiter.close(seconds)
        return False

    limiter = a_limiter(clock, pause=wait)
    for _ in range(180):
        limiter.acquire()
    return limiter


def test_a_request_that_waits_for_its_token_waits_for_a_pause_begun_meanwhile() -> None:
    """Isolation: once Braze asked for a pause nothing leaves in it, not even a request that was
    waiting for our own ceiling before.
    """
    limiter = a_pause_while_the_first_one_waits(4, clock := FakeClock())
    limiter.acquire()
    assert clock.pauses == pytest.approx([1, 4])


def test_a_request_that_waits_for_its_token_fails_in_a_long_pause_begun_meanwhile() -> None:
    """Isolation: … and where the pause is too long to be waited for, it fails."""
    limiter = a_pause_while_the_first_one_waits(600, clock := FakeClock())
    with pytest.raises(Paused):
        limiter.acquire()
    assert clock.pauses == pytest.approx([1])


@pytest.mark.parametrize("closed", [True, False])
def test_every_wait_can_be_interrupted(closed: bool) -> None:
    """A stopping exporter waits neither for a token nor for the end of a pause."""
    clock = FakeClock()

    def interrupted(seconds: float) -> bool:
        assert clock.pauses == []  # whoever was interrupted does not wait again
        clock.interrupt()
        return clock.pause(seconds)

    limiter = a_limiter(clock, pause=interrupted)
    for _ in range(180):
        limiter.acquire()
    if closed:
        limiter.close(5)
    with pytest.raises(Interrupted):
        limiter.acquire()


def test_the_time_spent_waiting_is_told() -> None:
    """`braze_exporter_api_throttled_seconds_total` counts waits as they were, not as planned."""
    clock = FakeClock()
    told: list[float] = []

    def late(seconds: float) -> bool:
        clock.advance(seconds + 0.25)
        return False

    limiter = a_limiter(clock, pause=late, throttled=told.append)
    limiter.acquire()
    assert told == []

    limiter.close(2)
    limiter.acquire()
    assert told == pytest.approx([2.25])


def test_below_the_reserve_the_limiter_pauses_until_brazes_window_ends() -> None:
    """Isolation: the reserve of Braze's limit is left to the customer's production traffic."""
    clock = FakeClock()
    limiter = a_limiter(clock)

    limiter.heed(RateLimit(250_000, 25_000, clock.now() + 600))
    limiter.acquire()

    limiter.heed(RateLimit(250_000, 24_999, clock.now() + 600))
    with pytest.raises(Paused):
        limiter.acquire()

    clock.advance(600)
    limiter.acquire()
    assert clock.pauses == []


def test_an_answer_without_rate_headers_changes_nothing() -> None:
    """Honest start: unknown is not spent."""
    limiter = a_limiter(clock := FakeClock())
    limiter.heed(RateLimit())
    limiter.acquire()
    assert clock.pauses == []


def test_one_workspaces_pause_is_not_anothers() -> None:
    """Isolation: each workspace has its own ceiling and its own pauses."""
    clock = FakeClock()
    paused, free = a_limiter(clock), a_limiter(clock)
    paused.close(600)
    free.acquire()
    with pytest.raises(Paused):
        paused.acquire()
    assert clock.pauses == []


def test_a_reload_is_no_new_hour() -> None:
    """The limiter that takes over has spent what the old one had, and keeps its pause."""
    clock = FakeClock()
    old = a_limiter(clock)
    for _ in range(180):
        old.acquire()
    new = a_limiter(clock, requests_per_hour=7200)  # a burst of 360
    new.go_on_from(old)

    for _ in range(180):
        new.acquire()
    assert clock.pauses == []
    new.acquire()
    assert clock.pauses == pytest.approx([0.5])

    new.close(HOUR)
    last = a_limiter(clock)
    last.go_on_from(new)
    with pytest.raises(Paused):
        last.acquire()
