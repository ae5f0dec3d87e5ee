"""The committed dashboards, and their queries as Grafana would send them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "grafana" / "dashboards"

Json = dict[str, Any]
Values = Mapping[str, str | Sequence[str]]
"""What is chosen: a value for each variable, several, or `ALL`."""

ALL = "$__all"

_VARIABLE = re.compile(r"\$([a-zA-Z_]\w*)|\$\{(\w+)(?::\w+)?\}")
_BUILT_IN = {"__range": "86400s", "__interval": "60s", "__rate_interval": "240s"}


@dataclass(frozen=True)
class Target:
    """A query of a panel."""

    board: str
    panel: Json
    target: Json

    @property
    def expr(self) -> str:
        """As it is in the file."""
        return str(self.target["expr"])

    def __str__(self) -> str:
        return f"{self.board}: {self.panel['title']} {self.target['refId']}"


@cache
def boards() -> dict[str, Json]:
    """Each dashboard by its file's name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(board: Json) -> list[Json]:
    """Its panels without the rows' headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def targets() -> Iterator[Target]:
    """Every query of every panel."""
    for name, board in boards().items():
        for panel in panels(board):
            for target in panel["targets"]:
                yield Target(name, panel, target)


def variables(board: Json) -> dict[str, Json]:
    """Its variables by name."""
    return {variable["name"]: variable for variable in board["templating"]["list"]}


def filled(text: str, board: Json, chosen: Values | None = None) -> str:
    """`text` with its variables replaced, as Grafana's Prometheus data source does it.

    What is not chosen is what a freshly opened board shows: all, or the chosen value of a list; a
    single one that has none yet is empty.
    """
    known = variables(board)

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name in _BUILT_IN:
            return _BUILT_IN[name]
        variable = known[name]
        picked = (chosen or {}).get(name, ALL if variable.get("includeAll") else None)
        if picked is None:
            return str(variable.get("current", {}).get("value", ""))
        if picked == ALL:
            return str(variable["allValue"])
        several = [picked] if isinstance(picked, str) else list(picked)
        if not variable["multi"]:
            return several[0].replace("\\", "\\\\").replace("'", "\\\\'")
        escaped = [re.sub(r"[$^*{}\[\]'+?.()|\\]", r"\\\\\g<0>", one) for one in several]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    return _VARIABLE.sub(value, text)


def options(lines: Sequence[str], variable: Json) -> dict[str, str]:
    """The values that a variable offers, by their text, read from lines of `query_result`."""
    pattern = variable["regex"].strip("/").replace("(?<", "(?P<")
    found = {}
    for line in lines:
        match = re.search(pattern, line)
        assert match is not None, line
        found[match["text"]] = match["value"]
    return found


def query_result(labels: Mapping[str, str]) -> str:
    """A line of `query_result`, as Grafana writes it: the labels as they are, nothing escaped."""
    inner = ",".join(f'{name}="{labels[name]}"' for name in sorted(labels))
    return f"{{{inner}}} 1 1795305600000"
