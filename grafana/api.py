"""The panels about Braze's API: what is asked of it, and what it answers."""

from grafana.own import HERE, PARTS, TARGET, newest
from grafana.panels import Query, bars, now, stat, timeseries
from grafana.style import BAD, CALM, PLAIN, SKY, WARN, fixed, like, line, of_query, steps


def hourly(metric: str, by: str) -> str:
    """What a counter of the exporter adds in an hour."""
    return f"3600 * sum by ({by}) (rate({metric}{{{HERE}}}[$__rate_interval]))"


LIMIT = newest("braze_exporter_api_rate_limit", "workspace")
LEFT = newest("braze_exporter_api_rate_limit_remaining", "workspace")

REQUESTS = timeseries(
    "Requests an hour, by endpoint",
    "What the exporter sends to Braze. Its own ceiling is `requests_per_hour` in the settings.",
    Query(hourly("braze_exporter_api_requests_total", "endpoint"), "{{endpoint}}"),
    unit="short",
    interval="5m",
    min=0,
    custom={"stacking": {"mode": "normal", "group": "A"}, "fillOpacity": 30},
    overrides=PARTS,
)
QUOTA = timeseries(
    "Braze's limit: requests left in its hour",
    "For the whole workspace and all its keys together, from the headers of Braze's answers. It "
    "fills up when Braze's hour ends. The exporter leaves a part of it to others (`reserve`).",
    Query(LIMIT, "{{workspace}}: limit"),
    Query(LEFT, "{{workspace}}: left"),
    unit="short",
    min=0,
    overrides=(
        of_query("A", **fixed(CALM), custom_lineStyle={"fill": "dash", "dash": [8, 4]}),
        of_query("B", **fixed(SKY)),
    ),
    custom={"fillOpacity": 10},
)
QUOTA_NOW = stat(
    "Used of Braze's hour",
    "By everybody who uses the workspace, as of the newest answer. Orange from 80 %, where other "
    "requests may soon be refused; the bundled rules call from 90 %.",
    now(f"1 - {LEFT} / {LIMIT}", "{{workspace}}"),
    unit="percentunit",
    decimals=1,
    min=0,
    max=1,
    **steps((None, PLAIN), (0.8, WARN), (0.9, BAD)),
)
FAILURES = bars(
    "Failed requests, by reason",
    "Requests to Braze that failed, for each step of the graph. What can be tried again is tried "
    "again, so not each one is a gap.",
    Query(
        "sum by (reason) (increase(braze_exporter_api_request_failures_total"
        f"{{{HERE}}}[$__rate_interval])) > 0",
        "{{reason}}",
    ),
    Query(
        f"sum(increase(braze_exporter_api_request_failures_total{{{HERE}}}[$__rate_interval]))",
        "all",
    ),
    unit="short",
    interval="5m",
    min=0,
    custom={"stacking": {"mode": "normal", "group": "A"}, "axisSoftMax": 1},
    overrides=(
        line("all", CALM, custom_drawStyle="line", custom_stacking={"mode": "none", "group": "A"}),
    ),
)
LATENCY = timeseries(
    "How long requests to Braze take",
    "The median and the slowest twentieth, the body included.",
    *(
        Query(
            f"histogram_quantile({quantile}, sum by (le, endpoint) (rate("
            f"braze_exporter_api_request_duration_seconds_bucket{{{TARGET}}}[$__rate_interval])))",
            f"{{{{endpoint}}}} {word}",
        )
        for quantile, word in ((0.5, "median"), (0.95, "95 %"))
    ),
    unit="s",
    interval="5m",
    min=0,
    overrides=(
        *PARTS,
        like("median$", custom_lineStyle={"fill": "dash", "dash": [6, 3]}),
    ),
)
THROTTLED = timeseries(
    "Waiting for the limit",
    "Time that requests waited because of `requests_per_hour` or of Braze's limit, added up over "
    "threads: 100 % is one thread that always waits. At the start the past is read; after that it "
    "should be 0.",
    Query(
        "sum by (workspace) (rate(braze_exporter_api_throttled_seconds_total"
        f"{{{HERE}}}[$__rate_interval]))",
        "{{workspace}}",
    ),
    unit="percentunit",
    interval="5m",
    min=0,
    custom={"axisSoftMax": 0.1, "fillOpacity": 10},
)
