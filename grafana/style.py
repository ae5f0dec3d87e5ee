"""Colours and small changes of looks, the same on every board.

Blue is good, orange is bad: people who see few colours tell them apart, and a word, a sign or a
line says the same.
"""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

GOOD, WARN, BAD, CALM, PLAIN = "blue", "#C27C0E", "#D55E11", "#8E9BAE", "text"
"""Blue, amber and vermilion, and what says nothing: a grey, and the colour of text. None ends in
00, which Grafana takes for transparent where it colours a line by its value.
"""

SKY, PINK = "#56B4E9", "#CC79A7"
"""Two more of Okabe and Ito's palette, for what is neither good nor bad."""


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


NO_VALUES = "Nothing in this time: it fills as Prometheus scrapes"
NO_APPS = "No sessions in this time: it fills as Prometheus scrapes, if the settings name apps"

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


def like(pattern: str, **properties: Any) -> Json:
    """What is different for fields whose names match a regular expression."""
    return {**named("", **properties), "matcher": {"id": "byRegexp", "options": f"/{pattern}/"}}


def of_query(ref: str, **properties: Any) -> Json:
    """What is different for what a query brings."""
    return {**named("", **properties), "matcher": {"id": "byFrameRefID", "options": ref}}


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


HIDDEN: Json = {
    "custom_hidden": True,
    "custom_hideFrom": {"viz": True, "legend": False, "tooltip": True},
}
"""A column that is there for links only: the name of this until Grafana 12.1, and since."""
