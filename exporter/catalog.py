"""Every metric we export: one table.

Exposition, telemetry, the documentation and its test read this table; names and labels are SemVer
API.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from exporter.families import FAMILIES, LIST
from exporter.model import Concern, Family, Kind


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as Prometheus sees it: a row of the documentation."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


_ALARM = {
    Concern.DROP: "below which {} counts as dropped, by alerts in the settings; absent where too "
    "little is normal or known",
    Concern.SURGE: "above which {} counts as a surge, by alerts in the settings; absent where too "
    "little is known",
}


class ValueMetrics(NamedTuple):
    """The metrics that one family brings. A level has no current bucket."""

    value: Metric
    timestamp: Metric
    current: Metric | None
    current_timestamp: Metric | None
    baseline: Metric
    threshold: Metric


@cache
def value_metrics(family: Family) -> ValueMetrics:
    """The metrics of `family`."""
    unit, counted = family.unit.value, family.kind is Kind.COUNT
    start = f"Start of the {unit} that {family.name}"
    same, hour = (
        ("the same hour yesterday", "hour and ") if unit == "hour" else ("the day before", "")
    )
    weeks = f"the same {hour}weekday of the 4 weeks before" if counted else "the 28 days before"

    def gauge(suffix: str, text: str, *labels: str) -> Metric:
        text = f"{text}. Polled from Braze's {family.endpoint}."
        return Metric(f"{family.name}{suffix}", "gauge", (*family.labels, *labels), text)

    current = gauge("_current", f"{family.meaning}: the {unit} that still fills, absent once over")
    current_timestamp = gauge("_current_timestamp_seconds", f"{start}_current stands for")
    return ValueMetrics(
        gauge("", f"{family.meaning}: the newest {'complete ' * counted}{unit}"),
        gauge("_timestamp_seconds", f"{start} stands for"),
        current if counted else None,
        current_timestamp if counted else None,
        gauge(
            "_baseline",
            f"What is normal for {family.name}: {same} (1d), a week before (1w), "
            f"the median of {weeks} (4w_median)",
            "baseline",
        ),
        gauge(
            "_alert_threshold",
            f"The value {_ALARM[family.concern].format(family.name)}",
        ),
    )


SEGMENT_INFO = Metric(
    "braze_segment_info",
    "info",
    ("workspace", "segment_id", "segment_name", "tracked"),
    "A watched segment's name (its id until the name is known) and whether its analytics are "
    f"tracked. Polled from Braze's {LIST}.",
)
APP_INFO = Metric(
    "braze_app_info",
    "info",
    ("workspace", "app_id", "app_name"),
    "An app's name in the settings: Braze has no list of apps.",
)
UP = Metric(
    "braze_up",
    "gauge",
    ("workspace",),
    "0 if in some collector's last poll no request got an answer other than 401 or 5xx, else 1.",
)
SELECTED = Metric(
    "braze_exporter_segments",
    "gauge",
    ("workspace", "state"),
    "Segments that are selected, filtered (out by the settings) or over_limit, of all shards. "
    f"Polled from Braze's {LIST}.",
)
SHARD_ORDINAL = Metric(
    "braze_exporter_shard_ordinal",
    "gauge",
    ("workspace",),
    "Which shard of the workspace this exporter polls, counted from 0.",
)
TOTAL_SHARDS = Metric(
    "braze_exporter_total_shards", "gauge", ("workspace",), "Into how many shards it is divided."
)

_COLLECTOR = ("workspace", "collector")
SUCCESS = Metric(
    "braze_exporter_collector_success",
    "gauge",
    _COLLECTOR,
    "1 when the collector's last poll read everything it wanted, else 0.",
)
DURATION = Metric(
    "braze_exporter_collector_duration_seconds",
    "gauge",
    _COLLECTOR,
    "How long the collector's last poll took.",
)
LAST_ATTEMPT = Metric(
    "braze_exporter_collector_last_attempt_timestamp_seconds",
    "gauge",
    _COLLECTOR,
    "When the collector's last poll ended.",
)
LAST_SUCCESS = Metric(
    "braze_exporter_collector_last_success_timestamp_seconds",
    "gauge",
    _COLLECTOR,
    "When the collector's last poll that read everything it wanted ended.",
)
INTERVAL = Metric(
    "braze_exporter_collector_interval_seconds",
    "gauge",
    _COLLECTOR,
    "How often the collector is polled, as set.",
)
SERIES_FAILED = Metric(
    "braze_exporter_series_failed",
    "gauge",
    _COLLECTOR,
    "Series that the collector's last poll wanted and could not read.",
)

RESTATED = Metric(
    "braze_exporter_restated_points_total",
    "counter",
    _COLLECTOR,
    "Points of complete days and hours whose value Braze changed after they were read.",
)

# What changes with a reading and is rendered with it, in the order of the page.
PUBLISHED: tuple[Metric, ...] = (
    *(metric for family in FAMILIES for metric in value_metrics(family) if metric is not None),
    SEGMENT_INFO,
    APP_INFO,
    UP,
    SELECTED,
    SHARD_ORDINAL,
    TOTAL_SHARDS,
    SUCCESS,
    DURATION,
    LAST_ATTEMPT,
    LAST_SUCCESS,
    INTERVAL,
    SERIES_FAILED,
    RESTATED,
)

BUILD_INFO = Metric(
    "braze_exporter_build_info",
    "info",
    ("version", "revision", "pythonversion"),
    "The running exporter.",
)
REQUESTS = Metric(
    "braze_exporter_api_requests_total",
    "counter",
    ("workspace", "endpoint"),
    "Requests sent to Braze.",
)
FAILURES = Metric(
    "braze_exporter_api_request_failures_total",
    "counter",
    ("workspace", "endpoint", "reason"),
    "Requests to Braze that failed, by reason.",
)
REQUEST_DURATION = Metric(
    "braze_exporter_api_request_duration_seconds",
    "histogram",
    ("endpoint",),
    "How long requests to Braze took, the body included.",
)
RATE_LIMIT = Metric(
    "braze_exporter_api_rate_limit",
    "gauge",
    ("workspace",),
    "Requests that Braze allows the whole workspace in an hour. From X-RateLimit-Limit.",
)
RATE_LIMIT_REMAINING = Metric(
    "braze_exporter_api_rate_limit_remaining",
    "gauge",
    ("workspace",),
    "Requests that are left to the whole workspace in this hour. From X-RateLimit-Remaining.",
)
RATE_LIMIT_RESET = Metric(
    "braze_exporter_api_rate_limit_reset_timestamp_seconds",
    "gauge",
    ("workspace",),
    "When Braze's current hour ends. From X-RateLimit-Reset.",
)
THROTTLED = Metric(
    "braze_exporter_api_throttled_seconds_total",
    "counter",
    ("workspace",),
    "Time that requests waited for the limiter, added up over threads.",
)
RELOAD_SUCCESSFUL = Metric(
    "braze_exporter_config_last_reload_successful",
    "gauge",
    (),
    "1 when the last reading of the settings, web.config_file included, succeeded, else 0.",
)
RELOAD_TIMESTAMP = Metric(
    "braze_exporter_config_last_reload_success_timestamp_seconds",
    "gauge",
    (),
    "When the settings were last read with success.",
)
# What the exporter counts about itself while it runs, rendered at each scrape.
COUNTED: tuple[Metric, ...] = (
    BUILD_INFO,
    REQUESTS,
    FAILURES,
    REQUEST_DURATION,
    RATE_LIMIT,
    RATE_LIMIT_REMAINING,
    RATE_LIMIT_RESET,
    THROTTLED,
    RELOAD_SUCCESSFUL,
    RELOAD_TIMESTAMP,
)

# Why a request to Braze can fail: the closed set of values of the label `reason`.
REASONS: tuple[str, ...] = (
    "unauthorized", "forbidden", "not_found", "bad_request", "rate_limited", "server_error",
    "unexpected_status", "redirect", "timeout", "connection", "tls", "invalid_response",
    "too_large",
)  # fmt: skip


def metrics() -> Iterator[Metric]:
    """Every metric of ours, in the order of the page."""
    yield from PUBLISHED
    yield from COUNTED
