"""One workspace at work: its settings become a client, threads of its own and polls."""

import logging
import threading
import time
from collections.abc import Iterable

from exporter import config
from exporter.account import Account
from exporter.families import DISCOVERY, EVENTS, KPI, LIST, SEGMENTS, SESSIONS
from exporter.journal import Journal
from exporter.limiter import Interrupted
from exporter.model import Reading, Series, Unit
from exporter.past import History
from exporter.poll import poll_discovery, poll_series
from exporter.recall import Recall, read_pasts
from exporter.secretfile import ApiKey
from exporter.shard import EVERYTHING, Shard
from exporter.snapshot import Store
from exporter.telemetry import Telemetry
from exporter.watch import Alerts, Watch

log = logging.getLogger(__name__)


def watch_of(
    name: str, workspace: config.Workspace, poll: config.Poll, shard: Shard = EVERYTHING
) -> Watch:
    """What the settings of the workspace `name` ask to be watched, by `shard` or by all of them."""
    segments, sessions, alerts = workspace.segments, workspace.sessions, workspace.alerts
    return Watch(
        workspace=name,
        ids=segments.ids,
        discover=segments.discover,
        include=segments.include,
        exclude=segments.exclude,
        tags=segments.tags,
        limit=segments.limit,
        apps={app_id: app for app, app_id in workspace.apps.items()},
        units=tuple(Unit(unit) for unit in sessions.units),
        workspace_total=sessions.workspace_total,
        by_segment=sessions.by_segment,
        kpis=workspace.kpi.metrics,
        kpi_total=workspace.kpi.workspace_total,
        events=workspace.events.names,
        event_units=tuple(Unit(unit) for unit in workspace.events.units),
        zone=workspace.time_zone,
        endpoint=workspace.endpoint,
        alerts=Alerts(
            drop=alerts.drop,
            surge=alerts.surge,
            min_size=alerts.min_size,
            min_sessions=alerts.min_sessions,
            min_users=alerts.min_users,
            min_events=alerts.min_events,
            segments=alerts.segments,
            apps={workspace.apps[app]: drop for app, drop in alerts.apps.items()},
        ),
        zero_after=segments.zero_after.total_seconds(),
        settle=poll.settle.total_seconds(),
        keep=poll.keep.total_seconds(),
        polls={
            DISCOVERY: poll.discovery.total_seconds(),
            SEGMENTS: poll.segments.total_seconds(),
            SESSIONS: poll.sessions.total_seconds(),
            KPI: poll.kpi.total_seconds(),
            EVENTS: poll.events.total_seconds(),
        },
        shard=shard,
    )


def key_of(name: str, workspace: config.Workspace) -> ApiKey:
    """The API key of the workspace `name`. Raises KeyFileError where its file holds none now."""
    if workspace.api_key_file is None:
        return ApiKey.of(workspace.api_key.get_secret_value() if workspace.api_key else "")

    def warn(problem: str) -> None:
        log.warning("the API key stays as it was", extra={"workspace": name, "reason": problem})

    return ApiKey.in_file(workspace.api_key_file, warn)


class Poller:
    """Polls the collectors of one workspace, each poll on the caller's thread, until `stop`.

    `before` polled the same workspace under other settings; its limits go on.
    """

    def __init__(
        self,
        name: str,
        workspace: config.Workspace,
        poll: config.Poll,
        key: ApiKey,
        store: Store,
        telemetry: Telemetry,
        before: "Poller | None" = None,
        shard: Shard = EVERYTHING,
    ) -> None:
        self.watch = watch_of(name, workspace, poll, shard)
        self.settings = (workspace, poll, shard)
        self.key = key
        self._store = store
        self._polls = threading.Condition()
        self._under_way = 0
        self._sizes: frozenset[Series] | None = None
        self._journal = Journal(name)
        self._recall = Recall(time.time)
        counters = telemetry.of(name, endpoints(self.watch))
        self._account: Account = Account(
            name,
            workspace,
            poll.timeout.total_seconds(),
            key,
            counters,
            before._account if before is not None else None,
            shard=shard,
        )

    def poll(self, collector: str) -> tuple[str, ...]:
        """Poll `collector` once and publish what was learned; returns the ids of newly selected
        segments.
        """
        with self._polls:
            if self._account.stopped:
                return ()
            self._under_way += 1
        try:
            return self._poll(collector)
        finally:
            with self._polls:
                self._under_way -= 1
                self._polls.notify_all()

    def asks_for(self, segments: Iterable[str]) -> bool:
        """Whether a poll of segments has begun that asks for the size of each of these."""
        begun = self._sizes
        return begun is not None and begun.issuperset(self.watch.wanted(SEGMENTS, tuple(segments)))

    def stop(self) -> None:
        """End every wait and request of this workspace; nothing more is published."""
        with self._polls:
            self._account.stop()

    def join(self) -> None:
        """Wait for the polls to end, after `stop`, and give back threads and connections."""
        with self._polls:
            self._polls.wait_for(lambda: not self._under_way)
        self._account.close()

    def _poll(self, collector: str) -> tuple[str, ...]:
        started = time.time()
        try:
            reading = self._read(collector)
        except Interrupted:
            return ()
        except Exception as error:
            # The one broad net: a bug must show as a failed poll, not as values that stand still
            # for ever.
            log.exception("a poll failed by a bug", extra=self._journal.of(collector))
            reading = Reading(
                self.watch.workspace,
                collector,
                started,
                time.time(),
                failures={None: f"internal error: {type(error).__name__}"},
            )
        if self._account.stopped:
            return ()
        selected = self._store.publish(reading, self.watch)
        self._journal.polled(reading)
        try:
            if reading.answers:  # else the past would be refused as well
                self._read_past(collector, started)
        except Exception:
            log.exception("history failed by a bug", extra=self._journal.of(collector))
        return selected

    def _read(self, collector: str) -> Reading:
        name = self.watch.workspace
        if collector == DISCOVERY:
            known = self._store.listing(self.watch) or ()
            return poll_discovery(
                name,
                # On the threads, so that with it there are no more requests than threads.
                lambda: self._account.threads.submit(self._account.client.segments, known).result(),
                now=time.time,
                optional=not self.watch.discover,
            )
        wanted = self._store.wanted(self.watch, collector)
        if collector == SEGMENTS:
            self._sizes = frozenset(wanted)
            if not wanted and self._store.listing(self.watch) is None:
                reason = "the list of segments could not be read"
                return Reading(name, collector, time.time(), time.time(), failures={None: reason})
        return poll_series(
            name,
            collector,
            wanted,
            self._account.client.data_series,
            threads=self._account.threads,
            width=self._account.width,
            now=time.time,
        )

    def _read_past(self, collector: str, started: float) -> None:
        """Read the history of series that have none yet, as long as no other poll can be due."""
        if collector == DISCOVERY:
            return
        due = started + self.watch.intervals[collector] / 2
        pasts = self._store.without_past(self.watch, collector)
        wanted = self._recall.due(pasts)
        if not wanted:
            return
        try:
            read = read_pasts(
                wanted,
                pasts,
                self._account.client.data_series,
                threads=self._account.threads,
                width=max(1, self._account.width // 2),  # the other half is for newer points
                go_on=lambda: time.time() < due,
            )
        except Interrupted:
            return
        self._recall.asked(read)
        self._store.publish_past(read, collector, self.watch)
        outcomes = [history for _, history in read.values()]
        counts = {"read": outcomes.count(History.READ), "failed": outcomes.count(History.FAILED)}
        log.info("read history", extra=self._journal.of(collector) | counts)


def endpoints(watch: Watch) -> frozenset[str]:
    """The endpoints that polls of `watch` ask."""
    collectors = watch.intervals
    asked = {family.endpoint for name in collectors for family in watch.families(name)}
    return frozenset(asked | {LIST}) if DISCOVERY in collectors else frozenset(asked)
