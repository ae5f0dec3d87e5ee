"""A board: rows of panels, variables and links, put together as Grafana's classic JSON."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from grafana.panels import DATASOURCE, Panel
from grafana.queries import APPS, SEGMENTS, WATCHED, Names
from grafana.style import BAD, Json

SCHEMA = 39
"""Grafana 10.4's and 11.0's; newer ones migrate it on load, silently."""

WIDTH = 24


@dataclass(frozen=True)
class Line:
    """Panels side by side, each with its width, all of one height."""

    height: int
    panels: tuple[tuple[Panel, int], ...]


@dataclass(frozen=True)
class Row:
    """Lines below one another, under a heading that folds them away; no heading at the top."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Region:
    """Where alerts are drawn into the panels of a row as regions."""

    name: str
    expr: str
    text: str
    row: str


@dataclass(frozen=True)
class Board:
    """A dashboard."""

    uid: str
    title: str
    description: str
    variables: tuple[Json, ...]
    rows: tuple[Row, ...]
    since: str = "now-14d"
    refresh: str = "5m"
    regions: tuple[Region, ...] = ()

    def panels(self) -> Iterator[tuple[str, Panel]]:
        """Every panel with the heading it stands under."""
        for row in self.rows:
            for line in row.lines:
                for panel, _ in line.panels:
                    yield row.title, panel

    def json(self) -> Json:
        """The dashboard as Grafana keeps it."""
        panels = list(self._placed())
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["braze", "braze-exporter"],
            "schemaVersion": SCHEMA,
            "id": None,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "",
            "weekStart": "",
            "fiscalYearStartMonth": 0,
            "liveNow": False,
            "refresh": self.refresh,
            "time": {"from": self.since, "to": "now"},
            "timepicker": {},
            "links": [*_links(self.uid)],
            "annotations": {"list": [self._annotation(region, panels) for region in self.regions]},
            "templating": {"list": list(self.variables)},
            "panels": panels,
        }

    def text(self) -> str:
        """The file's text: the same for the same code."""
        return json.dumps(self.json(), indent=2, ensure_ascii=False) + "\n"

    def _placed(self) -> Iterator[Json]:
        number = y = 0
        for row in self.rows:
            if row.title:
                number += 1
                yield {
                    "id": number,
                    "type": "row",
                    "title": row.title,
                    "collapsed": False,
                    "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1},
                    "panels": [],
                }
                y += 1
            for line in row.lines:
                x = 0
                for panel, width in line.panels:
                    number += 1
                    yield panel.json(number, {"x": x, "y": y, "w": width, "h": line.height})
                    x += width
                y += line.height

    def _annotation(self, region: Region, panels: list[Json]) -> Json:
        titles = {panel.title for row, panel in self.panels() if row == region.row}
        return {
            "name": region.name,
            "enable": True,
            "hide": False,
            "iconColor": BAD,
            "datasource": DATASOURCE,
            "expr": region.expr,
            "step": "5m",
            "titleFormat": "{{alertname}}",
            "textFormat": region.text,
            "tagKeys": "severity",
            "useValueForTime": False,
            "filter": {
                "exclude": False,
                "ids": [
                    panel["id"]
                    for panel in panels
                    if panel["title"] in titles and panel["type"] == "timeseries"
                ],
            },
        }


SHARED = "${datasource:queryparam}&${job:queryparam}"
"""What every link between the boards takes along."""


def detail(*variables: str) -> str:
    """The address of the detail board, for links from values."""
    chosen = "&".join((SHARED, *variables, "${__url_time_range}"))
    return f"/d/braze-detail/braze-detail?{chosen}"


def _links(uid: str) -> Iterator[Json]:
    """Links to the other boards. Chosen segments and apps stay behind: all is the way out."""
    for other, title, tooltip in (
        ("braze-overview", "Overview", "What has dropped, and how everything is"),
        ("braze-detail", "Segment & app detail", "One segment and one app, from near"),
        ("braze-app-health", "App health", "Users, uninstalls and custom events, against normal"),
        ("braze-exporter", "Exporter", "Whether the numbers can be trusted"),
    ):
        if other != uid:
            yield {
                "type": "link",
                "title": title,
                "tooltip": tooltip,
                "url": f"/d/{other}/{other}?{SHARED}&${{workspace:queryparam}}",
                "icon": "dashboard",
                "tags": [],
                "asDropdown": False,
                "includeVars": False,
                "keepTime": True,
                "targetBlank": False,
            }


def datasource() -> Json:
    """Which Prometheus; the default one until another is chosen."""
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "regex": "",
        "current": {},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "refresh": 1,
        "skipUrlSync": False,
        "options": [],
    }


def _query(
    name: str, label: str, query: str, regex: str, *, several: bool, description: str
) -> Json:
    made: Json = {
        "type": "query",
        "name": name,
        "label": label,
        "description": description,
        "datasource": DATASOURCE,
        "query": query,
        "definition": query,
        "regex": regex,
        "refresh": 2,
        "sort": 5,
        "current": {},
        "hide": 0,
        "includeAll": several,
        "multi": several,
        "skipUrlSync": False,
        "options": [],
    }
    return made


def labels(name: str, label: str, of: str, description: str) -> Json:
    """The values of a label; all of them unless some are chosen."""
    query = f"label_values({of}, {name})"
    made = _query(name, label, query, "", several=True, description=description)
    return {**made, "allValue": ".+"}


def names(name: str, label: str, source: Names, *, several: bool, description: str) -> Json:
    """A choice by name; the value is the id, so links of alerts work and names may change.

    All of them is one short expression, however many there are.
    """
    made = _query(
        name,
        label,
        f"query_result({source.options()})",
        source.option(),
        several=several,
        description=description,
    )
    return {**made, "allValue": ".*"} if several else made


def choice(name: str, label: str, values: tuple[str, ...], chosen: str, description: str) -> Json:
    """A choice among given numbers."""
    return {
        "type": "custom",
        "name": name,
        "label": label,
        "description": description,
        "query": ",".join(values),
        "current": {"text": chosen, "value": chosen},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "skipUrlSync": False,
        "options": [
            {"text": value, "value": value, "selected": value == chosen} for value in values
        ],
    }


def here() -> tuple[Json, ...]:
    """The variables that select an exporter and its workspaces."""
    return (
        datasource(),
        labels("job", "Job", "braze_exporter_build_info", "Prometheus' job of the exporter."),
        labels(
            "workspace",
            "Workspace",
            'braze_exporter_collector_interval_seconds{job=~"$job"}',
            "As named in the exporter's settings.",
        ),
    )


def segment(*, several: bool) -> Json:
    """Which segment, or which ones."""
    return names(
        "segment",
        "Segment",
        SEGMENTS,
        several=several,
        description="By name; the value is the id. Type to search.",
    )


def app(*, several: bool) -> Json:
    """Which app, or which ones."""
    return names(
        "app", "App", APPS, several=several, description="By name; the value is the identifier."
    )


def event() -> Json:
    """Which custom event."""
    query = f'label_values({{__name__=~"braze_app_events_(daily|hourly)", {WATCHED}}}, event)'
    return _query(
        "event", "Event", query, "", several=False, description="A custom event, by its name."
    )
