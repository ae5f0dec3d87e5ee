"""What the exporter counts about itself while it runs."""

import platform
import threading
from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client import Metric as Collected

from exporter import __version__, catalog
from exporter.catalog import Metric
from exporter.exposition import OPENMETRICS_SUFFIX, header, line, written
from exporter.model import RateLimit
from exporter.negotiation import Format

_END = {Format.TEXT: b"", Format.OPENMETRICS: b"# EOF\n"}

# Braze answers in 0.25 to 0.9 s; a request is cut off at `poll.timeout`, 15 s unless set.
_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0)


class _Requests:
    """The metrics about requests to Braze, and the lock under which they change."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lock = threading.Lock()
        self.changes = 0  # how often anything in the registry changed
        self.sent = Counter(*_labelled(catalog.REQUESTS), registry=registry)
        self.failed = Counter(*_labelled(catalog.FAILURES), registry=registry)
        self.duration = Histogram(
            *_labelled(catalog.REQUEST_DURATION), buckets=_BUCKETS, registry=registry
        )
        self.limit = Gauge(*_labelled(catalog.RATE_LIMIT), registry=registry)
        self.remaining = Gauge(*_labelled(catalog.RATE_LIMIT_REMAINING), registry=registry)
        self.reset = Gauge(*_labelled(catalog.RATE_LIMIT_RESET), registry=registry)
        self.throttled = Counter(*_labelled(catalog.THROTTLED), registry=registry)


class WorkspaceTelemetry:
    """Counts the requests of one workspace; once retired nothing, whoever still calls."""

    def __init__(self, requests: _Requests, workspace: str, endpoints: Iterable[str]) -> None:
        self._requests = requests
        self._workspace = workspace
        self.endpoints = frozenset(endpoints)
        self.retired = False
        self.quota = RateLimit()
        asked = sorted(self.endpoints)
        # Kept, because to find one again takes longer than to count.
        self._sent = {each: requests.sent.labels(workspace, each) for each in asked}
        self._duration = {each: requests.duration.labels(each) for each in asked}
        for endpoint in asked:
            for reason in catalog.REASONS:
                requests.failed.labels(workspace, endpoint, reason)
        requests.throttled.labels(workspace)
        requests.changes += 1

    def requested(self, endpoint: str, seconds: float, reason: str | None) -> None:
        """A request to `endpoint` took `seconds`, and failed for `reason` unless that is None."""
        with self._requests.lock:
            if self.retired:
                return
            of = self._workspace, endpoint
            (self._sent.get(endpoint) or self._requests.sent.labels(*of)).inc()
            (self._duration.get(endpoint) or self._requests.duration.labels(endpoint)).observe(
                seconds
            )
            if reason is not None:
                self._requests.failed.labels(*of, reason).inc()
            self._requests.changes += 1

    def rate_limit(self, limit: RateLimit) -> None:
        """Braze's headers said `limit`; what they did not say stands as it was."""
        with self._requests.lock:
            if self.retired:
                return
            known, self.quota = self.quota, limit.or_else(self.quota)
            for gauge, before, now in (
                (self._requests.limit, known.limit, self.quota.limit),
                (self._requests.remaining, known.remaining, self.quota.remaining),
                (self._requests.reset, known.reset, self.quota.reset),
            ):
                if now is not None and now != before:
                    gauge.labels(self._workspace).set(now)
                    self._requests.changes += 1

    def throttled(self, seconds: float) -> None:
        """A request waited `seconds` for the limiter."""
        with self._requests.lock:
            if not self.retired:
                self._requests.throttled.labels(self._workspace).inc(seconds)
                self._requests.changes += 1


class Telemetry:
    """Direct instrumentation in registries of its own, rendered when something changed; and what
    the process uses, as of the last `look`. Safe for threads.

    `revision` is the commit that was built; `process` adds prometheus_client's `process_*` and
    `python_*`.
    """

    def __init__(self, *, revision: str = "", process: bool = True) -> None:
        # It would be a second series for each counter, which nothing of ours asks for.
        disable_created_metrics()
        self._registry = registry = CollectorRegistry()
        build = catalog.BUILD_INFO
        Info(build.name.removesuffix("_info"), build.help, registry=registry).info(
            {
                "version": __version__,
                "revision": revision,
                "pythonversion": platform.python_version(),
            }
        )
        self._requests = _Requests(registry)
        self._workspaces: dict[str, WorkspaceTelemetry] = {}
        self._reload_successful = Gauge(*_labelled(catalog.RELOAD_SUCCESSFUL), registry=registry)
        self._reloaded = Gauge(*_labelled(catalog.RELOAD_TIMESTAMP), registry=registry)
        self._rendered: dict[Format, tuple[int, bytes]] = {}
        self._process = CollectorRegistry()
        if process:
            PlatformCollector(registry=registry)
            ProcessCollector(registry=self._process)
            GCCollector(registry=self._process)
        self.look()

    def look(self) -> None:
        """See what the process uses now.

        Not at each scrape: it takes dozens of calls to the kernel, after each of which a scrape
        would wait for the interpreter while a poll is at work.
        """
        self._used = tuple(self._process.collect())

    def render(self, form: Format) -> bytes:
        """The samples of this moment; for OpenMetrics with the `# EOF` that ends the page."""
        known, counted = self._rendered.get(form, (-1, b""))
        if known != self._requests.changes:
            with self._requests.lock:  # or half of a change would stand until the next one
                counted = _lines(self._registry.collect(), form)
                self._rendered[form] = (self._requests.changes, counted)
        return counted + _lines(self._used, form) + _END[form]

    def settings_read(self, moment: float | None) -> None:
        """The settings were read at `moment` (epoch seconds), or could not be read (None)."""
        if moment is not None:
            self._reloaded.set(moment)
        self.settings_are(good=moment is not None)

    def settings_are(self, *, good: bool) -> None:
        """What the files with settings say now can be used, or not."""
        with self._requests.lock:
            self._reload_successful.set(good)
            self._requests.changes += 1

    def of(self, workspace: str, endpoints: Iterable[str]) -> WorkspaceTelemetry:
        """The counters of `workspace`, from now on at 0 or where they stand for each of
        `endpoints`.

        The one made before for the same workspace is retired; of the endpoints it counted, those
        not in `endpoints` go.
        """
        with self._requests.lock:
            before = self._workspaces.get(workspace)
            new = WorkspaceTelemetry(self._requests, workspace, endpoints)
            self._workspaces[workspace] = new
            if before is not None:
                new.quota = before.quota
                before.retired = True
                for endpoint in before.endpoints - new.endpoints:
                    gone = {"workspace": workspace, "endpoint": endpoint}
                    self._requests.sent.remove_by_labels(gone)
                    self._requests.failed.remove_by_labels(gone)
                self._requests.changes += 1
            return new

    def quotas(self) -> dict[str, RateLimit]:
        """What Braze's headers said last of each workspace's limit."""
        with self._requests.lock:
            return {name: workspace.quota for name, workspace in self._workspaces.items()}

    def forget(self, workspace: str) -> None:
        """Take the workspace's own metrics away, for good."""
        with self._requests.lock:
            self._workspaces.pop(workspace).retired = True
            for metric in (
                self._requests.sent,
                self._requests.failed,
                self._requests.limit,
                self._requests.remaining,
                self._requests.reset,
                self._requests.throttled,
            ):
                metric.remove_by_labels({"workspace": workspace})
            self._requests.changes += 1


def _lines(collected: Iterable[Collected], form: Format) -> bytes:
    """What prometheus_client collected, as the rest of the page is written: its own way takes five
    times as long.
    """
    lines: list[str] = []
    for family in collected:
        name = family.name + OPENMETRICS_SUFFIX.get(family.type, "")
        lines.append(header(Metric(name, family.type, (), family.documentation), form))
        lines += (line(s.name, written(s.labels.items()), s.value) for s in family.samples)
    return "".join(lines).encode()


def _labelled(metric: Metric) -> tuple[str, str, tuple[str, ...]]:
    return metric.name, metric.help, metric.labels
