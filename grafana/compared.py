"""The panels that show one value beside what is normal for it."""

from grafana.panels import Panel, Query, bargauge, bars, now, stat, timeseries
from grafana.queries import Values
from grafana.style import (
    BAD,
    CALM,
    GOOD,
    NO_VALUES,
    PART_OF_NORMAL,
    PLAIN,
    WARN,
    Json,
    changed,
    fixed,
    line,
    named,
    steps,
)


def room(name: str) -> Json:
    """How far above its threshold a value is."""
    return named(
        name,
        unit="percentunit",
        decimals=0,
        **steps((None, BAD), (0, WARN), (0.1, PLAIN)),
    )


def summary(values: Values, title: str, what: str, before: str, description: str) -> Panel:
    """The newest value with its changes."""
    return stat(
        title,
        description,
        now(values.value(), what),
        now(values.change("1d"), f"since {before}"),
        now(values.change("1w"), "since a week before"),
        now(f"{values.part_of_normal()} - 1", "against normal"),
        now(f"{values.value()} / {values.threshold()} - 1", "room to threshold"),
        unit="percentunit",
        decimals=1,
        **changed(),
        overrides=(named(what, unit="short", **steps((None, PLAIN))), room("room to threshold")),
    )


def aged(name: str, late: int) -> Json:
    """The age of data, which is bad from `late` hours on, as the bundled rules have it."""
    return named(name, unit="s", decimals=1, **steps((None, PLAIN), (late * 3600, BAD)))


def course(
    values: Values,
    title: str,
    what: str,
    median: str,
    description: str,
    nothing: str = NO_VALUES,
    last: str = "",
) -> Panel:
    """The value over time, with what is normal and the zone down to the threshold.

    `nothing` stands in place of a graph without values, here and below.
    """
    return timeseries(
        title,
        description,
        Query(values.threshold(), "Threshold"),
        Query(values.baseline("4w_median"), median),
        Query(values.baseline("1w"), "A week before"),
        Query(values.value(), what),
        unit="short",
        overrides=(
            line("Threshold", BAD, 6, 4),
            named(
                median,
                **fixed(CALM),
                custom_lineStyle={"fill": "dash", "dash": [8, 4]},
                custom_fillBelowTo="Threshold",
                custom_fillOpacity=12,
            ),
            line("A week before", CALM, 2, 4),
            line(what, GOOD, width=3),
        ),
        custom={"axisSoftMin": 0},
        last=last,
        noValue=nothing,
    )


def gauge(values: Values, title: str, labels: tuple[str, str, str, str], description: str) -> Panel:
    """The newest value beside those it is compared with."""
    newest, day, week, median = labels
    return bargauge(
        title,
        description,
        now(values.value(), newest),
        now(values.baseline("1d"), day),
        now(values.baseline("1w"), week),
        now(values.baseline("4w_median"), median),
        now(values.threshold(), "Threshold"),
        unit="short",
        decimals=1,
        overrides=(named(newest, **fixed(GOOD)), named("Threshold", **fixed(BAD))),
    )


def ratio(
    values: Values, title: str, description: str, nothing: str = NO_VALUES, last: str = ""
) -> Panel:
    """The value as a part of what is normal."""
    return timeseries(
        title,
        description,
        Query(f"{values.threshold()} / ({values.normal()} > 0)", "Threshold"),
        Query(values.part_of_normal(), "Part of normal"),
        unit="percentunit",
        min=0,
        overrides=(
            line("Threshold", BAD, 6, 4),
            named(
                "Part of normal",
                **PART_OF_NORMAL,
                custom_gradientMode="scheme",
                custom_lineWidth=2,
                custom_fillOpacity=10,
            ),
        ),
        custom={"axisSoftMax": 1.2},
        last=last,
        noValue=nothing,
    )


def days(
    values: Values, title: str, median: str, description: str, nothing: str = NO_VALUES
) -> Panel:
    """A bar a day, each on the day that it is of."""
    return bars(
        title,
        description,
        Query(values.day(), "That day", interval="1d"),
        Query(values.day_threshold(), "Threshold", interval="1d"),
        Query(values.day_median(), median, interval="1d"),
        unit="short",
        interval="1d",
        overrides=(
            named("That day", **fixed(GOOD)),
            line("Threshold", BAD, 6, 4, custom_drawStyle="line"),
            line(median, CALM, 8, 4, custom_drawStyle="line"),
        ),
        noValue=nothing,
    )
