"""The alert rules as shipped: they load on old and new servers, are tested, named and explained."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import catalog
from tests.machine import program

ROOT = Path(__file__).parent.parent
RULES = ROOT / "prometheus" / "rules" / "braze-exporter.yml"
TESTS = sorted((ROOT / "prometheus" / "tests").glob("*.yml"))
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()

GROUPS = yaml.safe_load(RULES.read_text())["groups"]
EVERY: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in EVERY if "alert" in rule]
NAMES = sorted({rule["alert"] for rule in ALERTS})


@pytest.fixture(params=["installed", "newer"])
def promtool(request: pytest.FixtureRequest) -> str:
    """The machine's promtool, and a newer one that `.ci/newer-prometheus DIR` unpacked."""
    if request.param == "installed":
        return program("promtool")
    folder = os.environ.get("NEWER_PROMETHEUS")
    if folder is None:
        message = "NEWER_PROMETHEUS names no folder made by .ci/newer-prometheus"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return f"{folder}/usr/bin/promtool"


def run(*words: str) -> None:
    ran = subprocess.run(words, capture_output=True, text=True, timeout=300)

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_rules_load(promtool: str) -> None:
    """On Prometheus 2.42 and on a newer one, without a complaint of the linter."""
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(RULES))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(promtool: str, path: Path) -> None:
    """Unit tests of promtool's: what fires, and what must not."""
    run(promtool, "test", "rules", str(path))


def test_the_example_loads(promtool: str) -> None:
    """The configuration of Prometheus that docs/alerting.md points at."""
    run(promtool, "check", "config", str(ROOT / "prometheus" / "example" / "prometheus.yml"))


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_tested_both_ways(name: str) -> None:
    """It fires in one case at least, and is quiet in another."""
    cases = [
        case.get("exp_alerts") or []
        for path in TESTS
        for test in yaml.safe_load(path.read_text())["tests"]
        for case in test.get("alert_rule_test", ())
        if case["alertname"] == name
    ]

    assert any(cases), "no case in which it fires"
    assert not all(cases), "no case in which it is quiet"


def test_every_alert_is_in_the_runbook() -> None:
    """And the runbook names no other."""
    assert sorted(re.findall(r"^#+ (Braze\w+)$", RUNBOOK, re.MULTILINE)) == NAMES


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_people_need(rule: dict[str, Any]) -> None:
    """By the conventions of monitoring mixins: name, severity, summary, description, runbook."""
    annotations = rule["annotations"]

    assert re.fullmatch(r"(?:[A-Z]+[a-z0-9]+)+", rule["alert"])
    assert len(rule["alert"]) <= 40
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert re.fullmatch(r"[A-Z][^{}]*\.", annotations["summary"])
    assert annotations["runbook_url"].endswith(f"#{rule['alert'].lower()}")
    assert "{{" in annotations["description"] or rule["alert"] == "BrazeExporterAbsent"


def test_the_rules_use_only_metrics_that_exist() -> None:
    """Of the catalogue, or recorded by the rules themselves."""
    known = {metric.name for metric in catalog.metrics()}
    texts = [rule["expr"] for rule in EVERY]
    texts += [text for rule in ALERTS for text in rule["annotations"].values()]
    used = {
        name for text in texts for name in re.findall(r"(?<![:\w/])braze_[a-z0-9_]+(?![\w:])", text)
    }

    assert used <= known


def test_nothing_is_summed_over_segments() -> None:
    """Segments overlap, and two exporters on one workspace would count twice."""
    for rule in ALERTS:
        assert "sum(" not in rule["expr"], rule["alert"]
        assert "sum by" not in rule["expr"], rule["alert"]
