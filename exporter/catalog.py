"""Every metric we export, and the Braze endpoint behind it: one table.

Exposition, telemetry, the documentation and its test read this table; names and labels are SemVer
API.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from exporter.counted import COUNTED
from exporter.model import Family, Kind, Metric, Unit

DISCOVERY = "discovery"
SEGMENTS = "segments"
SESSIONS = "sessions"
COLLECTORS = (DISCOVERY, SEGMENTS, SESSIONS)
"""In the order in which they are polled where it matters: names before the values of the named."""

LIST = "/segments/list"

_HOUR = 3600
# A size is there when its day begins; a count is complete when its bucket is over, and under a
# wrong time zone up to 14 hours later.
_STALE_SIZE = 36 * _HOUR
_STALE = {Unit.DAY: 64 * _HOUR, Unit.HOUR: 4 * _HOUR}
_ADVERB = {Unit.DAY: "daily", Unit.HOUR: "hourly"}

FAMILIES: tuple[Family, ...] = (
    Family(
        "braze_segment_size",
        ("workspace", "segment_id"),
        Kind.LEVEL,
        Unit.DAY,
        SEGMENTS,
        option="",
        endpoint="/segments/data_series",
        has_unit=False,
        field="size",
        noun="size",
        meaning="Users in the segment, Braze's estimate of the day "
        "(segments overlap: a sum means nothing)",
        minimum="min_size",
        stale=_STALE_SIZE,
    ),
    *(
        Family(
            f"braze_{subject}_sessions_{_ADVERB[unit]}",
            labels,
            Kind.COUNT,
            unit,
            SESSIONS,
            option=unit.value,
            endpoint="/sessions/data_series",
            has_unit=True,
            field="sessions",
            noun="sessions",
            meaning=f"Sessions of {whose} in one {unit.value}",
            minimum="min_sessions",
            stale=_STALE[unit],
        )
        for subject, labels, whose in (
            ("app", ("workspace", "app_id"), "the app"),
            (
                "segment",
                ("workspace", "segment_id", "app_id"),
                "the segment's users in the app (every app where app_id is empty)",
            ),
            ("workspace", ("workspace",), "the whole workspace"),
        )
        for unit in (Unit.DAY, Unit.HOUR)
    ),
)

FAMILY = {family.name: family for family in FAMILIES}


@cache
def families_of(collector: str) -> dict[tuple[str, ...], dict[str, Family]]:
    """The families of `collector` by their labels, and then by the option that asks for them."""
    found: dict[tuple[str, ...], dict[str, Family]] = {}
    for family in FAMILIES:
        if family.collector == collector:
            found.setdefault(family.labels, {})[family.option] = family
    return found


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
            f"The value below which {family.name} counts as dropped, by alerts in the settings; "
            "absent where too little is normal or known",
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


def metrics() -> Iterator[Metric]:
    """Every metric of ours, in the order of the page."""
    yield from PUBLISHED
    yield from COUNTED
