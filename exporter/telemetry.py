"""What the exporter counts about itself while it runs."""

import platform
import threading
from collections.abc import Iterable
from typing import Any

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

_END = {Format.TEXT: "", Format.OPENMETRICS: "# EOF\n"}

# Braze answers in 0.25 to 0.9 s; a request is cut off at `poll.timeout`, 15 s unless set.
_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0)


class _Family:
    """One metric of prometheus_client and the lines of its samples, each child's written anew only
    where it changed: to collect them all takes a thousand times as long as to count one request.
    """

    def __init__(self, kind: type[Any], metric: Metric, **more: Any) -> None:
        self._whole = kind(metric.name, metric.help, metric.labels, registry=None, **more)
        self._names = metric.labels
        self._children: dict[tuple[str, ...], Any] = {}
        self._lines: dict[tuple[str, ...], str | None] = {}
        self._headers = {form: _header(next(iter(self._whole.collect())), form) for form in Format}

    def of(self, *labels: str) -> Any:
        """The child with these values of the labels, to be changed."""
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._whole.labels(*labels) if labels else self._whole
        self._lines[labels] = None
        return child

    def without(self, **labels: str) -> None:
        """Forget the children with these labels."""
        for values in [*self._children]:
            if labels.items() <= dict(zip(self._names, values, strict=True)).items():
                self._whole.remove(*values)
                del self._children[values], self._lines[values]

    def text(self, form: Format) -> str:
        """Header and samples."""
        for values, known in self._lines.items():
            if known is None:
                labels = tuple(zip(self._names, values, strict=True))
                self._lines[values] = "".join(
                    line(each.name, written((*labels, *each.labels.items())), each.value)
                    for family in self._children[values].collect()
                    for each in family.samples
                )
        return self._headers[form] + "".join(map(str, self._lines.values()))


class _Requests:
    """The metrics about requests to Braze, and the lock under which they change."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sent = _Family(Counter, catalog.REQUESTS)
        self.failed = _Family(Counter, catalog.FAILURES)
        self.duration = _Family(Histogram, catalog.REQUEST_DURATION, buckets=_BUCKETS)
        self.limit = _Family(Gauge, catalog.RATE_LIMIT)
        self.remaining = _Family(Gauge, catalog.RATE_LIMIT_REMAINING)
        self.reset = _Family(Gauge, catalog.RATE_LIMIT_RESET)
        self.throttled = _Family(Counter, catalog.THROTTLED)
        self.families = (
            self.sent,
            self.failed,
            self.duration,
            self.limit,
            self.remaining,
            self.reset,
            self.throttled,
        )


class WorkspaceTelemetry:
    """Counts the requests of one workspace; once retired nothing, whoever still calls."""

    def __init__(self, requests: _Requests, workspace: str, endpoints: Iterable[str]) -> None:
        self._requests = requests
        self._workspace = workspace
        self.endpoints = frozenset(endpoints)
        self.retired = False
        self.quota = RateLimit()
        for endpoint in sorted(self.endpoints):
            requests.sent.of(workspace, endpoint)
            requests.duration.of(endpoint)
            for reason in catalog.REASONS:
                requests.failed.of(workspace, endpoint, reason)
        requests.throttled.of(workspace)

    def requested(self, endpoint: str, seconds: float, reason: str | None) -> None:
        """A request to `endpoint` took `seconds`, and failed for `reason` unless that is None."""
        with self._requests.lock:
            if self.retired:
                return
            self._requests.sent.of(self._workspace, endpoint).inc()
            self._requests.duration.of(endpoint).observe(seconds)
            if reason is not None:
                self._requests.failed.of(self._workspace, endpoint, reason).inc()

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
                    gauge.of(self._workspace).set(now)

    def throttled(self, seconds: float) -> None:
        """A request waited `seconds` for the limiter."""
        with self._requests.lock:
            if not self.retired:
                self._requests.throttled.of(self._workspace).inc(seconds)


class Telemetry:
    """Direct instrumentation in registries of its own, rendered when something changed; and what
    the process uses, as of the last `look`. Safe for threads.

    `revision` is the commit that was built; `process` adds prometheus_client's `process_*` and
    `python_*`.
    """

    def __init__(self, *, revision: str = "", process: bool = True) -> None:
        # It would be a second series for each counter, which nothing of ours asks for.
        disable_created_metrics()
        build = catalog.BUILD_INFO
        info = Info(build.name.removesuffix("_info"), build.help, registry=None)
        info.info(
            {
                "version": __version__,
                "revision": revision,
                "pythonversion": platform.python_version(),
            }
        )
        self._requests = _Requests()
        self._workspaces: dict[str, WorkspaceTelemetry] = {}
        self._reload_successful = _Family(Gauge, catalog.RELOAD_SUCCESSFUL)
        self._reloaded = _Family(Gauge, catalog.RELOAD_TIMESTAMP)
        for gauge in (self._reload_successful, self._reloaded):
            gauge.of().set(0)
        self._process = CollectorRegistry()
        runs: list[Collected] = [*info.collect()]
        if process:
            runs += PlatformCollector(registry=None).collect()
            ProcessCollector(registry=self._process)
            GCCollector(registry=self._process)
        self._runs = {form: _text(runs, form) for form in Format}
        self._families = (
            *self._requests.families,
            self._reload_successful,
            self._reloaded,
        )
        self.look()

    def look(self) -> None:
        """See what the process uses now.

        Not at each scrape: it takes dozens of calls to the kernel, after each of which a scrape
        would wait for the interpreter while a poll is at work.
        """
        self._used = tuple(self._process.collect())

    def render(self, form: Format) -> bytes:
        """The samples of this moment; for OpenMetrics with the `# EOF` that ends the page."""
        with self._requests.lock:  # or half of a change would stand until the next one
            counted = [family.text(form) for family in self._families]
        return "".join((self._runs[form], *counted, _text(self._used, form), _END[form])).encode()

    def settings_read(self, moment: float | None) -> None:
        """The settings were read at `moment` (epoch seconds), or could not be read (None)."""
        if moment is not None:
            with self._requests.lock:
                self._reloaded.of().set(moment)
        self.settings_are(good=moment is not None)

    def settings_are(self, *, good: bool) -> None:
        """What the files with settings say now can be used, or not."""
        with self._requests.lock:
            self._reload_successful.of().set(good)

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
                    for family in (self._requests.sent, self._requests.failed):
                        family.without(workspace=workspace, endpoint=endpoint)
            return new

    def quotas(self) -> dict[str, RateLimit]:
        """What Braze's headers said last of each workspace's limit."""
        with self._requests.lock:
            return {name: workspace.quota for name, workspace in self._workspaces.items()}

    def forget(self, workspace: str) -> None:
        """Take the workspace's own metrics away, for good."""
        with self._requests.lock:
            self._workspaces.pop(workspace).retired = True
            for family in self._requests.families:
                family.without(workspace=workspace)


def _text(collected: Iterable[Collected], form: Format) -> str:
    """What prometheus_client collected, as the rest of the page is written: its own way takes five
    times as long.
    """
    return "".join(
        _header(family, form)
        + "".join(line(s.name, written(s.labels.items()), s.value) for s in family.samples)
        for family in collected
    )


def _header(family: Collected, form: Format) -> str:
    name = family.name + OPENMETRICS_SUFFIX.get(family.type, "")
    return header(Metric(name, family.type, (), family.documentation), form)
