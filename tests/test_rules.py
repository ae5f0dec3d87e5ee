"""The alert rules: promtool passes them, conventions hold, and the documentation agrees."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import catalog
from tests.machine import program

ROOT = Path(__file__).parent.parent
RULES = ROOT / "prometheus/rules/braze-exporter.yml"
TESTS = sorted((ROOT / "prometheus/tests").glob("*.yml"))
EXAMPLE = ROOT / "prometheus/example"
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
ALERTING = (ROOT / "docs/alerting.md").read_text()

RULES_PAGE = "https://example.com/braze-exporter/docs/runbook.md"
SEVERITIES = ("info", "warning", "critical")
HELD = 15 * 60
"""Seconds for which `last_over_time(…[15m])` holds what a failed scrape ended."""


@dataclass(frozen=True)
class Rule:
    """An alerting or a recording rule."""

    group: str
    name: str
    alert: bool
    expr: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fields: frozenset[str]
    waits: int
    stays: int

    def __str__(self) -> str:
        return " ".join((self.name, *sorted(self.labels.values())))


def groups() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
    return found


def rules() -> Iterator[Rule]:
    for group in groups():
        for rule in group["rules"]:
            yield Rule(
                group=group["name"],
                name=rule.get("alert") or rule["record"],
                alert="alert" in rule,
                expr=str(rule["expr"]),
                labels=rule.get("labels", {}),
                annotations=rule.get("annotations", {}),
                fields=frozenset(rule),
                waits=seconds(rule.get("for", "0s")),
                stays=seconds(rule.get("keep_firing_for", "0s")),
            )


def seconds(duration: str) -> int:
    """Prometheus' duration, in the one form that the rules use."""
    number, unit = re.fullmatch(r"([0-9]+)([smhd])", duration).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]


ALERTS = [rule for rule in rules() if rule.alert]
RECORDS = [rule for rule in rules() if not rule.alert]

each_alert = pytest.mark.parametrize("rule", ALERTS, ids=str)
each_rule = pytest.mark.parametrize("rule", [*ALERTS, *RECORDS], ids=str)


def installed() -> str:
    """The machine's own promtool."""
    return program("promtool")


def newer() -> str:
    """The promtool that `.ci/newer-prometheus` fetched; in CI it has to be there."""
    folder = os.environ.get("NEWER_PROMETHEUS")
    if folder:
        return program(str(Path(folder) / "usr/bin/promtool"))
    message = "NEWER_PROMETHEUS does not name what .ci/newer-prometheus made"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


each_promtool = pytest.mark.parametrize("promtool", [installed, newer])


def run(*command: str | Path) -> str:
    """What the command says; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@each_promtool
def test_promtool_finds_nothing_wrong_with_the_rules(promtool: Callable[[], str]) -> None:
    """They load, on old and on new servers, and no two are the same."""
    found = run(promtool(), "check", "rules", "--lint=all", "--lint-fatal", RULES)

    assert f"{len(ALERTS) + len(RECORDS)} rules found" in found


@each_promtool
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_promtool_passes_the_rules_own_tests(promtool: Callable[[], str], path: Path) -> None:
    """Every alert fires when it should and says what it should, and is quiet when it should."""
    run(promtool(), "test", "rules", path)


@each_promtool
def test_the_example_of_prometheus_loads(promtool: Callable[[], str]) -> None:
    """With the rules that it names."""
    assert "1 rule files found" in run(promtool(), "check", "config", EXAMPLE / "prometheus.yml")


def test_the_example_of_alertmanager_loads() -> None:
    """With its routes, matchers and receivers."""
    run(program("amtool"), "check-config", EXAMPLE / "alertmanager.yml")


def test_the_example_of_alertmanager_names_alerts_and_labels_that_exist() -> None:
    """A matcher that can never match inhibits and routes nothing, and nobody would notice."""
    example = yaml.safe_load((EXAMPLE / "alertmanager.yml").read_text())
    for rule in example["inhibit_rules"]:
        for side in ("source_matchers", "target_matchers"):
            assert matching(rule[side]), rule
    for route in example["route"]["routes"]:
        assert matching(route["matchers"]), route


def matching(matchers: list[str]) -> list[Rule]:
    """The alerts that Alertmanager's matchers select."""
    found = list(ALERTS)
    for matcher in matchers:
        label, operator, value = re.fullmatch(r'(\w+) (=~|!~|=|!=) "(.*)"', matcher).groups()  # type: ignore[union-attr]
        negative = operator.startswith("!")
        pattern = value if "~" in operator else re.escape(value)
        found = [
            rule
            for rule in found
            if (re.fullmatch(pattern, {**rule.labels, "alertname": rule.name}[label]) is None)
            == negative
        ]
    return found


@pytest.mark.parametrize("group", groups(), ids=lambda group: group["name"])
def test_groups_are_small_and_have_nothing_that_old_servers_refuse(group: dict[str, Any]) -> None:
    """The limits of mixtool; `labels` needs Prometheus 3.0 and `query_offset` 2.53."""
    assert len(group["name"]) <= 40
    assert len(group["rules"]) <= 20
    assert set(group) == {"name", "rules"}


@each_alert
def test_names_and_texts_follow_the_conventions(rule: Rule) -> None:
    """Those of monitoring mixins, as mixtool checks them."""
    assert re.fullmatch(r"Braze([A-Z]+[a-z0-9]+)+", rule.name)
    assert len(rule.name) <= 40
    assert rule.labels["severity"] in SEVERITIES
    assert set(rule.annotations) == {"summary", "description", "runbook_url", "dashboard_url"}
    summary, description = rule.annotations["summary"], rule.annotations["description"]
    assert re.fullmatch(r"[A-Z][^{}]*\.", summary), "a sentence, the same for all of its alerts"
    assert "{{" in description
    assert description.endswith(".")
    assert re.search(r"\b[Ff]irst\b", description), "it says what to check first"
    assert "\n" not in description
    assert rule.annotations["runbook_url"] == f"{RULES_PAGE}#{rule.name.lower()}"
    assert rule.annotations["dashboard_url"].startswith("https://grafana.example.com/d/braze-")


@each_alert
def test_an_alert_waits_for_longer_than_what_failed_scrapes_end_is_held(rule: Rule) -> None:
    """Else one could fire because half of a comparison was held and the other half was not."""
    assert rule.waits > 0
    assert rule.stays > 0
    assert rule.waits > HELD or "[15m]" not in rule.expr


def test_what_is_worse_takes_over_from_what_is_better_without_a_gap_or_both() -> None:
    """A size stays dropped, collapsed or at zero for as long as the next one of them waits."""
    bands = [r for r in ALERTS if r.name in ("BrazeSegmentSizeDropped", "BrazeSegmentSizeAtZero")]

    assert len(bands) == 3
    assert len({seconds for rule in bands for seconds in (rule.waits, rule.stays)}) == 1


@each_rule
def test_rules_look_at_metrics_that_exist(rule: Rule) -> None:
    """In the catalogue, `up` and `ALERTS` of Prometheus, or recorded by these rules."""
    known = {metric.name for metric in catalog.metrics()} | {"up", "ALERTS"}
    known |= {record.name for record in RECORDS}

    assert metrics_of(rule.expr)
    assert metrics_of(rule.expr) <= known
    for text in rule.annotations.values():
        assert set(re.findall(r"\b(?:braze_|workspace[a-z_]*:)[a-z_:]+", text)) <= known


@each_rule
def test_rules_look_at_labels_that_exist(rule: Rule) -> None:
    """A misspelled label matches nothing: an alert that never fires, or always."""
    labels = {name for metric in catalog.metrics() for name in metric.labels}
    labels |= {"job", "instance", "period", "alertname", "alertstate", "baseline"}
    labels |= {"__name__", "family"}  # which the rules make of it
    used = set(re.findall(r'[{,]\s*(\w+)\s*(?:=~|!~|!=|=)\s*["\'%]', rule.expr))
    used |= {
        name.strip()
        for names in re.findall(r"(?:by|on|group_left)\s*\(([\w\s,]*)\)", rule.expr)
        for name in names.split(",")
        if name.strip()
    }

    assert used <= labels


@each_alert
def test_alerts_do_not_sum_what_overlaps(rule: Rule) -> None:
    """Segments overlap, and two exporters show the same: values are aggregated by `max`."""
    assert "sum" not in functions_of(rule.expr)
    assert "avg" not in functions_of(rule.expr)
    assert "min" not in functions_of(rule.expr)


@each_alert
def test_alerts_use_only_functions_that_every_server_has(rule: Rule) -> None:
    """Experimental ones are refused unless switched on."""
    assert functions_of(rule.expr) <= {
        "absent", "count", "count_values", "increase", "label_replace", "last_over_time", "max",
        "max_over_time", "present_over_time", "time",
    }  # fmt: skip


def metrics_of(expr: str) -> set[str]:
    """The metrics that a PromQL expression selects: every word that is nothing else."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", without_labels(expr))
    words = set(re.findall(r"(?<![\w:])([a-zA-Z_:][\w:]*)(?![\w:])(?!\s*\()", bare))
    return words - {"and", "or", "unless", "offset"}


def functions_of(expr: str) -> set[str]:
    """The functions and aggregations that a PromQL expression calls."""
    called = set(re.findall(r"([a-z_]+)\s*\(", without_labels(expr)))
    return called - {"and", "or", "unless"}


def without_labels(expr: str) -> str:
    """A PromQL expression without the text in quotes and the labels that it groups or joins by."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", expr)
    return re.sub(r"\b(?:by|on|group_left)\s*\([^)]*\)", "", bare)


def sections() -> dict[str, str]:
    """The runbook's text by alert."""
    parts = re.split(r"^### (.*)$", RUNBOOK, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_alert_has_its_section_in_the_runbook_and_no_other_has() -> None:
    """In the order of the rules; GitHub makes the anchor from the name in lower case."""
    assert list(sections()) == list(dict.fromkeys(rule.name for rule in ALERTS))


@pytest.mark.parametrize("name", sections())
def test_a_section_of_the_runbook_says_what_to_do(name: str) -> None:
    """Its meaning, its impact, how to find the cause and what helps."""
    headings = re.findall(r"^\*\*(\w+)\.\*\*\s", sections()[name], re.MULTILINE)

    assert headings == ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def test_links_in_the_documentation_lead_somewhere() -> None:
    """To a file, or to an alert's section."""
    for page in (RUNBOOK, ALERTING):
        for target in re.findall(r"\]\(([^)]+)\)", page):
            path, _, anchor = target.partition("#")
            assert not path or (ROOT / "docs" / path).exists(), target
            assert not anchor or anchor in {name.lower() for name in sections()}, target


def test_the_documentation_says_when_each_alert_fires() -> None:
    """The table's severities and waits are those of the rules."""
    table = ALERTING.split("## What is told")[1]
    rows: list[tuple[str, str, str]] = []
    for name, severity, waits in re.findall(
        r"^\| (`\w+`)? ?\| (\w+) \| .* \| ([\w, ]+) \|$", table, re.MULTILINE
    ):
        called = name.strip("`") or rows[-1][0]
        rows += [(called, severity, wait) for wait in waits.split(", ")]

    assert [(name, severity, seconds(wait)) for name, severity, wait in rows] == [
        (rule.name, rule.labels["severity"], rule.waits) for rule in ALERTS
    ]


def test_the_substitution_for_a_trial_shortens_each_wait_and_nothing_else() -> None:
    """The `sed` of the documentation, which the end-to-end test uses as well."""
    command = re.search(r"^sed -E 's/(.*)/(.*)/' prometheus/rules/braze", ALERTING, re.MULTILINE)
    assert command is not None
    shortened = re.sub(command[1], r"\g<1> 1m", RULES.read_text(), flags=re.MULTILINE)

    before, after = (yaml.safe_load(text) for text in (RULES.read_text(), shortened))
    for group in before["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = "1m"
    assert after == before


@cache
def cases() -> tuple[tuple[str, Mapping[str, str] | None], ...]:
    """What promtool's tests say of alerts: the name, and the labels of one that fires or None."""
    found: list[tuple[str, Mapping[str, str] | None]] = []
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", ()):
                expected = case.get("exp_alerts", ())
                found += [(case["alertname"], alert["exp_labels"]) for alert in expected]
                if not expected:
                    found.append((case["alertname"], None))
    return tuple(found)


@each_alert
def test_every_alert_fires_in_one_of_promtools_tests_and_is_quiet_in_another(rule: Rule) -> None:
    """Promtool compares all labels and annotations of what fires."""
    fired = [labels for name, labels in cases() if name == rule.name and labels is not None]

    assert any(rule.labels.items() <= labels.items() for labels in fired)
    assert (rule.name, None) in cases()
