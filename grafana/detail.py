"""Braze / Segment & app detail: one segment and one app, from near."""

from grafana.board import Board, Line, Region, Row, app, here, segment
from grafana.compared import course, days, gauge, ratio, summary
from grafana.panels import Query, timeline, timeseries
from grafana.queries import APPS, DAYS, FIRING, HOURS, PENDING, SEGMENT_HOURS, SIZES
from grafana.style import BAD, CALM, NO_APPS, PART_OF_NORMAL, line, says

SEGMENT_ROW = "Segment: ${segment:text}"
APP_ROW = "App: ${app:text}"
USERS_ROW = "Sessions of this segment's users"


SEGMENT = summary(
    SIZES,
    "${segment:text}",
    "users",
    "the day before",
    "The chosen segment's newest size and its change. Normal is the smaller of last week and the "
    "median of four weeks. Without room to the threshold it counts as dropped. All of it comes "
    "from the exporter and is there on the first day.",
)
APP = summary(
    HOURS,
    "${app:text}",
    "sessions an hour",
    "yesterday",
    "The chosen app's newest complete hour of sessions and its change since the same hour "
    "yesterday and a week before. Normal is the smaller of last week and the median of four weeks "
    "of this hour of the week. Empty where the settings name no apps.",
)


MEDIAN = "Median of 4 weeks"
HOUR_MEDIAN = "Median of 4 weeks"
DAY_MEDIAN = "Median of this weekday, 4 weeks"

SIZE = course(
    SIZES,
    "Users against normal",
    "Users",
    MEDIAN,
    "Braze makes one estimate a day: a step is a new one, and nothing is drawn between. Grey is "
    "the room between the median of four weeks and the threshold; below the dashed orange line it "
    "counts as dropped.",
)
SIZE_NOW = gauge(
    SIZES,
    "Newest day beside what is normal",
    ("Newest day", "The day before", "A week before", MEDIAN),
    "All from the exporter, which reads Braze's own past: complete on the first day.",
)
SIZE_RATIO = ratio(
    SIZES,
    "Users as a part of normal",
    "100 % is normal: the smaller of last week and the median of four weeks. The line turns orange "
    "where it is low. The threshold is a part of the same normal.",
)
SIZE_DAYS = days(
    SIZES,
    "Users by day",
    MEDIAN,
    "Each bar stands on the day that the estimate is of, not on the one when it was read. Days of "
    "which Prometheus has no sample are empty. Days begin at midnight of Grafana's time zone; up "
    "to half a day of difference to Braze's is borne.",
)

SESSIONS = course(
    HOURS,
    "Sessions an hour against normal",
    "Sessions",
    HOUR_MEDIAN,
    "The newest complete hour as it was known at the time: the step at 14:20 is the hour from 13 "
    "to 14. Normal is of the same hour of the week. Hours that are too small to judge have no "
    "threshold.",
    NO_APPS,
)
SESSIONS_NOW = gauge(
    HOURS,
    "Newest complete hour beside what is normal",
    ("Newest hour", "Yesterday", "A week before", HOUR_MEDIAN),
    "All from the exporter, which reads Braze's own past: complete on the first day.",
)
SESSIONS_RATIO = ratio(
    HOURS,
    "Sessions an hour as a part of normal",
    "100 % is normal for this hour of the week: the smaller of last week and the median of four "
    "weeks. The line turns orange where it is low.",
    NO_APPS,
    last="48h",
)
SESSIONS_DAYS = days(
    DAYS,
    "Sessions by day",
    DAY_MEDIAN,
    "Complete days, each bar on its own day. The lines are what is normal for this weekday, and "
    "the threshold made from it. Days of which Prometheus has no sample are empty.",
    NO_APPS,
)

NOT_WATCHED = "No sessions in this time: only segments in sessions.by_segment have any"

USERS_HOURS = timeseries(
    "Sessions an hour of the segment's users, by app",
    "Only of segments that the settings name in `sessions.by_segment`. The newest complete hour as "
    "it was known at the time.",
    Query(APPS.of(f"{SEGMENT_HOURS.value()}"), "{{app_name}}"),
    Query(
        'max by (workspace, segment_id) (braze_segment_sessions_hourly{job=~"$job", '
        'workspace=~"$workspace", segment_id=~"$segment", app_id=""})',
        "All apps",
    ),
    unit="short",
    min=0,
    noValue=NOT_WATCHED,
    custom={"lineWidth": 2},
)
USERS_RATIO = timeseries(
    "The same as a part of normal",
    "100 % is normal for this hour of the week. A fall here alone, with neither the segment's size "
    "nor the app's sessions, is about these users.",
    Query(APPS.of(SEGMENT_HOURS.part_of_normal()), "{{app_name}}"),
    Query(f"max({SEGMENT_HOURS.threshold()} / ({SEGMENT_HOURS.normal()} > 0))", "Threshold"),
    unit="percentunit",
    min=0,
    noValue=NOT_WATCHED,
    custom={"lineWidth": 2, "gradientMode": "scheme"},
    overrides=(line("Threshold", BAD, 6, 4),),
    last="48h",
    **PART_OF_NORMAL,
)

HERE = 'workspace=~"$workspace", segment_id=~"$segment"'
THERE = 'workspace=~"$workspace", app_id=~"$app"'
WHO = "alertname, segment_name, app_name, period, severity"

ALERTS = timeline(
    "Alerts of this segment and this app",
    "When alerts of the bundled rules waited (their `for:`) and fired. Empty as well where the "
    "rules are not loaded.",
    *(
        Query(
            f"2 * max by ({WHO}) ({FIRING}, {chosen}}}) or max by ({WHO}) ({PENDING}, {chosen}}})",
            "{{alertname}} {{segment_name}} {{app_name}} {{period}} {{severity}}",
        )
        for chosen in (HERE, THERE)
    ),
    noValue="No alert in this time",
    **says({"1": ("waits", CALM), "2": ("fires", BAD)}),
)

BOARD = Board(
    uid="braze-detail",
    title="Braze / Segment & app detail",
    description="One segment and one app of Braze: what is, what is normal, and since when.",
    variables=(*here(), segment(several=False), app(several=False)),
    rows=(
        Row("", (Line(4, ((SEGMENT, 12), (APP, 12))),)),
        Row(
            SEGMENT_ROW,
            (Line(9, ((SIZE, 16), (SIZE_NOW, 8))), Line(7, ((SIZE_RATIO, 12), (SIZE_DAYS, 12)))),
        ),
        Row(
            APP_ROW,
            (
                Line(9, ((SESSIONS, 16), (SESSIONS_NOW, 8))),
                Line(7, ((SESSIONS_RATIO, 12), (SESSIONS_DAYS, 12))),
            ),
        ),
        Row(USERS_ROW, (Line(7, ((USERS_HOURS, 12), (USERS_RATIO, 12))),)),
        Row("Alerts", (Line(5, ((ALERTS, 24),)),)),
    ),
    regions=(
        Region("Alerts of the segment", f"{FIRING}, {HERE}}}", "{{segment_name}}", SEGMENT_ROW),
        Region("Alerts of the app", f"{FIRING}, {THERE}}}", "{{app_name}}", APP_ROW),
    ),
)
