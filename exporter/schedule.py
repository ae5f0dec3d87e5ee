"""When each poll runs: at once, and from the second time on with the load spread."""

import threading
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger


class Staggered(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Fires at `start`, then every `interval` seconds from a moment between half an interval and
    one later.

    The moment follows from `name`, so that the polls of many workspaces part and a restart changes
    nothing. Unlike APScheduler's own interval with jitter it keeps its period, and a clock that
    jumps ahead costs no time.
    """

    def __init__(self, name: str, start: datetime, interval: float) -> None:
        self._start = start
        self._interval = interval
        share = zlib.crc32(name.encode()) / 2**32
        self._grid = start + timedelta(seconds=interval * (0.5 + share / 2))

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """The first moment of the grid after `previous` and `now`; `start` where there was none
        before.
        """
        if previous is None:
            return self._start
        steps = (max(previous, now) - self._grid).total_seconds() // self._interval + 1
        return self._grid + timedelta(seconds=steps * self._interval)


class Repeated:
    """A call that is made again and again, never twice at a time."""

    def __init__(self, call: Callable[[], None], wake: Callable[[float], None]) -> None:
        self._call = call
        self._wake = wake
        self._lock = threading.Lock()
        self._running = False
        self._again = False

    def run(self) -> None:
        """Make the call, and once more for whoever asked for it meanwhile; not while it is made."""
        with self._lock:
            if self._running:
                return
            self._running = True
        while True:
            try:
                self._call()
            except BaseException:
                with self._lock:
                    self._running = self._again = False
                raise
            with self._lock:
                again, self._again = self._again, False
                self._running = again
            if not again:
                return

    def soon(self) -> None:
        """Make the call now, or right after the one that runs."""
        with self._lock:
            if self._running:
                self._again = True
                return
        self._wake(0.0)

    def within(self, seconds: float) -> None:
        """Make the next call so many seconds from now, unless it is due earlier."""
        self._wake(seconds)


class Schedule:
    """Runs calls on threads of its own, each at its own interval."""

    def __init__(self) -> None:
        # A thread is made when there is none idle, so there are as many as calls that ran at once:
        # no number limits them.
        self._threads = ThreadPoolExecutor(10_000)
        self._scheduler = BackgroundScheduler(
            executors={"default": self._threads},
            # Two, and a `Repeated` that lets only one through: for APScheduler a run goes on for a
            # moment after its call has ended, and what is to run `soon` in it would be lost.
            job_defaults={"misfire_grace_time": None, "max_instances": 2, "coalesce": True},
            timezone=UTC,
        )

    def every(self, name: str, interval: float, call: Callable[[], None]) -> Repeated:
        """Make `call` at once and then every `interval` seconds, until `remove`."""
        repeated = Repeated(call, lambda seconds: self._wake(name, seconds))
        trigger = Staggered(name, datetime.now(UTC), interval)
        self._scheduler.add_job(repeated.run, trigger, id=name)
        return repeated

    def due(self) -> dict[str, float]:
        """When each call is made next (epoch seconds), by name; nothing before `start`."""
        if not self._scheduler.running:
            return {}
        return {job.id: job.next_run_time.timestamp() for job in self._scheduler.get_jobs()}

    def remove(self, prefix: str) -> None:
        """Make the calls whose name begins so no more; one that runs goes on to its end."""
        for job in self._scheduler.get_jobs():
            if job.id.startswith(prefix):
                job.remove()

    def realign(self) -> None:
        """Make every call now and go on from here: for a wall clock that was set."""
        for job in self._scheduler.get_jobs():
            self._wake(job.id, 0.0, clock_set=True)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Start nothing more. Does not wait for what runs."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def join(self) -> None:
        """Wait, after `stop`, for what runs."""
        self._threads.shutdown(wait=True)

    def _wake(self, name: str, seconds: float, *, clock_set: bool = False) -> None:
        moment = datetime.now(UTC) + timedelta(seconds=seconds)
        job = self._scheduler.get_job(name)
        try:
            if job is not None and (clock_set or moment < job.next_run_time):
                job.modify(next_run_time=moment)
        except JobLookupError:  # removed meanwhile
            return
