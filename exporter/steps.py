"""Scrapes go first: how what computes for long lets them have the interpreter.

Python gives it to whichever thread is quickest to take it. A scrape, which has to take it several
times, would lose to the threads of a poll whose answers come all at once, and wait for each.
"""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

# Seconds after which Python lets another thread run, where its own are 5 ms: a scrape hands the
# interpreter over several times, and would wait as long each time.
_STEP = 0.0001
_USUAL = sys.getswitchinterval()

# Seconds after which others go on, whatever became of the page: it is made in one thousandth,
# unless it waits for something itself, perhaps for those who wait for it.
_LONGEST = 0.01

# Seconds after which a turn is taken from a thread that keeps it: it does not compute that long,
# but waits for something without saying so.
_OVERDUE = 0.05

_free = threading.Event()
_free.set()
_until = 0.0

_turn = threading.Lock()  # another one takes its place where it is not given back
_turns = 0  # how often anybody had it


class _Mine(threading.local):
    computing = False
    turn: "threading.Lock | None" = None


_mine = _Mine()


def take_way(longest: float = _LONGEST) -> None:
    """There is something to do that goes first, a page to be made perhaps: others wait with what
    they compute until `leave_way`, for up to `longest` (seconds).
    """
    global _until  # noqa: PLW0603 - there is one interpreter
    _until = time.monotonic() + longest
    _free.clear()


def leave_way() -> None:
    """It is done."""
    _free.set()


def give_way() -> float:
    """Wait while a page is being made, but not for long; returns how long (seconds)."""
    if _free.is_set():
        return 0.0
    begun = time.monotonic()
    if begun < _until:
        _free.wait(_until - begun)
    return time.monotonic() - begun


class Courtesy:
    """Gives way before each step of a long work, for up to `seconds` in all: a work that is never
    done would be worse than a page that comes late.
    """

    def __init__(self, seconds: float = 0.5) -> None:
        self._left = seconds

    def give(self) -> None:
        """Give way."""
        if self._left > 0:
            self._left -= give_way()

    def before_each(self, items: Iterable[T]) -> Iterator[T]:
        """The items, the way given before each."""
        for item in items:
            self.give()
            yield item


@contextmanager
def computing(overdue: float = _OVERDUE) -> Iterator[None]:
    """What the threads of polls compute: one of them at a time.

    Python would let them do it together, which makes nothing quicker, and each of them would take
    the interpreter before a scrape does. From one that keeps its turn for `overdue` (seconds) it is
    taken.
    """
    if _mine.computing:
        yield
        return
    _begin(overdue)
    try:
        yield
    finally:
        _end()


@contextmanager
def waiting() -> Iterator[None]:
    """A wait in the middle of it, in which another one computes."""
    if not _mine.computing:
        yield
        return
    _end()
    try:
        yield
    finally:
        _begin(_OVERDUE)


def _begin(overdue: float) -> None:
    """Wait for the turn.

    Without a lock around all: the worst that a race does is that two compute for a moment.
    """
    global _turn, _turns  # noqa: PLW0603 - there is one interpreter
    _mine.computing = True
    while True:
        turn, before = _turn, _turns
        if not turn.acquire(timeout=overdue):
            if turn is not _turn or before != _turns:
                continue  # others had it meanwhile
            turn = threading.Lock()
            turn.acquire()
            _turn = turn
        elif turn is not _turn:  # it was taken from who gives it back now
            turn.release()
            continue
        _turns += 1
        _mine.turn = turn
        return


def _end() -> None:
    _mine.computing = False
    turn, _mine.turn = _mine.turn, None
    if turn is not None:
        turn.release()


@contextmanager
def in_small_steps() -> Iterator[None]:
    """Let other threads have the interpreter often, until this is over.

    For a process whose threads mostly take turns with what they compute: those that all want it at
    once get less done so than in Python's own steps.
    """
    sys.setswitchinterval(_STEP)
    try:
        yield
    finally:  # not as it was before: another exporter may have begun first and ended meanwhile
        sys.setswitchinterval(_USUAL)
