"""Scrapes go first: how what computes for long lets them have the interpreter.

Python gives it to whichever thread is quickest to take it. A scrape, which has to take it several
times, would lose to the threads of a poll whose answers come all at once, and wait for each.
"""

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

# Seconds after which Python lets another thread run, where its own are 5 ms: a scrape hands the
# interpreter over several times, and would wait as long each time.
_STEP = 0.0001
_USUAL = sys.getswitchinterval()

# Seconds that anybody waits for scrapes at a time, however many there are: a page is made in one.
_PATIENCE = 0.005

_free = threading.Event()
_free.set()


def take_way() -> None:
    """A page is being made: others wait with what they compute, until `leave_way`."""
    _free.clear()


def leave_way() -> None:
    """It is made."""
    _free.set()


def give_way() -> None:
    """Wait, but not for long, while a page is being made."""
    if not _free.is_set():
        _free.wait(_PATIENCE)


def giving_way(items: Iterable[T]) -> Iterator[T]:
    """The items, the way given before each."""
    for item in items:
        give_way()
        yield item


@contextmanager
def in_small_steps() -> Iterator[None]:
    """Let other threads have the interpreter often, until this is over.

    Not for good, because the threads of a poll, which wait more than they compute, get more done
    in Python's own steps.
    """
    sys.setswitchinterval(_STEP)
    try:
        yield
    finally:  # not as it was before: other such work may have begun first and ended meanwhile
        sys.setswitchinterval(_USUAL)
