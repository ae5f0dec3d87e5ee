"""Signals as calls, for as long as something runs."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def handled(calls: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    """Each signal calls what stands beside it; afterwards, what handled it before does again.

    The calls interrupt the main thread anywhere, so they may do little more than
    `SimpleQueue.put`. In another thread, which gets no signals, nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda *_, call=call: call())
        for number, call in calls.items()
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
