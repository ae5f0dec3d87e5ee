"""The kinds of panel that the boards use, as plain values that know their JSON.

Only what is the same in Grafana 10.4 to 13 is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grafana.style import CALM, PLAIN, Json, steps

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}


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
            "orientation": "auto" if background else "vertical",
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
        "showPoints": "never",
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
