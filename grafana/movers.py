"""The tables of what moved: the newest value, its changes and its trend."""

from grafana.board import detail
from grafana.panels import Panel, Query, rows, table
from grafana.queries import APPS, HOURS, SEGMENTS, SIZES, Names, Values
from grafana.style import BAD, GOOD, HIDDEN, PLAIN, Json, changed, fixed, link, named, says, steps

ROW_TO_SEGMENT = detail(
    "var-workspace=${__data.fields.workspace}", "var-segment=${__data.fields.segment_id}"
)
ROW_TO_APP = detail("var-workspace=${__data.fields.workspace}", "var-app=${__data.fields.app_id}")


def change(name: str) -> Json:
    """A column of changes."""
    return named(
        name,
        unit="percentunit",
        decimals=1,
        custom_width=80,
        custom_align="right",
        custom_cellOptions={"type": "color-text"},
        **changed(),
        **says({"Infinity": ("n/a", PLAIN)}),
    )


STATE = named(
    "State",
    custom_width=130,
    custom_align="center",
    custom_cellOptions={"type": "color-background", "mode": "basic"},
    **says({"1": ("below threshold", BAD), "0": ("normal", "transparent")}),
    noValue="no threshold",
    **steps((None, "transparent")),
)
TREND = named(
    "Trend",
    min=0,
    **fixed(GOOD),
    custom_width=150,
    custom_cellOptions={
        "type": "sparkline",
        "hideValue": True,
        "drawStyle": "line",
        "lineInterpolation": "stepAfter",
        "lineWidth": 1,
        "fillOpacity": 15,
        "showPoints": "never",
        "spanNulls": False,
    },
)


def since_last_week(values: Values) -> str:
    """The change since a week before, infinite where that is not known.

    Grafana sorts what is absent before the deepest drop, and what is infinite after all.
    """
    return f"{values.change('1w')} or {values.value()} ^ 0 / 0"


def movers(
    values: Values,
    ids: Names,
    title: str,
    description: str,
    words: tuple[str, str],
    least: str,
    to: str,
) -> Panel:
    """What moved, the deepest drop first: the newest value and its changes, with the trend."""
    heading, amount = words
    end = values.at_the_end()
    ranked = f"({since_last_week(end)})"
    if least:
        ranked += f" and ({end.value()} >= {least} or {end.baseline('1w')} >= {least})"
    shown = f"and on ({values.by}) bottomk($top, {ranked})"
    return table(
        title,
        description,
        rows(f"{ids.of(values.value())} {shown}"),
        rows(f"{values.change('1d')} {shown}"),
        rows(f"({since_last_week(values)}) {shown}"),
        rows(f"{values.part_of_normal()} - 1 {shown}"),
        rows(f"{values.value()} < bool {values.threshold()} {shown}"),
        Query(f"{values.value()} {shown}", interval="1h"),
        unit="short",
        sort=("1 week", False),
        trend="F",
        columns={
            ids.name: heading,
            "Value #E": "State",
            "Value #A": amount,
            "Value #B": "1 day",
            "Value #C": "1 week",
            "Value #D": "Normal",
            "Trend #F": "Trend",
            "workspace": "Workspace",
            ids.id: "",
        },
        overrides=(
            named(heading, custom_minWidth=230, links=[link("Detail", to)]),
            named(amount, custom_width=85, custom_align="right", decimals=1),
            STATE,
            change("1 day"),
            change("1 week"),
            change("Normal"),
            TREND,
            named("Workspace", custom_width=90),
            named(ids.id, **HIDDEN),
        ),
    )


SEGMENT_MOVERS = movers(
    SIZES,
    SEGMENTS,
    "Segments that moved",
    "Each segment's newest size and its change since the day before, a week before and against "
    "normal (the smaller of last week and the median of four weeks), the deepest drop of a week "
    "first. The comparisons come from the exporter, so they are there on the first day; the trend "
    "is as long as Prometheus' history. `Largest drops` limits the rows, `At least` leaves out "
    "segments that are and were smaller.",
    ("Segment", "Users"),
    "$least",
    ROW_TO_SEGMENT,
)
APP_MOVERS = movers(
    HOURS,
    APPS,
    "Apps that moved",
    "Each app's newest complete hour of sessions and its change since the same hour yesterday, a "
    "week before and against normal (the smaller of last week and the median of four weeks of this "
    "hour of the week), the deepest drop of a week first.",
    ("App", "Sessions"),
    "",
    ROW_TO_APP,
)
