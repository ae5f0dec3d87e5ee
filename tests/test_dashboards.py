"""The dashboards: what grafana/dashboard-linter asks for, and that all they name exists."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

import grafana
from exporter import catalog
from tests.boards import (
    FOLDER,
    Json,
    Target,
    boards,
    filled,
    options,
    panels,
    query_result,
    targets,
    variables,
)
from tests.promql import functions, grouped, inside, selectors

ROOT = Path(__file__).parent.parent
RULES = yaml.safe_load((ROOT / "prometheus/rules/braze-exporter.yml").read_text())
PROVISIONING = ROOT / "grafana/provisioning"

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {"short", "none", "percentunit", "s", "bytes"}

# What Prometheus itself makes of a target and of rules, and what the Python client adds.
TARGET_LABELS = {"job", "instance"}
ALERT_LABELS = {
    "alertname", "alertstate", "severity", "workspace", "segment_id", "segment_name", "app_id",
    "app_name", "event", "collector", "period", "job", "instance",
}  # fmt: skip
FOREIGN = {
    "up": TARGET_LABELS,
    "scrape_samples_scraped": TARGET_LABELS,
    "scrape_duration_seconds": TARGET_LABELS,
    "process_start_time_seconds": TARGET_LABELS,
    "process_resident_memory_bytes": TARGET_LABELS,
    "process_cpu_seconds_total": TARGET_LABELS,
    "process_open_fds": TARGET_LABELS,
    "ALERTS": ALERT_LABELS,
    "ALERTS_FOR_STATE": ALERT_LABELS - {"alertstate"},
}
MADE_HERE = {"of", "names", "alert", "to", "what"}
"""Labels that a query makes itself."""

each_board = pytest.mark.parametrize("board", boards().values(), ids=boards())
each_target = pytest.mark.parametrize("target", list(targets()), ids=str)
each_panel = pytest.mark.parametrize(
    "panel",
    [panel for board in boards().values() for panel in panels(board)],
    ids=lambda panel: panel["title"],
)


def expr_of(target: Target) -> str:
    """The query as a freshly opened board sends it."""
    return filled(target.expr, boards()[target.board])


@cache
def known_labels() -> dict[str, set[str]]:
    """The labels of every metric that a board may name."""
    known = dict(FOREIGN)
    for metric in catalog.metrics():
        labels = {*metric.labels, *TARGET_LABELS}
        known[metric.name] = labels
        if metric.type == "histogram":
            known |= {f"{metric.name}_{part}": labels for part in ("sum", "count")}
            known[f"{metric.name}_bucket"] = labels | {"le"}
    return known


def every(value: object, key: str) -> Iterator[Any]:
    """Whatever stands under `key`, anywhere in the JSON."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from every(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from every(inner, key)


# The files


def test_the_files_are_what_the_code_makes() -> None:
    """`make dashboards` would change nothing, and no other file is there."""
    assert {path: path.read_text() for path in FOLDER.glob("*.json")} == grafana.files()


@each_board
def test_a_board_is_one_that_every_grafana_from_10_4_on_reads(board: Json) -> None:
    """Classic JSON of 10.4's schema that also keeps what 40 to 42 ask for, and no import inputs."""
    assert board["schemaVersion"] == 39
    assert board["id"] is None
    assert board["editable"] is False
    assert isinstance(board["refresh"], str)
    assert not {"__inputs", "__requires", "__elements", "version", "iteration"} & set(board)
    assert "time_options" not in board["timepicker"]
    assert re.fullmatch(r"[a-z-]{1,40}", board["uid"])
    for hidden in every(board, "value"):
        if isinstance(hidden, dict) and hidden.get("viz"):
            assert hidden["tooltip"]


@each_panel
def test_a_panel_is_of_a_kind_that_every_grafana_has(panel: Json) -> None:
    """None that 12 removed, none of a plugin."""
    assert panel["type"] in {"stat", "timeseries", "table", "bargauge", "state-timeline"}
    assert {change["id"] for change in panel["transformations"]} <= {
        "timeSeriesTable",
        "merge",
        "organize",
    }


@each_board
def test_panels_have_numbers_of_their_own_and_do_not_overlap(board: Json) -> None:
    """And fit into Grafana's 24 columns."""
    numbers = [panel["id"] for panel in board["panels"]]
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(set(numbers)) == len(numbers)
    assert len(set(taken)) == len(taken)
    assert {x for x, _ in taken} == set(range(24))
    assert len({panel["title"] for panel in panels(board)}) == len(panels(board))


# The rules of grafana/dashboard-linter


@each_board
def test_the_data_source_is_a_variable(board: Json) -> None:
    """template-datasource, panel-datasource: none is named anywhere."""
    variable = variables(board)["datasource"]

    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    assert variable["label"] == "Data source"
    assert variable["current"] == {}
    assert all(source == DATASOURCE for source in every(board, "datasource"))
    assert all(
        "datasource" in part for panel in panels(board) for part in (panel, *panel["targets"])
    )


@each_board
def test_variables_are_asked_for_again_when_the_time_changes(board: Json) -> None:
    """template-job, template-instance, template-on-time-change-reload."""
    found = variables(board)

    for name in ("job", "instance", "workspace"):
        if name in found:
            assert found[name]["multi"]
            assert found[name]["includeAll"]
            assert found[name]["allValue"] == ".+"
    assert "job" in found
    for variable in found.values():
        assert variable["label"][0].isupper()
        if variable["type"] == "query":
            assert variable["refresh"] == 2
            assert variable["datasource"] == DATASOURCE
            assert not variable["includeAll"] or variable["allValue"], "thousands make a huge query"


@each_panel
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: Json) -> None:
    """panel-title-description, panel-units, panel-no-targets."""
    assert panel["title"]
    assert re.fullmatch(r"[A-Z1].*\.", panel["description"])
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert set(every(panel["fieldConfig"]["overrides"], "unit")) <= UNITS
    assert panel["targets"]


@each_target
def test_a_query_has_its_own_window_for_rates(target: Target) -> None:
    """target-rate-interval, target-counter-agg."""
    rates = inside(expr_of(target), "rate", "increase", "irate")

    for window in re.findall(r"\b(?:rate|increase|irate)\(.*?\[(.*?)\]", target.expr):
        assert window == "$__rate_interval"
    for selector in selectors(expr_of(target)):
        assert not selector.metric.endswith(("_total", "_bucket")) or selector in rates


@each_target
def test_a_query_is_of_the_chosen_jobs(target: Target) -> None:
    """target-job everywhere, target-instance on the exporter's own board.

    Not on the others: what Braze says does not depend on the pod that asked. Alerts have no job.
    """
    marks = {name: name for name in ("job", "instance")}
    for selector in selectors(filled(target.expr, boards()[target.board], marks)):
        if not selector.metric.startswith("ALERTS"):
            assert selector.matchers["job"] == "job"
            if target.board == "braze-exporter":
                assert selector.matchers["instance"] == "instance"


def test_the_linter_is_told_why_rules_do_not_hold() -> None:
    """For those who have its binary: each exclusion is one of its rules, with a reason."""
    file = yaml.safe_load((FOLDER / ".lint").read_text())

    assert set(file) == {"exclusions"}
    for rule, exclusion in file["exclusions"].items():
        assert rule in {"template-instance-rule", "target-instance-rule", "target-job-rule"}
        assert exclusion["reason"]
        assert {entry["dashboard"] for entry in exclusion["entries"]} <= {
            board["title"] for board in boards().values()
        }


# What the queries name


@each_target
def test_a_query_reads_metrics_and_labels_that_exist(target: Target) -> None:
    """Of the catalogue, of Prometheus itself, of alerts: else the panel would be empty."""
    expr = expr_of(target)
    found = selectors(expr)

    assert found
    for selector in found:
        assert selector.metric in known_labels()
        assert set(selector.matchers) <= known_labels()[selector.metric]
    read = set[str]().union(*(known_labels()[selector.metric] for selector in found))
    assert grouped(expr) <= read | MADE_HERE


def test_no_metric_was_forgotten() -> None:
    """Every one of the catalogue is on a board, but for what these say why not."""
    read = {s.metric for target in targets() for s in selectors(expr_of(target))}
    for board in boards().values():
        for variable in variables(board).values():
            read |= set(re.findall(r"\bbraze_\w+", variable["query"]))
    left_out = re.compile(
        r"_current(_timestamp_seconds)?$"  # still fills: compared with nothing
        r"|^braze_segment_sessions_"  # the hours' value and threshold are there
        r"|_last_attempt_|_rate_limit_reset_|_reload_success_timestamp_|_shard"  # for the rules
    )

    for metric in catalog.metrics():
        names = {metric.name, f"{metric.name}_bucket"}
        assert bool(names & read) or left_out.search(metric.name), metric.name


@each_target
def test_a_query_needs_no_recorded_series_and_no_newer_prometheus(target: Target) -> None:
    """The boards work without the rules; what is experimental is refused unless switched on."""
    assert functions(expr_of(target)) <= {
        "abs", "histogram_quantile", "increase", "label_join", "label_replace", "last_over_time",
        "rate", "time", "vector",
    }  # fmt: skip


@each_target
def test_a_legend_names_labels_that_the_query_leaves(target: Target) -> None:
    """Else it would be blank."""
    left = grouped(expr_of(target)) | MADE_HERE
    for selector in selectors(expr_of(target)):
        left |= known_labels()[selector.metric]

    assert set(re.findall(r"{{(\w+)}}", target.target.get("legendFormat", ""))) <= left


@each_target
def test_segments_are_never_added_up(target: Target) -> None:
    """They overlap."""
    if "braze_segment_size" in {selector.metric for selector in selectors(expr_of(target))}:
        assert not re.search(r"\b(sum|avg)\b", target.expr)


# Variables and links


@each_board
def test_segments_and_apps_are_chosen_by_name(board: Json) -> None:
    """The text is the name, whatever stands in it; the value is the id."""
    found = variables(board)
    for name, labels in (
        ("segment", {"segment_id": "0e9b", "segment_name": 'Cart "24h" \\ {a="b"} 1, 2'}),
        ("app", {"app_id": "3bbc", "app_name": "iOS (new)"}),
    ):
        if name in found:
            text, value = labels[f"{name}_name"], labels[f"{name}_id"]
            assert options([query_result(labels)], found[name]) == {text: value}
            query = re.fullmatch(r"query_result\((.*)\)", found[name]["query"])
            assert query is not None
            assert grouped(filled(query[1], board)) == {f"{name}_id", f"{name}_name"}


def links() -> Iterator[str]:
    """Every link of a board, a panel or an alert that leads to a board."""
    for board in boards().values():
        for url in every(board, "url"):
            for uid in boards() if "fields.to}" in url else [""]:
                yield url.replace("${__data.fields.to}", uid)
    for group in RULES["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                yield rule["annotations"]["dashboard_url"]


@pytest.mark.parametrize("url", sorted(set(links())))
def test_links_lead_to_boards_and_variables_that_exist(url: str) -> None:
    """Those of the alert rules as well, which bring ids."""
    path = urlsplit(url).path
    known = {f"/d/{board['uid']}/{board['uid']}": board for board in boards().values()}

    assert path in known
    found = variables(known[path])
    query = re.sub(r"{{.*?}}", "x", url).partition("?")[2]
    given = {name: value for name, value in parse_qs(query).items() if name.startswith("var-")}
    assert {name.removeprefix("var-") for name in given} <= set(found)
    assert set(re.findall(r"\${(\w+):queryparam}", query)) <= set(found)
    for name in ("segment", "app"):
        source = re.search(rf"var-{name}=(\S*?)(&|$)", url)
        assert source is None or f"{name}_id" in source[1]


def test_one_can_go_from_each_board_to_each_other() -> None:
    """And back."""
    for board in boards().values():
        led = {urlsplit(link["url"]).path.split("/")[2] for link in board["links"]}
        assert led == {other["uid"] for other in boards().values()} - {board["uid"]}


@each_panel
def test_a_column_that_a_link_needs_is_in_the_table(panel: Json) -> None:
    """Hidden, perhaps; a field that was taken out gives a link that leads nowhere."""
    if panel["type"] == "table":
        organize = panel["transformations"][-1]["options"]
        for url in every(panel, "url"):
            for name in re.findall(r"__data\.fields\.(\w+)", url):
                assert name in organize["indexByName"]
                assert not organize["excludeByName"].get(name)


@each_board
def test_alerts_are_drawn_only_into_panels_about_the_same_thing(board: Json) -> None:
    """A region names panels that are there, and asks for alerts."""
    numbers = {panel["id"]: panel for panel in board["panels"]}
    for region in board["annotations"]["list"]:
        assert region["filter"]["ids"]
        assert {numbers[number]["type"] for number in region["filter"]["ids"]} == {"timeseries"}
        assert {s.metric for s in selectors(filled(region["expr"], board))} == {"ALERTS"}


# Provisioning


def test_provisioning_names_the_folder_and_one_prometheus() -> None:
    """The paths of Grafana's image; no change in the browser is lost silently."""
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards/braze.yml").read_text())["providers"]
    (source,) = yaml.safe_load((PROVISIONING / "datasources/prometheus.yml").read_text())[
        "datasources"
    ]

    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards/braze"
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"]
    assert json.dumps(source).count("uid") == 1


# The documentation


def test_the_documentation_shows_a_small_picture_of_each_board() -> None:
    """In docs/dashboards.md, and where the README shows one it is one of these."""
    page, readme = (ROOT / "docs/dashboards.md").read_text(), (ROOT / "README.md").read_text()
    shown = re.findall(r"!\[(Braze / [^:]+): [^]]+\]\((images/[\w-]+\.png)\)", page)

    assert [title for title, _ in shown] == [board.title for board in grafana.BOARDS]
    for _, path in shown:
        picture = (ROOT / "docs" / path).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < 300_000
    assert set(re.findall(r"\((docs/images/[^)]+)\)", readme)) <= {
        f"docs/{path}" for _, path in shown
    }


def test_the_documentation_names_the_files_and_addresses_that_are_there() -> None:
    """Each link leads somewhere, each uid is a board's, each path of a command exists."""
    page = (ROOT / "docs/dashboards.md").read_text()

    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page):
        assert target.startswith("https://") or (ROOT / "docs" / target).exists(), target
    for path in re.findall(r"grafana/provisioning/\S+\.yml|grafana/dashboards/", page):
        assert (ROOT / path).exists()
    assert {board.uid for board in grafana.BOARDS} <= set(re.findall(r"`(braze-[\w-]+)`", page))
