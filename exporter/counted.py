"""What the exporter counts about itself while it runs: the metrics rendered at each scrape."""

from exporter.model import Metric

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
