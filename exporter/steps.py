"""Work that computes for long, in steps so small that other threads hardly wait for it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Seconds after which Python lets another thread run, where its own are 5 ms: a scrape hands the
# interpreter over several times, and would wait as long each time.
_STEP = 0.0001
_USUAL = sys.getswitchinterval()


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
