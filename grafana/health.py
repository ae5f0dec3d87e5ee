"""Braze / App health: active users, new users, uninstalls and custom events, against normal."""

from grafana.alerts import FIRING_HERE, HEALTH, PENDING_HERE, alerts_over_time
from grafana.board import Board, Line, Row, app, event, here
from grafana.compared import aged, course, days, gauge, ratio
from grafana.panels import Panel, Query, now, stat, timeseries
from grafana.queries import (
    ACTIVE,
    ALL_ACTIVE,
    ALL_GONE,
    ALL_MONTHLY,
    ALL_NEW,
    APPS,
    EVENT_DAYS,
    EVENT_HOURS,
    GONE,
    MONTHLY,
    NEW,
    Values,
    age,
)
from grafana.style import BAD, PART_OF_NORMAL, PLAIN, WARN, Json, changed, line, named, steps

MEDIAN = "Median of 4 weeks"
DAY_MEDIAN = "Median of this weekday, 4 weeks"
UNIQUE = "Who uses two apps counts in both: apps do not add up to the whole workspace."
BARS = (
    "Complete days, each bar on its own day. The lines are the median of this weekday, and the "
    "threshold made from it and from last week"
)


def without(setting: str) -> str:
    """What stands in place of a panel that has no values."""
    return f"Nothing in this time: it fills as Prometheus scrapes, if {setting} asks for it"


NO_USERS = {name: without(f"kpi.metrics: [{name}]") for name in ("dau", "mau", "new_users")}
NO_UNINSTALLS = without("kpi.metrics: [uninstalls]")
NO_EVENTS = without("events.names")

FRESHNESS = stat(
    "How old is it?",
    "How long ago the day or hour began that the newest values stand for, of the series that is "
    "furthest behind. A complete day is 24 to 48 hours old, a complete hour 75 to 140 minutes; "
    "monthly active users of a day come at 12:05 UTC. Orange is what the bundled rules call stale "
    "(64 h, 4 h). What is missing, the settings do not ask for (`kpi.metrics`, `events.names`).",
    now(age(ACTIVE, ALL_ACTIVE, NEW, ALL_NEW, GONE, ALL_GONE), "Users and uninstalls: day began"),
    now(age(MONTHLY, ALL_MONTHLY), "Monthly active users: day began"),
    now(age(EVENT_DAYS.where()), "Daily events: day began"),
    now(age(EVENT_HOURS.where()), "Hourly events: hour began"),
    unit="none",
    noValue="Set kpi.metrics or events.names",
    overrides=(
        aged("Users and uninstalls: day began", 64),
        aged("Monthly active users: day began", 64),
        aged("Daily events: day began", 64),
        aged("Hourly events: hour began", 4),
    ),
)


def newest(
    values: Values,
    whole: Values,
    title: str,
    description: str,
    nothing: str,
    colours: Json | None = None,
) -> Panel:
    """The newest value of the chosen app and of the whole workspace, and the change in a week."""
    return stat(
        title,
        f"{description} The chosen app and the whole workspace, each with its change since a week "
        "before.",
        now(values.value(), "app"),
        now(values.change("1w"), "app, in a week"),
        now(whole.value(), "all"),
        now(whole.change("1w"), "all, in a week"),
        unit="percentunit",
        decimals=1,
        noValue=nothing,
        **(colours or changed()),
        overrides=tuple(
            named(name, unit="short", **steps((None, PLAIN))) for name in ("app", "all")
        ),
    )


ACTIVE_NOW = newest(
    ACTIVE,
    ALL_ACTIVE,
    "Active users in a day",
    f"Of the newest complete day. {UNIQUE}",
    NO_USERS["dau"],
)
MONTHLY_NOW = newest(
    MONTHLY,
    ALL_MONTHLY,
    "Active users in 30 days",
    f"Of the newest snapshot, which Braze takes each day at 12:05 UTC. {UNIQUE}",
    NO_USERS["mau"],
)
NEW_NOW = newest(
    NEW,
    ALL_NEW,
    "New users in a day",
    f"Of the newest complete day. {UNIQUE}",
    NO_USERS["new_users"],
)
GONE_NOW = newest(
    GONE,
    ALL_GONE,
    "Uninstalls in a day",
    "That Braze noticed on the newest complete day, which is a trend only. More is worse.",
    NO_UNINSTALLS,
    steps((None, PLAIN), (0.5, WARN), (1, BAD)),
)

ACTIVE_DAYS = days(
    ACTIVE,
    "Active users by day: ${app:text}",
    DAY_MEDIAN,
    f"{BARS}. Below it the app's active users count as dropped.",
    NO_USERS["dau"],
)
ALL_ACTIVE_DAYS = days(
    ALL_ACTIVE,
    "Active users by day: whole workspace",
    DAY_MEDIAN,
    f"{BARS}. {UNIQUE}",
    NO_USERS["dau"],
)
MONTHLY_COURSE = course(
    MONTHLY,
    "Active users in 30 days: ${app:text}",
    "Active in 30 days",
    MEDIAN,
    "A step is a new snapshot, at 12:05 UTC. It follows slowly: what makes it fall shows in the "
    "days first, so there is a threshold and no alert.",
    NO_USERS["mau"],
)
ALL_MONTHLY_COURSE = course(
    ALL_MONTHLY,
    "Active users in 30 days: whole workspace",
    "Active in 30 days",
    MEDIAN,
    f"A step is a new snapshot, at 12:05 UTC. {UNIQUE}",
    NO_USERS["mau"],
)


def stickiness(active: Values, monthly: Values) -> str:
    """Which part of the users of 30 days was there on the newest complete day."""
    return f"{active.value()} / ({monthly.value()} > 0)"


STICKINESS = timeseries(
    "Stickiness: a day's active users as a part of 30 days'",
    "At 20 % who was active in 30 days was so on every fifth of them, on average. Each app is of "
    "its own users, and the whole workspace of all, where who uses two apps counts once: so it is "
    "no mean of the apps, and may lie above or below all of them. It goes up and down with the "
    "week, and the newest complete day is compared with the newest snapshot.",
    Query(APPS.of(stickiness(ACTIVE.where(), MONTHLY.where())), "{{app_name}}"),
    Query(stickiness(ALL_ACTIVE, ALL_MONTHLY), "{{workspace}}: all"),
    unit="percentunit",
    min=0,
    custom={"lineWidth": 2},
    noValue=without("kpi.metrics: [dau, mau]"),
)

NEW_DAYS = days(
    NEW,
    "New users by day: ${app:text}",
    DAY_MEDIAN,
    f"{BARS}. Below it the app's new users count as dropped.",
    NO_USERS["new_users"],
)
ALL_NEW_DAYS = days(
    ALL_NEW,
    "New users by day: whole workspace",
    DAY_MEDIAN,
    f"{BARS}. {UNIQUE}",
    NO_USERS["new_users"],
)
SURGE = (
    "Complete days, each bar on its own day. Above the threshold it is a surge: that is made from "
    "the larger of last week and the median of this weekday."
)
GONE_DAYS = days(
    GONE,
    "Uninstalls by day: ${app:text}",
    DAY_MEDIAN,
    f"{SURGE} Braze notices uninstalls when pushes come back, some of them late.",
    NO_UNINSTALLS,
)
ALL_GONE_DAYS = days(
    ALL_GONE, "Uninstalls by day: whole workspace", DAY_MEDIAN, SURGE, NO_UNINSTALLS
)

EVENTS = course(
    EVENT_HOURS,
    "An hour's events against normal",
    "Events",
    MEDIAN,
    "The newest complete hour as it was known at the time: the step at 14:20 is the hour from 13 "
    "to 14. Normal is of the same hour of the week. Hours in which it is rare have no threshold.",
    NO_EVENTS,
    last="7d",
)
EVENTS_NOW = gauge(
    EVENT_HOURS,
    "Newest complete hour beside what is normal",
    ("Newest hour", "Yesterday", "A week before", MEDIAN),
    "All from the exporter, which reads Braze's own past: complete on the first day.",
)
EVENTS_RATIO = ratio(
    EVENT_HOURS,
    "An hour's events as a part of normal",
    "100 % is normal for this hour of the week: the smaller of last week and the median of four "
    "weeks. The line turns orange where it is low.",
    NO_EVENTS,
    last="48h",
)
EVENTS_DAYS = days(
    EVENT_DAYS, "Events by day", DAY_MEDIAN, f"{BARS}. Below it it counts as dropped.", NO_EVENTS
)
ALL_EVENTS = timeseries(
    "Every event as a part of normal",
    "The newest complete day of each custom event of each app, as a part of the smaller of last "
    "week and the median of this weekday. A line turns orange where it is low; the dashed line is "
    "the highest threshold.",
    Query(APPS.of(EVENT_DAYS.where().part_of_normal()), "{{event}} · {{app_name}}"),
    Query(EVENT_DAYS.where('app_id=""').part_of_normal(), "{{event}}"),
    Query(
        f"max({EVENT_DAYS.where().threshold()} / ({EVENT_DAYS.where().normal()} > 0))",
        "Threshold",
    ),
    unit="percentunit",
    min=0,
    custom={"gradientMode": "scheme", "lineWidth": 2},
    noValue=NO_EVENTS,
    **PART_OF_NORMAL,
    overrides=(line("Threshold", BAD, 6, 4),),
)

ALERTS = alerts_over_time(
    "Alerts about users, uninstalls and events",
    *(
        f'{alerts.removesuffix("}")}, alertname=~"{HEALTH}"}}'
        for alerts in (FIRING_HERE, PENDING_HERE)
    ),
)

BOARD = Board(
    uid="braze-app-health",
    title="Braze / App health",
    description="Whether people come, stay and do what they came for: of one app and of all.",
    since="now-30d",
    variables=(*here(), app(several=False), event()),
    rows=(
        Row(
            "",
            (
                Line(3, ((FRESHNESS, 24),)),
                Line(4, ((ACTIVE_NOW, 6), (MONTHLY_NOW, 6), (NEW_NOW, 6), (GONE_NOW, 6))),
            ),
        ),
        Row(
            "Active users",
            (
                Line(7, ((ACTIVE_DAYS, 12), (ALL_ACTIVE_DAYS, 12))),
                Line(8, ((MONTHLY_COURSE, 8), (ALL_MONTHLY_COURSE, 8), (STICKINESS, 8))),
            ),
        ),
        Row("New users", (Line(7, ((NEW_DAYS, 12), (ALL_NEW_DAYS, 12))),)),
        Row("Uninstalls", (Line(7, ((GONE_DAYS, 12), (ALL_GONE_DAYS, 12))),)),
        Row(
            "Custom event: ${event:text}, ${app:text}",
            (
                Line(9, ((EVENTS, 16), (EVENTS_NOW, 8))),
                Line(7, ((EVENTS_RATIO, 12), (EVENTS_DAYS, 12))),
            ),
        ),
        Row("Every custom event", (Line(7, ((ALL_EVENTS, 14), (ALERTS, 10))),)),
    ),
)
