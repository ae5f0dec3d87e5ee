"""Braze / Exporter: whether the numbers can be trusted, and what they cost."""

from grafana.api import FAILURES, LATENCY, QUOTA, QUOTA_NOW, REQUESTS, THROTTLED
from grafana.board import Board, Line, Row, datasource, labels
from grafana.own import COLLECTOR, HERE, PARTS, RUNNING, STATES, TARGET, newest
from grafana.panels import Query, bars, now, rows, stat, table, timeseries
from grafana.queries import BEHIND, behind
from grafana.style import BAD, GOOD, PLAIN, named, says, steps

AGE = f"time() - {newest('braze_exporter_collector_last_success_timestamp_seconds')}"
INTERVALS = f"({AGE}) / {newest('braze_exporter_collector_interval_seconds')}"
SUMMARY = stat(
    "Can the numbers be trusted?",
    "Targets are the exporters that Prometheus scrapes. A collector is behind when it has not read "
    "all it wanted for three of its intervals. Series not read keep their last value for "
    "`poll.keep`, then they end.",
    now(f"sum(up{{{TARGET}}} and on (job, instance) {RUNNING})", "Targets up"),
    now(f"min({newest('braze_up', 'workspace')})", "Braze answers"),
    now(behind(HERE), "Collectors behind"),
    now(f"sum({newest('braze_exporter_series_failed')})", "Series not read"),
    now(f"min(braze_exporter_config_last_reload_successful{{{TARGET}}})", "Settings read"),
    now(f"time() - min(process_start_time_seconds{{{TARGET}}})", "Up for"),
    unit="none",
    overrides=(
        named("Targets up", **steps((None, BAD), (1, PLAIN))),
        named("Braze answers", **says({"1": ("yes", PLAIN), "0": ("no", BAD)})),
        named("Collectors behind", **steps((None, PLAIN), (1, BAD))),
        named("Series not read", **steps((None, PLAIN), (1, BAD))),
        named("Settings read", **says({"1": ("well", PLAIN), "0": ("with a mistake", BAD)})),
        named("Up for", unit="s", decimals=1),
    ),
)

COLLECTORS = table(
    "Collectors",
    "One row for each collector of each workspace: whether its last poll read everything it "
    "wanted, how long ago the last such poll ended, how often it is polled, how long the last poll "
    "took, and the series it could not read.",
    rows(newest("braze_exporter_collector_success")),
    rows(AGE),
    rows(newest("braze_exporter_collector_interval_seconds")),
    rows(newest("braze_exporter_collector_duration_seconds")),
    rows(newest("braze_exporter_series_failed")),
    unit="s",
    sort=("Workspace", False),
    columns={
        "workspace": "Workspace",
        "collector": "Collector",
        "Value #A": "Last poll",
        "Value #B": "Last full poll",
        "Value #C": "Every",
        "Value #D": "Took",
        "Value #E": "Not read",
    },
    overrides=(
        named(
            "Last poll",
            custom_cellOptions={"type": "color-text"},
            **says({"1": ("full", GOOD), "0": ("not full", BAD)}),
        ),
        named("Last full poll", decimals=0, custom_width=110),
        named("Every", decimals=0, custom_width=90),
        named("Took", custom_width=90),
        named(
            "Not read",
            unit="none",
            custom_width=90,
            custom_cellOptions={"type": "color-text"},
            **steps((None, PLAIN), (1, BAD)),
        ),
    ),
)

BUILD = table(
    "Targets",
    "The exporters that run: which version, and on which Python.",
    rows(f"max by (instance, version, revision, pythonversion) ({RUNNING})"),
    unit="none",
    sort=("Instance", False),
    columns={
        "instance": "Instance",
        "version": "Version",
        "revision": "Revision",
        "pythonversion": "Python",
    },
)

POLL_AGE = timeseries(
    "Age of the last full poll, in intervals",
    "1 is on time. From 3 on the bundled rules call the collector failing.",
    Query(INTERVALS, "{{workspace}} {{collector}}"),
    unit="none",
    min=0,
    decimals=1,
    custom={"thresholdsStyle": {"mode": "dashed"}, "axisSoftMax": BEHIND + 0.5},
    **steps((None, "transparent"), (BEHIND, BAD)),
    overrides=PARTS,
)
POLL_DURATION = timeseries(
    "How long polls take",
    "The last poll of each collector. With waits for the limit of requests included.",
    Query(newest("braze_exporter_collector_duration_seconds"), "{{workspace}} {{collector}}"),
    unit="s",
    min=0,
    overrides=PARTS,
)
NOT_READ = timeseries(
    "Series not read",
    "Series that the last poll wanted and could not read. 0 is well.",
    Query(newest("braze_exporter_series_failed"), "{{workspace}} {{collector}}"),
    unit="none",
    min=0,
    decimals=0,
    custom={"axisSoftMax": 1},
    overrides=PARTS,
)

RESTATED = bars(
    "Points that Braze restated",
    "Complete days and hours whose value Braze changed after they were read, for each step of the "
    "graph. Many mean that hours are complete later than `poll.settle` says.",
    Query(
        f"sum by ({COLLECTOR}) (increase(braze_exporter_restated_points_total"
        f"{{{HERE}}}[$__rate_interval]))",
        "{{workspace}} {{collector}}",
    ),
    unit="short",
    interval="5m",
    min=0,
    custom={"axisSoftMax": 1},
    overrides=PARTS,
)
SELECTED = timeseries(
    "Segments in Braze's list",
    "Selected ones are read; filtered ones the settings leave out; those over the limit are not "
    "watched because there are too many (`segments.limit`).",
    Query(newest("braze_exporter_segments", "workspace, state"), "{{workspace}} {{state}}"),
    unit="none",
    min=0,
    decimals=0,
    overrides=STATES,
)
SAMPLES = timeseries(
    "Series of a scrape",
    "Samples that Prometheus reads from each target.",
    Query(
        f"scrape_samples_scraped{{{TARGET}}} and on (job, instance) {RUNNING}",
        "{{instance}}",
    ),
    unit="short",
    min=0,
)
SCRAPES = timeseries(
    "How long a scrape takes",
    "It asks Braze nothing: the page is ready when Prometheus comes.",
    Query(
        f"scrape_duration_seconds{{{TARGET}}} and on (job, instance) {RUNNING}",
        "{{instance}}",
    ),
    unit="s",
    min=0,
)

MEMORY = timeseries(
    "Memory",
    "Resident memory of the process.",
    Query(f"process_resident_memory_bytes{{{TARGET}}}", "{{instance}}"),
    unit="bytes",
    min=0,
)
CPU = timeseries(
    "CPU",
    "Part of one core.",
    Query(f"rate(process_cpu_seconds_total{{{TARGET}}}[$__rate_interval])", "{{instance}}"),
    unit="percentunit",
    min=0,
    decimals=1,
)
FILES = timeseries(
    "Open files",
    "Connections included; the limit is the process's own.",
    Query(f"process_open_fds{{{TARGET}}}", "{{instance}}"),
    unit="short",
    min=0,
)

BOARD = Board(
    uid="braze-exporter",
    title="Braze / Exporter",
    description="Whether the exporter's numbers can be trusted, and what they cost.",
    since="now-24h",
    refresh="1m",
    variables=(
        datasource(),
        labels("job", "Job", "braze_exporter_build_info", "Prometheus' job of the exporter."),
        labels(
            "instance",
            "Instance",
            'braze_exporter_build_info{job=~"$job"}',
            "One of several exporters.",
        ),
        labels(
            "workspace",
            "Workspace",
            f"braze_exporter_collector_interval_seconds{{{TARGET}}}",
            "As named in the exporter's settings.",
        ),
    ),
    rows=(
        Row(
            "",
            (
                Line(3, ((SUMMARY, 24),)),
                Line(6, ((COLLECTORS, 16), (BUILD, 8))),
            ),
        ),
        Row("Polls", (Line(7, ((POLL_AGE, 8), (POLL_DURATION, 8), (NOT_READ, 8))),)),
        Row(
            "Braze's API",
            (
                Line(7, ((REQUESTS, 9), (QUOTA, 9), (QUOTA_NOW, 6))),
                Line(7, ((FAILURES, 8), (LATENCY, 8), (THROTTLED, 8))),
            ),
        ),
        Row(
            "Data",
            (Line(7, ((RESTATED, 6), (SELECTED, 6), (SAMPLES, 6), (SCRAPES, 6))),),
        ),
        Row("Process", (Line(6, ((MEMORY, 8), (CPU, 8), (FILES, 8))),)),
    ),
)
