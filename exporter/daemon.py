"""Builds the exporter from settings, runs, reloads and stops it."""

import logging
import queue
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from exporter import page, signals, statusjson
from exporter.config import ConfigError, Settings
from exporter.families import DISCOVERY, SEGMENTS
from exporter.negotiation import Format
from exporter.poller import Poller, key_of
from exporter.schedule import Repeated, Schedule
from exporter.secretfile import KeyFileError
from exporter.server import Server
from exporter.snapshot import Store
from exporter.status import Status, status_of
from exporter.steps import in_small_steps
from exporter.telemetry import Telemetry
from exporter.web import Site, make_site
from exporter.webconfig import WebFile

log = logging.getLogger(__name__)

# Seconds between two looks at the orders. One that waits is seen at once, but a signal that arrives
# just before the wait begins is only handled when the wait ends.
_LOOK = 0.5
_USED = 1.0  # seconds for which what the process uses is taken to be as it was
_TICK = 5.0  # seconds between two signs of life of the scheduler
_JUMP = 5.0  # seconds by which a clock that was set differs
_NO_LIST = 60.0  # seconds until discovery is tried again, as long as it never read the list
_SILENCE = 60.0  # without a sign of life for so long, something hangs
_STOP = 2.0  # seconds for everything to end; within 3 the process is gone
_RELOAD = 30.0  # seconds a caller waits for the answer to a reload
_ENDING = "the exporter is stopping"


@dataclass(frozen=True, slots=True)
class _Reload:
    """An order to read the settings again; `answer` gets None, or why it could not be done."""

    answer: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)


class _Stop:
    """An order to stop."""


class Daemon:
    """The exporter at work. The thread that calls `run` owns all that runs; others send it orders.

    `load` reads the settings anew, raising ConfigError; `revision` is the commit that was built.
    """

    def __init__(self, load: Callable[[], Settings], *, revision: str = "") -> None:
        self._load = load
        self._orders: queue.SimpleQueue[_Reload | _Stop] = queue.SimpleQueue()
        self._store = Store(time.time)
        self._telemetry = Telemetry(revision=revision)
        self._schedule = Schedule()
        self._pollers: dict[str, Poller] = {}
        self._retiring: dict[threading.Thread, Poller] = {}
        self._generation = 0
        self._refused = False  # the newest settings, apart from those of web.config_file
        self._web = WebFile(None)
        self._was_ready = False
        self._ending = threading.Event()
        self._heard = {"main loop": time.monotonic(), "scheduler": time.monotonic()}

    def run(self, settings: Settings, started: Callable[[tuple[str, ...]], None]) -> bool:
        """Serve until a signal or `stop` ends it; returns whether all threads have ended.

        `started` is told the addresses once they are listened on. Raises server.ListenError,
        KeyFileError and, for what `web.config_file` says, ConfigError, with nothing running.
        """
        self._web = WebFile(settings.web.config_file)
        site = self._site(settings.web.telemetry_path)
        server = Server(settings.web.listen_address, site, policy=lambda: self._web.policy)
        orders = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            signal.SIGHUP: lambda: self._orders.put(_Reload()),
        }
        try:
            with signals.handled(orders), in_small_steps():
                self._apply(settings)  # the first request is to find everything expected
                server.start()
                started(server.addresses)
                self._schedule.every("heartbeat", _TICK, lambda: self._beat("scheduler"))
                self._schedule.start()
                self._obey(settings)
        finally:
            ended = self._end(server)
        return ended

    def stop(self) -> None:
        """Have `run` return; from any thread or signal handler."""
        self._orders.put(_Stop())

    def secrets(self) -> tuple[str, ...]:
        """The keys in use, which no log line may hold."""
        pollers = (*self._pollers.values(), *self._retiring.values())
        return tuple(poller.key.read() for poller in pollers)

    def _obey(self, settings: Settings) -> None:
        ahead, looked = time.time() - time.monotonic(), time.monotonic()
        while True:
            try:
                order = self._orders.get(timeout=_LOOK)
            except queue.Empty:
                order = None
            self._beat("main loop")
            if isinstance(order, _Stop):
                return
            if isinstance(order, _Reload):
                settings = self._reload(order, settings)
            self._look_at_web()
            if time.monotonic() >= looked + _USED:
                looked = time.monotonic()
                self._telemetry.look()
            # APScheduler goes by the wall clock: set back by an hour, it would sleep for that hour.
            before, ahead = ahead, time.time() - time.monotonic()
            if abs(ahead - before) > _JUMP:
                log.warning("the clock was set", extra={"seconds": round(ahead - before)})
                self._schedule.realign()

    def _reload(self, order: _Reload, before: Settings) -> Settings:
        try:
            self._web.reread()
            self._refused = True
            settings = self._load()
            self._apply(settings)
            self._refused = False
        except (ConfigError, KeyFileError) as error:
            self._telemetry.settings_read(None)
            log.error("the settings stay as they were", extra={"reason": str(error)})
            order.answer.put(str(error))
            return before
        if settings.web != before.web or settings.log != before.log:
            log.warning("changes of web and log need a restart")
        log.info("reloaded", extra={"workspaces": len(settings.workspaces)})
        order.answer.put(None)
        return settings

    def _look_at_web(self) -> None:
        """Take over what changed of TLS and basic auth, and show when it is bad or good again."""
        was_good = not self._web.problem
        self._web.look()
        is_good = not self._web.problem
        if is_good != was_good:
            self._telemetry.settings_are(good=is_good and not self._refused)

    def _apply(self, settings: Settings) -> None:
        """Poll what the settings say and nothing else.

        Workspaces whose settings are as before go on undisturbed. Raises KeyFileError, with nothing
        changed.
        """
        before = self._pollers
        kept = {
            name: poller
            for name, poller in before.items()
            if name in settings.workspaces
            and poller.settings == (settings.workspaces[name], settings.poll, settings.shard)
        }
        # First, because it can fail; from here on nothing can.
        keys = {
            name: key_of(name, workspace)
            for name, workspace in settings.workspaces.items()
            if name not in kept
        }
        for name, poller in before.items():
            if name not in kept:
                self._schedule.remove(f"{name}/")
                self._retire(poller)
        self._generation += 1
        self._pollers = {
            name: kept.get(name)
            or Poller(
                name,
                workspace,
                settings.poll,
                keys[name],
                self._store,
                self._telemetry,
                before.get(name),
                settings.shard,
            )
            for name, workspace in settings.workspaces.items()
        }
        self._store.expect(poller.watch for poller in self._pollers.values())
        for name in before.keys() - self._pollers.keys():
            self._telemetry.forget(name)
        self._telemetry.settings_read(time.time())
        for name, poller in self._pollers.items():
            if name not in kept:
                self._plan(poller)

    def _plan(self, poller: Poller) -> None:
        jobs: dict[str, Repeated] = {}
        for collector, interval in poller.watch.intervals.items():
            # A name of its own: APScheduler skips the first run of a job added under a name that
            # still runs.
            name = f"{poller.watch.workspace}/{collector}/{self._generation}"
            call = self._call(poller, collector, jobs)
            jobs[collector] = self._schedule.every(name, interval, call)

    def _call(
        self, poller: Poller, collector: str, jobs: dict[str, Repeated]
    ) -> Callable[[], None]:
        def call() -> None:
            watch = poller.watch
            if collector == SEGMENTS and not watch.own(watch.ids) and not self._store.listed(watch):
                return  # nothing to ask yet: discovery calls again
            selected = poller.poll(collector)
            if collector == DISCOVERY and SEGMENTS in jobs and not poller.asks_for(selected):
                jobs[SEGMENTS].soon()
            if collector == DISCOVERY and watch.discover and self._store.listing(watch) is None:
                jobs[DISCOVERY].within(_NO_LIST)

        return call

    def _retire(self, poller: Poller) -> None:
        """Stop a poller without waiting for it: a thread that asks the resolver cannot be
        interrupted.
        """
        poller.stop()
        ended = threading.Thread(target=poller.join, name="retiring", daemon=True)
        ended.start()
        self._retiring = {t: p for t, p in self._retiring.items() if t.is_alive()} | {ended: poller}

    def _end(self, server: Server) -> bool:
        """Stop all, within a few seconds; returns whether every thread has ended."""
        self._schedule.stop()
        for poller in self._pollers.values():
            self._retire(poller)
        self._ending.set()
        with suppress(queue.Empty):
            while True:
                order = self._orders.get_nowait()
                if isinstance(order, _Reload):
                    order.answer.put(_ENDING)
        server.stop(_STOP / 2)
        deadline = time.monotonic() + _STOP / 2
        polls = threading.Thread(target=self._schedule.join, name="ending", daemon=True)
        polls.start()
        ending = (polls, *self._retiring)
        for thread in ending:
            thread.join(max(deadline - time.monotonic(), 0.0))
        return not any(thread.is_alive() for thread in ending)

    def _site(self, telemetry_path: str) -> Site:
        return make_site(
            metrics=self._metrics,
            healthy=self._healthy,
            ready=self._ready,
            reload=self._request_reload,
            pages={
                "/": partial(page.answer, self._status, telemetry_path),
                "/status.json": partial(statusjson.answer, self._status),
            },
            telemetry_path=telemetry_path,
        )

    def _metrics(self, form: Format, gzipped: bool) -> tuple[bytes, ...]:
        return self._store.snapshot().pages[form].with_tail(self._telemetry.render(form), gzipped)

    def _status(self) -> Status:
        due = {tuple(name.split("/")[:2]): due for name, due in self._schedule.due().items()}
        return status_of(self._store.standing(), self._telemetry.quotas(), due, time.time())

    def _healthy(self) -> str | None:
        silent = [
            name for name, heard in self._heard.items() if time.monotonic() - heard > _SILENCE
        ]
        return f"no sign of life of the {' and the '.join(silent)}" if silent else None

    def _ready(self) -> str | None:
        # Once ready it stays so: a workspace added by a reload is no reason to stop the scrapes.
        waiting = () if self._was_ready else self._store.unpolled()
        self._was_ready = not waiting
        return "not polled yet: " + ", ".join("/".join(one) for one in waiting) if waiting else None

    def _request_reload(self) -> str | None:
        order = _Reload()
        self._orders.put(order)
        if self._ending.is_set():
            return _ENDING  # maybe nobody reads orders any more
        try:
            return order.answer.get(timeout=_RELOAD)
        except queue.Empty:
            return f"no answer within {_RELOAD:g} s; it may still be done"

    def _beat(self, name: str) -> None:
        self._heard[name] = time.monotonic()
