"""The kinds of panel that the boards use, as plain values that know their JSON.

Only what is the same in Grafana 10.4 to 13 is used. Blue is good, orange is bad: people who see
few colours tell them apart, and a word, a sign or a line says the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Json = dict[str, Any]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}

GOOD, WARN, BAD, CALM, PLAIN = "blue", "#E69F11", "#D55E11", "#8E9BAE", "text"
"""Of Okabe and Ito's palette, and what says nothing: a grey, and the colour of text. Theirs end in
00, which Grafana takes for transparent where it colours a line by its value.
"""


@dataclass(frozen=True)
class Query:
    """One expression; `form` is `range`, `instant` or `table` (an instant one, a row a series)."""

    expr: str
    legend: str = ""
    form: str = "range"
    interval: str = ""

    def json(self, ref: str) -> Json:
        """As a target of a panel."""
        made: Json = {
            "refId": ref,
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": self.expr,
            "range": self.form == "range",
            "instant": self.form != "range",
            "format": "table" if self.form == "table" else "time_series",
        }
        if self.form != "table":
            made["legendFormat"] = self.legend
        if self.interval:
            made["interval"] = self.interval
        return made


def now(expr: str, legend: str = "") -> Query:
    """The value at the end of the time range."""
    return Query(expr, legend, "instant")


def rows(expr: str) -> Query:
    """The same as rows of a table."""
    return Query(expr, form="table")


@dataclass(frozen=True)
class Panel:
    """A panel without its place. `title` is what it answers, `description` how to read it."""

    kind: str
    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str
    options: Json
    defaults: Json = field(default_factory=dict)
    overrides: tuple[Json, ...] = ()
    transformations: tuple[Json, ...] = ()
    more: Json = field(default_factory=dict)

    def json(self, number: int, place: Mapping[str, int]) -> Json:
        """As Grafana keeps it; queries are A, B, C in their order."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "gridPos": dict(place),
            "datasource": DATASOURCE,
            **self.more,
            "targets": [query.json(chr(65 + index)) for index, query in enumerate(self.queries)],
            "fieldConfig": {
                "defaults": {"unit": self.unit, **self.defaults},
                "overrides": list(self.overrides),
            },
            "options": self.options,
            "transformations": list(self.transformations),
        }

    def but(self, **changes: Any) -> "Panel":
        """The same panel with other fields."""
        return replace(self, **changes)


def steps(*steps: tuple[float | None, str]) -> Json:
    """Colours from each value on; the first has none."""
    return {
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in steps],
        }
    }


def says(words: Mapping[str, tuple[str, str]]) -> Json:
    """Words and colours in place of numbers."""
    return {
        "mappings": [
            {
                "type": "value",
                "options": {
                    value: {"index": index, "text": text, "color": color}
                    for index, (value, (text, color)) in enumerate(words.items())
                },
            }
        ]
    }


def changed(least: float = 0.3) -> Json:
    """Colours of a change: a drop of `least` is bad, half of that is worth a look."""
    return steps((None, BAD), (-least, WARN), (-least / 2, PLAIN), (least / 2, GOOD))


PART_OF_NORMAL: Json = {
    "color": {"mode": "thresholds", "seriesBy": "min"},
    **steps((None, BAD), (0.5, WARN), (0.75, GOOD)),
}
"""A line of parts of normal turns orange where it is low, and its mark in the legend with it."""


def fixed(color: str) -> Json:
    """Always this colour."""
    return {"color": {"mode": "fixed", "fixedColor": color}}


def named(name: str, **properties: Any) -> Json:
    """What is different for the field of this name; `custom_x` is `custom.x`."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [
            {"id": name.replace("custom_", "custom."), "value": value}
            for name, value in properties.items()
        ],
    }


def line(name: str, color: str, *dash: int, width: int = 1, **properties: Any) -> Json:
    """A line of this colour, dashed if `dash` says how."""
    style = {"fill": "dash", "dash": list(dash)} if dash else {"fill": "solid"}
    return named(
        name,
        **fixed(color),
        custom_lineStyle=style,
        custom_lineWidth=width,
        custom_fillOpacity=0,
        **properties,
    )


def link(title: str, url: str) -> Json:
    """A link from a value."""
    return {"title": title, "url": url, "targetBlank": False}


def stat(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    background: bool = False,
    overrides: tuple[Json, ...] = (),
    names: bool = True,
    small: bool = True,
    **defaults: Any,
) -> Panel:
    """Large numbers, side by side."""
    return Panel(
        "stat",
        title,
        description,
        queries,
        unit,
        {
            "colorMode": "background_solid" if background else "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "vertical",
            "textMode": "value_and_name" if names else "value",
            "wideLayout": False,
            "text": {"titleSize": 13} if small else {},
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
        {"color": {"mode": "thresholds"}, **steps((None, PLAIN)), **defaults},
        overrides,
    )


def timeseries(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    interval: str = "1m",
    overrides: tuple[Json, ...] = (),
    legend: Json | None = None,
    custom: Mapping[str, Any] | None = None,
    last: str = "",
    **defaults: Any,
) -> Panel:
    """Steps over time: a value stands until the next one comes, and a gap is a gap.

    `last` is a range of its own, as long as the board's is relative: for what changes by the hour.
    """
    return Panel(
        "timeseries",
        title,
        description,
        queries,
        unit,
        {
            "legend": {
                "showLegend": True,
                "displayMode": "list",
                "placement": "bottom",
                "calcs": [],
                **(legend or {}),
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        {
            "color": {"mode": "palette-classic"},
            "custom": {
                "drawStyle": "line",
                "lineInterpolation": "stepAfter",
                "lineWidth": 1,
                "fillOpacity": 0,
                "showPoints": "auto",
                "spanNulls": False,
                "axisBorderShow": False,
                **(custom or {}),
            },
            **defaults,
        },
        overrides,
        more={"interval": interval, **({"timeFrom": last} if last else {})},
    )


def bars(
    title: str, description: str, *queries: Query, unit: str, interval: str, **more: Any
) -> Panel:
    """A bar for each step, which begins at its own start."""
    custom = {
        "drawStyle": "bars",
        "barAlignment": 1,
        "barWidthFactor": 0.8,
        "fillOpacity": 60,
        "axisSoftMin": 0,
        **more.pop("custom", {}),
    }
    return timeseries(
        title, description, *queries, unit=unit, interval=interval, custom=custom, **more
    )


def bargauge(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    overrides: tuple[Json, ...] = (),
    **defaults: Any,
) -> Panel:
    """Values of one moment, under one another."""
    return Panel(
        "bargauge",
        title,
        description,
        queries,
        unit,
        {
            "displayMode": "basic",
            "orientation": "horizontal",
            "showUnfilled": True,
            "valueMode": "text",
            "namePlacement": "left",
            "minVizHeight": 16,
            "minVizWidth": 8,
            "text": {"titleSize": 13, "valueSize": 18},
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
        {"color": {"mode": "fixed", "fixedColor": CALM}, "min": 0, **defaults},
        overrides,
    )


def timeline(title: str, description: str, *queries: Query, **defaults: Any) -> Panel:
    """What was so when: a row for each series."""
    return Panel(
        "state-timeline",
        title,
        description,
        queries,
        "none",
        {
            "showValue": "never",
            "mergeValues": True,
            "rowHeight": 0.8,
            "alignValue": "left",
            "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "single", "sort": "none"},
        },
        {
            "color": {"mode": "thresholds"},
            "custom": {"fillOpacity": 85, "lineWidth": 0, "spanNulls": False},
            **steps((None, CALM)),
            **defaults,
        },
        more={"interval": "5m"},
    )


HIDDEN: Json = {
    "custom_hidden": True,
    "custom_hideFrom": {"viz": True, "legend": False, "tooltip": True},
}
"""A column that is there for links only: the name of this until Grafana 12.1, and since."""


def table(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    columns: Mapping[str, str],
    sort: tuple[str, bool],
    overrides: tuple[Json, ...] = (),
    trend: str = "",
    **defaults: Any,
) -> Panel:
    """A table. `columns` gives the fields their headings, in order; the others are left out.

    `sort` is a heading and whether the largest comes first. `trend` is the letter of the range
    query that becomes small lines. Only that query's frames may be turned into lines: Grafana
    takes a table of a single row for a series as well.
    """
    lines = {
        "id": "timeSeriesTable",
        "filter": {"id": "byRefId", "options": trend},
        "options": {trend: {"stat": "lastNotNull"}},
    }
    return Panel(
        "table",
        title,
        description,
        queries,
        unit,
        {
            "cellHeight": "sm",
            "showHeader": True,
            "sortBy": [{"displayName": sort[0], "desc": sort[1]}],
        },
        {
            "color": {"mode": "thresholds"},
            "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False},
            **steps((None, PLAIN)),
            **defaults,
        },
        overrides,
        (
            *((lines,) if trend else ()),
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {
                        name: True for name in ("Time", "Value") if name not in columns
                    },
                    "indexByName": {name: index for index, name in enumerate(columns)},
                    "renameByName": {name: heading for name, heading in columns.items() if heading},
                },
            },
        ),
        {"maxDataPoints": 100} if trend else {},
    )
