"""Every query of the dashboards, answered by a real Prometheus.

It holds nine days that `backfill` wrote and what it scrapes since, beside the bundled rules.
"""

import json
import math
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator import World
from exporter.simulator.pulse import EVENTS
from grafana import alerts
from tests.boards import (
    Target,
    Values,
    boards,
    filled,
    options,
    panels,
    query_result,
    targets,
    variables,
)
from tests.machine import program
from tests.stack import WORKSPACE, Prometheus, stack, until

RULES = Path(__file__).parent.parent / "prometheus" / "rules" / "braze-exporter.yml"
SEED = 14
DAYS = 9
DAY = 86400
ODD = 'Abandoned Cart "24h" \\ Checkout'

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Watched:
    """The simulator's world, the exporter that watches it, and the Prometheus that knows both."""

    world: World
    exporter: str
    url: str

    def segment(self, name: str) -> str:
        """The id of a segment."""
        return next(segment.id for segment in self.world.segments if segment.name == name)

    def app(self, name: str) -> str:
        """The id of an app."""
        return next(app.id for app in self.world.apps if app.name == name)

    def api(self, path: str, **query: object) -> Any:
        """What Prometheus' HTTP API answers; an error fails with its text."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            pytest.fail(f"{query}: {error.read().decode()}")

    def instant(self, expr: str) -> Rows:
        """The values of now."""
        found: Rows = self.api("query", query=expr)["result"]
        return found

    def course(self, expr: str, steps: int, step: int) -> Rows:
        """The values at so many steps up to now; those of days begin at midnight, as Grafana's."""
        end = time.time() // step * step if step == DAY else time.time()
        range_ = {"start": end - steps * step, "end": end, "step": step}
        found: Rows = self.api("query_range", query=expr, **range_)["result"]
        return found

    def answer(self, target: Target, chosen: Values) -> Rows:
        """What a panel gets for a query."""
        expr = filled(target.expr, boards()[target.board], chosen)
        if target.target["instant"]:
            return self.instant(expr)
        if target.board == "braze-exporter":
            return self.course(expr, steps=12, step=5)
        if target.target.get("interval") == "1d":
            return self.course(expr, steps=DAYS, step=DAY)
        return self.course(expr, steps=DAYS * 24, step=3600)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Started as an operator would: the exporter, its history, then Prometheus with the rules."""
    folder = tmp_path_factory.mktemp("stack")
    start = datetime.now(UTC)
    world = World(SEED, start)
    fallen = next(segment.id for segment in world.segments if segment.name == "Push Enabled - iOS")
    rules = folder / "rules.yml"
    rules.write_text(re.sub(r"(?m)^( +for:) .*$", r"\1 0s", RULES.read_text()))
    program("prometheus")
    with stack(folder) as processes:
        exporter = processes.exporter(processes.simulator(SEED, start), world, by_segment=[fallen])
        bring_history(folder, exporter)
        prometheus = processes.prometheus(exporter, rule_files=[str(rules)])
        until(lambda: settled(prometheus), "values, what is normal for them, and both alerts")
        yield Watched(world, exporter, prometheus.url)


def bring_history(folder: Path, exporter: str) -> None:
    """What `backfill` says is to be done."""
    history = folder / "history"
    for command in (
        [sys.executable, "-m", "exporter", "backfill", f"--config.file={folder / 'exporter.yml'}",
         f"--days={DAYS}", "--job=braze", f"--instance={exporter}", f"--output={history}"],
        [program("promtool"), "tsdb", "create-blocks-from", "--max-block-duration=744h",
         "openmetrics", str(history), str(folder / "data")],
    ):  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr


def settled(prometheus: Prometheus) -> bool:
    """Whether it has scraped twice and the rules have told the story: others may fire as well."""
    counted = prometheus.query("count_over_time(braze_exporter_build_info[10s]) > 5")
    firing = prometheus.query('ALERTS{alertstate="firing"}')
    told = {dict(labels)["alertname"] for labels in firing}
    return bool(counted) and told >= {"BrazeSegmentSizeDropped", "BrazeAppSessionsBelowNormal"}


@dataclass(frozen=True)
class Choice:
    """What somebody chose on a board, and the panels that then rightly have nothing to show."""

    board: str
    what: str
    segment: Sequence[str] = ()
    app: Sequence[str] = ()
    more: Mapping[str, str] = ()  # type: ignore[assignment]  # nothing
    empty: frozenset[str] = frozenset()
    event: str = ""

    def values(self, watched: Watched) -> Values:
        """Ids, as the variables have them."""
        found: dict[str, str | Sequence[str]] = dict(self.more)
        if self.segment:
            found["segment"] = [watched.segment(name) for name in self.segment]
        if self.app:
            found["app"] = [watched.app(name) for name in self.app]
        if self.event:
            found["event"] = self.event
        return found


USERS = frozenset(
    {"Sessions an hour of the segment's users, by app", "The same as a part of normal"}
)
EVENT = next(iter(EVENTS))
CALM = frozenset({"Alerts about users, uninstalls and events"})
HEALTH = frozenset(panel["title"] for panel in panels(boards()["braze-app-health"]))
CHOICES = (
    Choice("braze-overview", "all"),
    Choice("braze-overview", "the collapsed one", ["Push Enabled - iOS"], ["web"]),
    Choice(
        "braze-overview",
        "an odd name and another",
        [ODD, "VIP Customers"],
        ["ios", "android"],
        {"job": "braze", "workspace": WORKSPACE, "top": "10", "least": "0"},
        frozenset({"Below threshold now"}),
    ),
    Choice("braze-detail", "what has dropped", ["Push Enabled - iOS"], ["web"]),
    Choice(
        "braze-detail",
        "an odd name",
        [ODD],
        ["ios"],
        {"workspace": WORKSPACE},
        USERS | {"Alerts of this segment and this app"},
    ),
    Choice("braze-app-health", "an app and an event", app=["ios"], event=EVENT, empty=CALM),
    Choice("braze-app-health", "another workspace", more={"workspace": "other"}, empty=HEALTH),
    Choice("braze-exporter", "all"),
    Choice("braze-exporter", "this one", more={"job": "braze", "workspace": WORKSPACE}),
)


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: f"{choice.board}: {choice.what}")
def test_every_panel_has_an_answer(watched: Watched, choice: Choice) -> None:
    """No query fails, and each panel shows something where there is something."""
    found: dict[str, int] = {}
    for target in targets():
        if target.board == choice.board:
            title = target.panel["title"]
            rows = watched.answer(target, choice.values(watched))
            found[title] = found.get(title, 0) + len(rows)

    assert {title for title, rows in found.items() if not rows} == choice.empty


def test_the_collapsed_segment_is_first(watched: Watched) -> None:
    """In the tiles of what is below its threshold, and in the table when it is sorted."""
    tile, changes = (
        watched.answer(target, {})
        for target in targets()
        if (target.panel["title"], target.target["refId"])
        in (("Below threshold now", "A"), ("Segments that moved", "C"))
    )
    deepest = min(changes, key=lambda row: float(row["value"][1]))

    assert [row["metric"]["segment_name"] for row in tile] == ["Push Enabled - iOS"]
    assert float(tile[0]["value"][1]) == pytest.approx(-0.88, abs=0.02)
    assert deepest["metric"]["segment_id"] == watched.segment("Push Enabled - iOS")


def test_what_cannot_be_compared_is_last(watched: Watched) -> None:
    """Infinite is last in Grafana's tables; absent would be before the deepest drop."""
    (target,) = (
        target
        for target in targets()
        if (target.panel["title"], target.target["refId"]) == ("Segments that moved", "C")
    )
    rows = watched.answer(target, {"least": "0"})
    changes = {row["metric"]["segment_id"]: float(row["value"][1]) for row in rows}

    assert len(changes) == len(watched.world.segments)
    assert changes[watched.segment("Beta Testers")] == math.inf


def test_a_firing_alert_leads_to_the_board_that_tells_more(watched: Watched) -> None:
    """With the id of what it is about, and nothing else chosen."""
    (target,) = (target for target in targets() if target.panel["title"] == "Firing alerts")
    led = {
        row["metric"]["of"]: (row["metric"]["to"], urllib.parse.parse_qs(row["metric"]["what"]))
        for row in watched.answer(target, {})
    }
    segment, app = watched.segment("Push Enabled - iOS"), watched.app("web")

    assert led["Push Enabled - iOS"] == (
        "braze-detail",
        {"var-workspace": [WORKSPACE], "var-segment": [segment]},
    )
    assert led["web"] == ("braze-detail", {"var-workspace": [WORKSPACE], "var-app": [app]})


def test_an_alert_of_no_workspace_is_told_as_well(watched: Watched) -> None:
    """It is about the exporter, or about one instance of it."""
    absent = 'label_replace(vector(1), "alertname", "BrazeExporterAbsent", "", "")'
    reload = f'label_replace({absent}, "instance", "braze:10068", "", "")'
    told = [watched.instant(alerts.told(alert))[0]["metric"] for alert in (absent, reload)]

    assert [labels["of"] for labels in told] == ["exporter", "braze:10068"]
    assert {labels["to"] for labels in told} == {"braze-exporter"}


def bars(watched: Watched, title: str, chosen: Values) -> dict[datetime, float]:
    """The bars of a panel, by the moment at which they stand."""
    (target,) = (
        target
        for target in targets()
        if target.panel["title"] == title and target.target["refId"] == "A"
    )
    (series,) = watched.answer(target, chosen)
    return {datetime.fromtimestamp(at, UTC): float(value) for at, value in series["values"]}


def test_a_size_stands_on_its_own_day(watched: Watched) -> None:
    """Each bar of the graph by day is the simulator's estimate of that very day."""
    segment = watched.segment("Push Enabled - iOS")
    found = bars(watched, "Users by day", {"segment": segment})

    assert len(found) >= DAYS - 1
    assert found == {day: watched.world.segment_size(segment, day.date()) for day in found}
    assert max(found).date() == datetime.now(UTC).date()


def test_sessions_stand_on_their_own_day(watched: Watched) -> None:
    """The newest complete day is yesterday, or the day before within minutes after midnight."""
    app = watched.app("ios")
    found = bars(watched, "Sessions by day", {"app": app})

    assert len(found) >= DAYS - 2
    for day, value in found.items():
        hours = (day + timedelta(hours=hour) for hour in range(24))
        assert value == sum(watched.world.sessions(app, None, hour) for hour in hours)
    assert max(found) + timedelta(days=1) <= datetime.now(UTC)


def test_variables_offer_what_there_is(watched: Watched) -> None:
    """Names with quotes and backslashes come with their ids."""
    for board in boards().values():
        for name, variable in variables(board).items():
            if variable["type"] != "query":
                continue
            query = filled(variable["query"], board)
            if label := re.fullmatch(r"label_values\((.*), (\w+)\)", query):
                values = watched.api(f"label/{label[2]}/values", **{"match[]": label[1]})
                assert values in (["braze"], [WORKSPACE], [watched.exporter], [EVENT])
            else:
                result = re.fullmatch(r"query_result\((.*)\)", query)
                assert result is not None
                lines = [query_result(row["metric"]) for row in watched.instant(result[1])]
                world = watched.world.segments if name == "segment" else watched.world.apps
                offered = options(lines, variable)
                assert set(offered) == {thing.name for thing in world}
                assert set(offered.values()) <= {thing.id for thing in world}


def test_regions_of_alerts_are_found(watched: Watched) -> None:
    """The annotations of the detail board, for what has dropped."""
    board = boards()["braze-detail"]
    chosen = {"segment": watched.segment("Push Enabled - iOS"), "app": watched.app("web")}
    for region in board["annotations"]["list"]:
        assert watched.instant(filled(region["expr"], board, chosen)), region["name"]
