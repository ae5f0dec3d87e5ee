"""The purpose of the whole, with real processes: a drop in Braze arrives at a webhook, by name.

Prometheus begins with an empty store: all that is known of the past, the exporter read from Braze.
"""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator import Simulator, World, serve
from tests.machine import program
from tests.stack import Stack, Webhook, stack, until

RULES = Path(__file__).parent.parent / "prometheus" / "rules" / "braze-exporter.yml"
SEED = 11


def shortened(folder: Path) -> Path:
    """The rules as docs/alerting.md shortens them for a trial, to no wait at all."""
    path = folder / "rules.yml"
    path.write_text(re.sub(r"(?m)^( +for:) .*$", r"\1 0s", RULES.read_text()))
    return path


def alerts_of(
    processes: Stack, folder: Path, braze: str, world: World, webhook: Webhook
) -> list[Mapping[str, Any]]:
    """All that arrived some evaluations after the exporter knew what is normal."""
    address = processes.exporter(braze, world)
    alertmanager = processes.alertmanager(webhook.url)
    prometheus = processes.prometheus(
        address,
        rule_files=[str(shortened(folder))],
        alerting={"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
    )
    until(
        lambda: len(prometheus.query("braze_app_sessions_hourly_alert_threshold")) == 3,
        "the threshold of every app's hours",
    )
    evaluations = "prometheus_rule_group_iterations_total"
    assert prometheus.query(evaluations) == {}  # it does not scrape itself: time is all there is
    time.sleep(5)  # five evaluations: what fires after them would have fired
    return list(webhook.alerts)


@pytest.fixture(autouse=True)
def installed() -> None:
    """Both servers are Debian packages."""
    program("prometheus")
    program("prometheus-alertmanager")


def test_the_story_arrives(tmp_path: Path) -> None:
    """One segment collapsed today, one app's sessions fell: exactly these two alerts, by name."""
    start = datetime.now(UTC)
    world = World(SEED, start)
    with Webhook() as webhook, stack(tmp_path) as processes:
        braze = processes.simulator(SEED, start)
        arrived = alerts_of(processes, tmp_path, braze, world, webhook)

    assert {
        (labels["alertname"], labels.get("segment_name"), labels.get("app_name"))
        for labels in (alert["labels"] for alert in arrived if alert["status"] == "firing")
    } == {
        ("BrazeSegmentSizeDropped", "Push Enabled - iOS", None),
        ("BrazeAppSessionsBelowNormal", None, "web"),
    }


def test_without_the_story_nothing_arrives(tmp_path: Path) -> None:
    """The same workspace on a day on which nothing happened."""
    world = World(SEED, datetime.now(UTC) + timedelta(days=400))
    simulator = Simulator(world, lambda: datetime.now(UTC))
    with Webhook() as webhook, serve(simulator) as braze, stack(tmp_path) as processes:
        arrived = alerts_of(processes, tmp_path, braze.url, world, webhook)

    assert arrived == []
