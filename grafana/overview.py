"""Braze / Overview: what has dropped, and how everything is."""

from grafana.alerts import ALERT_TIMELINE, FIRING_ALERTS, FIRING_HERE
from grafana.board import Board, Line, Row, app, choice, detail, here, segment
from grafana.compared import aged
from grafana.movers import APP_MOVERS, SEGMENT_MOVERS
from grafana.panels import Panel, Query, now, stat, timeseries
from grafana.queries import (
    ALL_DAYS,
    ALL_HOURS,
    APPS,
    DAYS,
    HOURS,
    SEGMENTS,
    SIZES,
    WATCHED,
    Values,
    age,
    behind,
)
from grafana.style import (
    BAD,
    CALM,
    GOOD,
    NO_APPS,
    PART_OF_NORMAL,
    PLAIN,
    changed,
    fixed,
    line,
    link,
    named,
    of_query,
    says,
    steps,
)

TO_SEGMENT = detail(
    "var-workspace=${__field.labels.workspace}", "var-segment=${__field.labels.segment_id}"
)
TO_APP = detail("var-workspace=${__field.labels.workspace}", "var-app=${__field.labels.app_id}")


FRESHNESS = stat(
    "Is the data fresh?",
    "How long ago the day or hour began that the newest values stand for, of the series that is "
    "furthest behind. A size is known some hours into its day; a complete hour of sessions is 75 "
    "to 140 minutes old, a complete day 24 to 48 hours. Orange is what the bundled rules call "
    "stale (36 h, 4 h, 64 h). Every number below is as good as this row.",
    now('count(braze_exporter_build_info{job=~"$job"}) or vector(0)', "Exporters"),
    now(age(SIZES), "Sizes: day began"),
    now(age(HOURS, ALL_HOURS), "Hourly sessions: hour began"),
    now(age(DAYS, ALL_DAYS), "Daily sessions: day began"),
    now(f"min(max by (workspace) (braze_up{{{WATCHED}}}))", "Braze answers"),
    now(behind(), "Collectors behind"),
    now(f"count({FIRING_HERE}) or vector(0)", "Alerts firing"),
    unit="none",
    overrides=(
        named("Exporters", **steps((None, BAD), (1, PLAIN))),
        aged("Sizes: day began", 36),
        aged("Hourly sessions: hour began", 4),
        aged("Daily sessions: day began", 64),
        named("Braze answers", **says({"1": ("yes", PLAIN), "0": ("no", BAD)})),
        named("Collectors behind", **steps((None, PLAIN), (1, BAD))),
        named("Alerts firing", **steps((None, PLAIN), (1, BAD))),
    ),
)

DROPPED = stat(
    "Below threshold now",
    "Segments, and apps' and workspaces' newest complete hour of sessions (the day where hours are "
    "not read), that are below their threshold in the exporter's settings, and by how much they "
    "are below normal: the smaller of last week and the median of four weeks. The six deepest "
    "drops of each kind. A click leads to the detail.",
    now(SEGMENTS.of(f"bottomk(6, {SIZES.dropped()})"), "{{segment_name}}"),
    now(APPS.of(f"bottomk(6, {HOURS.dropped()})"), "{{app_name}}: sessions"),
    now(
        APPS.of(f"bottomk(6, {DAYS.dropped()} unless {HOURS.value()})"),
        "{{app_name}}: sessions of a day",
    ),
    now(
        f"{ALL_HOURS.dropped()} or ({ALL_DAYS.dropped()} unless {ALL_HOURS.value()})",
        "{{workspace}}: all sessions",
    ),
    unit="percentunit",
    background=True,
    small=False,
    decimals=0,
    noValue="Nothing is known to be below its threshold",
    **steps((None, BAD)),
    overrides=(
        of_query("A", links=[link("Detail of the segment", TO_SEGMENT)]),
        of_query("B", links=[link("Detail of the app", TO_APP)]),
        of_query("C", links=[link("Detail of the app", TO_APP)]),
    ),
)

SEGMENT_COUNTS = stat(
    "Segments",
    "How many segments have a size, how many of them can be judged because they have a threshold, "
    "and how many are below it. Segments overlap, so their sizes are never added up.",
    now(f"count({SIZES.value()})", "watched"),
    now(f"count({SIZES.threshold()}) or 0 * count({SIZES.value()})", "with a threshold"),
    now(f"count({SIZES.value()} < {SIZES.threshold()}) or 0 * count({SIZES.value()})", "below it"),
    unit="none",
    overrides=(named("below it", **steps((None, PLAIN), (1, BAD))),),
)


def total(values: Values, whole: Values, title: str, description: str) -> Panel:
    """The sessions of all chosen apps, with what they are to be compared with."""
    return stat(
        title,
        "Of all chosen apps together, or of the whole workspace where the settings name none, and "
        f"the change {description}",
        now(f"{values.total()} or {whole.total()}", "sessions"),
        now(f"{values.total_change('1d')} or {whole.total_change('1d')}", "in a day"),
        now(f"{values.total_change('1w')} or {whole.total_change('1w')}", "in a week"),
        unit="percentunit",
        decimals=1,
        noValue="no sessions",
        **changed(),
        overrides=(named("sessions", unit="short", **fixed(GOOD)),),
    )


HOUR_TOTAL = total(
    HOURS,
    ALL_HOURS,
    "Sessions in the last complete hour",
    "since the same hour yesterday and a week before.",
)
DAY_TOTAL = total(
    DAYS,
    ALL_DAYS,
    "Sessions in the last complete day",
    "since the day before and a week before. Compare weekdays with weekdays: the change in a week "
    "is the one to look at.",
)


def hours_together(which: str) -> str:
    """What was normal for all chosen apps, or for the workspace where the settings name none."""
    return f"sum({HOURS.baseline(which)}) or sum({ALL_HOURS.baseline(which)})"


TOTAL_HOURS = timeseries(
    "Sessions an hour",
    "Of all chosen apps together, or of the whole workspace where the settings name none: the "
    "newest complete hour as it was known at the time. The step at 14:20 is the hour from 13 to "
    "14. Beside it the same hour a week before and the median of the same hour of four weeks, "
    "both from the exporter.",
    Query(hours_together("4w_median"), "Median of 4 weeks"),
    Query(hours_together("1w"), "A week before"),
    Query(f"{HOURS.total()} or {ALL_HOURS.total()}", "Sessions"),
    unit="short",
    min=0,
    noValue=NO_APPS,
    overrides=(
        line("Sessions", GOOD, width=2),
        named("Median of 4 weeks", **fixed(CALM), custom_lineWidth=0, custom_fillOpacity=30),
        line("A week before", CALM, 2, 4),
    ),
)

APP_RATIOS = timeseries(
    "Sessions against normal",
    "Each app's newest complete hour of sessions, and each whole workspace's, as a part of normal: "
    "the smaller of last week and the median of four weeks of this hour of the week. A line turns "
    "orange where it is low; the dashed line is the highest threshold. Hours with too few sessions "
    "to judge are shown as well.",
    Query(APPS.of(HOURS.part_of_normal()), "{{app_name}}"),
    Query(ALL_HOURS.part_of_normal(), "{{workspace}}: all"),
    Query(f"max({HOURS.threshold()} / ({HOURS.normal()} > 0))", "Threshold"),
    unit="percentunit",
    min=0,
    custom={"gradientMode": "scheme", "lineWidth": 2},
    last="48h",
    noValue=NO_APPS,
    **PART_OF_NORMAL,
    overrides=(line("Threshold", BAD, 6, 4),),
)

BOARD = Board(
    uid="braze-overview",
    title="Braze / Overview",
    description="What has dropped in Braze, and how segments and sessions are.",
    since="now-7d",
    variables=(
        *here(),
        segment(several=True),
        app(several=True),
        choice(
            "top", "Largest drops", ("10", "20", "50", "100", "500"), "20", "Rows of the tables."
        ),
        choice(
            "least",
            "At least",
            ("0", "100", "1000", "10000", "100000"),
            "1000",
            "Users that a segment has or had a week before, or it is left out of the table.",
        ),
    ),
    rows=(
        Row(
            "",
            (
                Line(3, ((FRESHNESS, 24),)),
                Line(5, ((DROPPED, 24),)),
                Line(4, ((SEGMENT_COUNTS, 8), (HOUR_TOTAL, 8), (DAY_TOTAL, 8))),
                Line(12, ((SEGMENT_MOVERS, 16), (FIRING_ALERTS, 8))),
                Line(7, ((APP_MOVERS, 16), (APP_RATIOS, 8))),
                Line(7, ((TOTAL_HOURS, 12), (ALERT_TIMELINE, 12))),
            ),
        ),
    ),
)
