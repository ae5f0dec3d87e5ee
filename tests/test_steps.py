"""Polls and publishes let scrapes have the interpreter; afterwards all is as Python has it."""

import sys
import threading
import time
from collections.abc import Iterator

import pytest

from exporter.steps import give_way, giving_way, in_small_steps, leave_way, take_way


@pytest.fixture
def taken() -> Iterator[None]:
    """A page is being made."""
    take_way()
    yield
    leave_way()


def test_without_a_page_nobody_waits() -> None:
    begun = time.monotonic()
    assert list(giving_way(range(1000))) == list(range(1000))
    assert time.monotonic() - begun < 1


@pytest.mark.usefixtures("taken")
def test_who_computes_waits_until_a_page_is_made() -> None:
    """Here it is made by the time that somebody waits."""
    waiting = threading.Thread(target=lambda: list(giving_way(range(200))))
    waiting.start()
    assert waiting.is_alive()

    leave_way()
    waiting.join(0.5)  # two hundred waits that nobody ends would take a second

    assert not waiting.is_alive()


@pytest.mark.usefixtures("taken")
def test_nobody_waits_for_ever() -> None:
    """Whoever scrapes without a pause slows a poll, and cannot stop it."""
    begun = time.monotonic()
    give_way()
    assert time.monotonic() - begun < 1


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
