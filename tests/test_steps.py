"""Polls and publishes let scrapes have the interpreter; afterwards all is as Python has it."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from exporter.steps import (
    Courtesy,
    computing,
    give_way,
    in_small_steps,
    leave_way,
    take_way,
    waiting,
)


def test_without_a_page_nobody_waits() -> None:
    assert give_way() == 0


def test_who_computes_waits_until_a_page_is_made() -> None:
    with ThreadPoolExecutor(1) as others:
        take_way(60)
        waited = others.submit(give_way)
        assert wait([waited], 0.1).not_done
        leave_way()
        assert waited.result(10) > 0
    assert give_way() == 0


def test_nobody_waits_for_a_page_that_takes_long() -> None:
    """It may wait for a password to be checked, or for the store, in which a publish waits for it.

    Once the time is over, a thousand steps are done at once.
    """
    take_way()
    give_way()
    begun = time.monotonic()
    assert list(Courtesy(60).before_each(range(1000))) == list(range(1000))
    assert time.monotonic() - begun < 1


def test_a_long_work_waits_for_so_long_in_all() -> None:
    """Whoever scrapes without a pause makes a publish later, and does not prevent it."""
    courtesy, begun = Courtesy(0.05), time.monotonic()
    for _ in courtesy.before_each(range(1000)):
        take_way()  # the next page
    leave_way()

    assert 0.05 <= time.monotonic() - begun < 2  # and not 1,000 times a hundredth


# --- one at a time --------------------------------------------------------------------------------


def has_its_turn(overdue: float = 60) -> bool:
    """Compute, once nobody else does or after so long."""
    with computing(overdue):
        return True


def test_one_thread_computes_at_a_time() -> None:
    with ThreadPoolExecutor(1) as others:
        with computing():
            other = others.submit(has_its_turn)
            assert wait([other], 0.1).not_done
        assert other.result(10)


def test_while_one_waits_another_computes() -> None:
    with ThreadPoolExecutor(1) as others, computing():
        with waiting():
            assert others.submit(has_its_turn).result(10)
        other = others.submit(has_its_turn)
        assert wait([other], 0.1).not_done  # it is our turn again
        with waiting():
            assert other.result(10)


def test_work_within_work_is_the_same() -> None:
    with ThreadPoolExecutor(1) as others:
        with computing():
            with computing(60):
                pass
            other = others.submit(has_its_turn)
            assert wait([other], 0.1).not_done
        assert other.result(10)


def test_a_wait_within_a_wait_is_the_same() -> None:
    """A connection through a proxy waits for the proxy's answer."""
    with ThreadPoolExecutor(1) as others:
        with computing(), waiting():
            with waiting():
                pass
            assert others.submit(has_its_turn).result(10)
        assert others.submit(has_its_turn).result(10)


def test_from_who_waits_without_saying_so_the_turn_is_taken() -> None:
    """A file of a key on a disk that hangs, say. Others lose a moment once, and not each time."""
    with ThreadPoolExecutor(2) as others:
        with computing():
            assert others.submit(has_its_turn, 0.05).result(10)
            assert others.submit(has_its_turn).result(10)
        with computing():  # who comes back gives back none of the others' turns
            other = others.submit(has_its_turn)
            assert wait([other], 0.1).not_done
        assert other.result(10)


def test_who_waited_for_a_turn_that_was_taken_waits_for_the_one_that_counts() -> None:
    taken, over = threading.Event(), threading.Event()

    def take() -> None:
        with computing(0.05):
            taken.set()
            over.wait(10)

    with ThreadPoolExecutor(2) as others:
        with computing():
            patient = others.submit(has_its_turn)
            assert wait([patient], 0.05).not_done
            others.submit(take)
            assert taken.wait(10)
        assert wait([patient], 0.1).not_done
        over.set()
        assert patient.result(10)


def test_a_wait_outside_of_work_takes_no_turn() -> None:
    with ThreadPoolExecutor(1) as others:
        with waiting():
            pass
        assert others.submit(has_its_turn).result(10)


def test_a_failure_ends_the_turn() -> None:
    with ThreadPoolExecutor(1) as others:
        with pytest.raises(ValueError, match="odd"), computing():
            raise ValueError("odd")
        assert others.submit(has_its_turn).result(10)


# --- small steps ----------------------------------------------------------------------------------


def test_others_wait_less_only_while_it_lasts() -> None:
    usual = sys.getswitchinterval()
    with in_small_steps():
        assert sys.getswitchinterval() < usual / 10
    assert sys.getswitchinterval() == usual


def test_a_failure_within_ends_it_as_well() -> None:
    usual = sys.getswitchinterval()
    with pytest.raises(ValueError, match="odd"), in_small_steps():
        raise ValueError("odd")
    assert sys.getswitchinterval() == usual


def test_works_that_overlap_leave_nothing_behind() -> None:
    """Whichever of them ends first."""
    usual = sys.getswitchinterval()
    first, second = in_small_steps(), in_small_steps()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert sys.getswitchinterval() == usual
