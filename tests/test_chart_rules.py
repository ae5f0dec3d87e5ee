"""Rules and dashboards as the chart brings them: as they are, or changed as its values say."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chartfiles import ROOT
from tests.helm import Object, Rendered, chart, render
from tests.machine import program

SOURCE = ROOT / "prometheus/rules/braze-exporter.yml"
TESTS = sorted((ROOT / "prometheus/tests").glob("*.yml"))
VALUES: dict[str, Any] = {
    "config": {"workspaces": {"production": {"endpoint": "US-01"}}},
    "existingSecret": "braze",
}
PLACEHOLDER = "https://grafana.example.com"


def rules(**prometheus_rule: Any) -> Any:
    """The groups of the PrometheusRule that these values make."""
    values = VALUES | {"prometheusRule": {"enabled": True, **prometheus_rule}}
    return render(values).one("PrometheusRule")["spec"]["groups"]


def source() -> Any:
    """The groups of the rule file."""
    return yaml.safe_load(SOURCE.read_text())["groups"]


def alerts(groups: Any) -> Iterator[Mapping[str, Any]]:
    """The alerting rules of groups."""
    for group in groups:
        yield from (rule for rule in group["rules"] if "alert" in rule)


def named(groups: Any, name: str, **labels: str) -> Mapping[str, Any]:
    """The one alert of this name and these labels."""
    (found,) = [
        rule
        for rule in alerts(groups)
        if rule["alert"] == name and labels.items() <= rule["labels"].items()
    ]
    return found


def test_the_rules_are_those_of_the_rule_file() -> None:
    """With a Grafana and the runbook of the project nothing is lost or changed on the way."""
    assert rules(grafanaUrl=PLACEHOLDER) == source()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rendered rules as a rule file, and promtool's tests of the source beside it."""
    made = tmp_path_factory.mktemp("prometheus")
    (made / "rules").mkdir()
    (made / "rules" / SOURCE.name).write_text(
        yaml.safe_dump({"groups": rules(grafanaUrl=PLACEHOLDER)})
    )
    shutil.copytree(ROOT / "prometheus/tests", made / "tests")
    return made


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_promtool_passes_the_rendered_rules(folder: Path, path: Path) -> None:
    """The same tests as those of the source."""
    done = subprocess.run(
        [program("promtool"), "test", "rules", folder / "tests" / path.name],
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_rules_that_were_changed(tmp_path: Path) -> None:
    """Disabled, overridden and with groups of the user's."""
    changed = yaml.safe_load((ROOT / "tests/chart/valid/rules-changed.yaml").read_text())
    groups = render(changed).one("PrometheusRule")["spec"]["groups"]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": groups}))

    subprocess.run([program("promtool"), "check", "rules", "--lint=all", file], check=True)


def test_an_alert_can_be_left_out() -> None:
    """By name, or one of its rules by a value of its labels; recording rules stay."""
    made = rules(disabled={"BrazeSegmentSizeSurged": True, "BrazeSegmentSizeDropped/warning": True})
    left_out = {("BrazeSegmentSizeSurged", "info"), ("BrazeSegmentSizeDropped", "warning")}

    def identities(groups: Any) -> list[tuple[str, str]]:
        return [(rule["alert"], rule["labels"]["severity"]) for rule in alerts(groups)]

    assert identities(made) == [each for each in identities(source()) if each not in left_out]
    assert sum("record" in rule for group in made for rule in group["rules"]) == sum(
        "record" in rule for group in source() for rule in group["rules"]
    )


def test_an_alert_can_be_kept_that_another_values_file_disables() -> None:
    """False is not true."""
    assert rules(disabled={"BrazeReloadFailed": False}) == rules()


def test_an_alert_can_be_overridden() -> None:
    """What is not named stays; both rules of a name, or one of them."""
    made = rules(
        overrides={
            "BrazeSegmentSizeDropped": {"for": "2h", "labels": {"team": "growth"}},
            "BrazeSegmentSizeDropped/critical": {"severity": "page", "expr": "vector(1)"},
            "BrazeAppSessionsBelowNormal/day": {
                "keep_firing_for": "5m",
                "annotations": {"summary": "Fewer."},
            },
        }
    )
    mild = named(made, "BrazeSegmentSizeDropped", severity="warning")
    grave = named(made, "BrazeSegmentSizeDropped", severity="page")
    daily = named(made, "BrazeAppSessionsBelowNormal", period="day")
    before = named(rules(), "BrazeAppSessionsBelowNormal", period="day")

    assert (mild["for"], mild["labels"]["team"]) == ("2h", "growth")
    assert (grave["for"], grave["labels"]["team"], grave["expr"]) == ("2h", "growth", "vector(1)")
    assert mild["expr"] == named(rules(), "BrazeSegmentSizeDropped", severity="warning")["expr"]
    assert daily == {
        **before,
        "keep_firing_for": "5m",
        "annotations": {**before["annotations"], "summary": "Fewer."},
    }
    assert named(made, "BrazeAppSessionsBelowNormal", period="hour") == named(
        rules(), "BrazeAppSessionsBelowNormal", period="hour"
    )


def test_every_alert_gets_the_additional_labels_and_annotations() -> None:
    """They come before those of the rules; those of an override before both."""
    made = rules(
        additionalRuleLabels={"team": "growth", "severity": "info"},
        additionalRuleAnnotations={"contact": "#growth"},
        overrides={"BrazeExporterDown": {"severity": "page", "labels": {"team": "platform"}}},
    )

    for rule in alerts(made):
        assert rule["annotations"]["contact"] == "#growth"
        if rule["alert"] != "BrazeExporterDown":
            assert (rule["labels"]["team"], rule["labels"]["severity"]) == ("growth", "info")
    assert named(made, "BrazeExporterDown")["labels"] == {"team": "platform", "severity": "page"}


def test_links_lead_where_the_values_say_or_are_not_there() -> None:
    """A placeholder is of no use to whoever is called at night."""
    without = rules(runbookUrl="", grafanaUrl="")
    made = rules(runbookUrl="https://wiki.example.org/braze", grafanaUrl="https://g.example.org/g/")

    for rule in alerts(without):
        assert rule["annotations"].keys() == {"summary", "description"}
    for rule in alerts(made):
        runbook, board = rule["annotations"]["runbook_url"], rule["annotations"]["dashboard_url"]
        assert runbook == f"https://wiki.example.org/braze#{rule['alert'].lower()}"
        assert re.match(r"https://g\.example\.org/g/d/braze-", board)


def test_groups_get_an_interval_and_company() -> None:
    """Those of the user are left as they are: what is in braces is Prometheus'."""
    own = {
        "name": "ours",
        "rules": [{"record": "a:b", "expr": "vector(1)", "labels": {"x": "{{ $y }}"}}],
    }
    made = rules(interval="1m", extraGroups=[own])

    assert [group.get("interval") for group in made] == ["1m"] * len(source()) + [None]
    assert made[-1] == own


def boards(made: Rendered) -> dict[str, Object]:
    """The ConfigMaps with a dashboard, by the name of its file."""
    return {
        file: each
        for each in made.all("ConfigMap")
        for file in each["data"]
        if file.endswith(".json")
    }


def test_each_dashboard_is_a_config_map_of_its_own() -> None:
    """With the very text of the file, and under a key that no other project uses."""
    made = boards(render(VALUES | {"dashboards": {"enabled": True, "folder": "Braze"}}))
    sources = {
        path.name: path.read_text() for path in (chart() / "files/dashboards").glob("*.json")
    }

    assert {file: each["data"][file] for file, each in made.items()} == sources
    assert all(file.startswith("braze-") for file in made)
    for each in made.values():
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert each["metadata"]["annotations"] == {"grafana_folder": "Braze"}
        assert len(json.dumps(each)) < 262_144, "client-side apply keeps it in an annotation"


def test_grafana_operator_finds_the_dashboards() -> None:
    """In ConfigMaps that a sidecar overlooks."""
    made = render(VALUES | {"dashboards": {"grafanaOperator": {"enabled": True}}})
    found = boards(made)

    assert found.keys() == {path.name for path in (chart() / "files/dashboards").glob("*.json")}
    for each in made.all("GrafanaDashboard"):
        assert each["spec"]["instanceSelector"] == {"matchLabels": {"dashboards": "grafana"}}
        reference = each["spec"]["configMapRef"]
        board = found[reference["key"]]["metadata"]
        assert (board["name"], board["namespace"]) == (
            reference["name"],
            each["metadata"]["namespace"],
        )
        assert "grafana_dashboard" not in board["labels"]
