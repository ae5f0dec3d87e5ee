"""Shards as the chart makes them: pods of a StatefulSet, each with a name, each scraped once.

That together they are one exporter, test_shards_together.py says.
"""

from copy import deepcopy
from typing import Any

import pytest

from tests.helm import NAMESPACE, OLDEST, RELEASE, Object, Rendered, render

TOTAL = 3
SMALLEST: dict[str, Any] = {
    "config": {"workspaces": {"production": {"endpoint": "US-01"}}},
    "existingSecret": "braze",
}
NAME = f"{RELEASE}-braze-exporter"
HOSTS = [f"{NAME}-{ordinal}.{NAME}-shards.{NAMESPACE}.svc" for ordinal in range(TOTAL)]
"""The names that a cluster's DNS gives the pods."""


def sharded(**values: Any) -> Rendered:
    """What the chart makes of three shards."""
    return render(SMALLEST | {"shards": TOTAL} | values)


def environment(made: Rendered) -> dict[str, str]:
    """That of the exporter's container."""
    (container,) = made.workload["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def selected(selector: Object, things: list[Object]) -> list[str]:
    """The names of those that have the labels."""
    wanted = selector.items()
    return [
        each["metadata"]["name"] for each in things if wanted <= each["metadata"]["labels"].items()
    ]


def test_one_shard_is_a_deployment_that_knows_nothing_of_shards() -> None:
    """As it was before there were any: an upgrade of the chart moves nothing."""
    made = render(SMALLEST)

    assert render(SMALLEST | {"shards": 1}).texts == made.texts
    assert made.workload["kind"] == "Deployment"
    assert "BRAZE_EXPORTER_SHARD" not in environment(made)
    assert [each["metadata"]["name"] for each in made.all("Service")] == [NAME]


def test_the_pods_of_shards_differ_from_the_deployments_in_their_setting_alone() -> None:
    """It says of how many they are; which one each is, it knows by its name."""
    one, three = render(SMALLEST), sharded()

    assert three.workload["kind"] == "StatefulSet"
    assert three.workload["spec"]["replicas"] == TOTAL
    assert environment(three) == environment(one) | {"BRAZE_EXPORTER_SHARD": f"auto/{TOTAL}"}
    template = deepcopy(three.workload["spec"]["template"])
    env = template["spec"]["containers"][0]["env"]
    env[:] = [each for each in env if each["name"] != "BRAZE_EXPORTER_SHARD"]
    assert template == one.workload["spec"]["template"]


def test_the_settings_of_shards_are_those_of_one() -> None:
    """A ConfigMap of the user's need not know how many there are."""
    assert sharded().one("ConfigMap")["data"] == render(SMALLEST).one("ConfigMap")["data"]


def test_another_number_of_shards_is_an_update_that_kubernetes_takes() -> None:
    """Replicas and setting change together; of what a StatefulSet may not change, nothing does."""
    before, after = sharded().workload, sharded(shards=5).workload
    changed = {key for key in before["spec"] if before["spec"][key] != after["spec"][key]}

    assert before["metadata"] == after["metadata"]
    assert changed == {"replicas", "template"}
    assert before["spec"]["podManagementPolicy"] == "Parallel"


def test_settings_that_change_make_new_pods() -> None:
    """By the checksum, as with a Deployment."""
    other = sharded(config={"workspaces": {"production": {"endpoint": "EU-01"}}})

    assert (
        other.workload["spec"]["template"]["metadata"]["annotations"]
        != sharded().workload["spec"]["template"]["metadata"]["annotations"]
    )


def test_the_pods_get_names_from_a_headless_service() -> None:
    """The one that the StatefulSet names; before they are ready, as a first poll takes a while."""
    made = sharded()
    (headless,) = [each for each in made.all("Service") if each["spec"].get("clusterIP") == "None"]
    labels = made.workload["spec"]["template"]["metadata"]["labels"]

    assert made.workload["spec"]["serviceName"] == headless["metadata"]["name"]
    assert headless["spec"]["selector"].items() <= labels.items()
    assert headless["spec"]["publishNotReadyAddresses"] is True


def test_no_pod_is_scraped_twice() -> None:
    """A monitor of services finds the one of the exporter, not that of the names; nor do
    annotations of the service go there, which make Prometheus scrape as well.
    """
    annotations = {"prometheus.io/scrape": "true"}
    made = sharded(serviceMonitor={"enabled": True}, service={"annotations": annotations})
    selector = made.one("ServiceMonitor")["spec"]["selector"]["matchLabels"]

    assert selected(selector, made.all("Service")) == [NAME]
    assert [
        each["metadata"]["name"]
        for each in made.all("Service")
        if each["metadata"].get("annotations") == annotations
    ] == [NAME]


def test_a_pod_monitor_finds_the_pods_and_not_that_of_the_test() -> None:
    """By their labels."""
    made = sharded(podMonitor={"enabled": True})
    selector = made.one("PodMonitor")["spec"]["selector"]["matchLabels"]
    template = made.workload["spec"]["template"]["metadata"]

    assert selector.items() <= template["labels"].items()
    assert selected(selector, made.all("Pod")) == []


def test_a_scrape_config_has_each_pod_for_a_target() -> None:
    """At the port of the container: the service would lead to any one of them."""
    made = sharded(scrapeConfig={"enabled": True}, containerPort=9999, service={"port": 80})
    (static,) = made.one("ScrapeConfig")["spec"]["staticConfigs"]

    assert static["targets"] == [f"{host}:9999" for host in HOSTS]


def test_helm_test_asks_every_shard() -> None:
    """One after the other: at once they would ask the cluster for the resources of all."""
    pod = sharded().one("Pod")["spec"]
    asked = [each["args"] for each in (*pod["initContainers"], *pod["containers"])]

    assert asked == [["healthcheck", f"--web.listen-address={host}:10068"] for host in HOSTS]


def test_an_autoscaler_and_a_disruption_budget_find_what_they_are_for() -> None:
    """The StatefulSet by kind and name, its pods by labels."""
    made = sharded(verticalPodAutoscaler={"enabled": True}, podDisruptionBudget={"enabled": True})
    target = made.one("VerticalPodAutoscaler")["spec"]["targetRef"]
    budget = made.one("PodDisruptionBudget")["spec"]

    assert (target["kind"], target["name"]) == ("StatefulSet", NAME)
    assert budget["selector"] == made.workload["spec"]["selector"]


def test_no_shards_at_all_is_a_pause() -> None:
    """As with a Deployment; more replicas than shards is refused."""
    assert sharded(replicaCount=0).workload["spec"]["replicas"] == 0


@pytest.mark.parametrize("release", ["braze-exporter", "a" * 53])
def test_names_of_shards_stay_within_what_kubernetes_allows(release: str) -> None:
    """A label of each pod has the StatefulSet's name, a dash and up to ten characters; the name of
    a host is 63 long at the most, or its end, the number, would be cut off.
    """
    made = render(SMALLEST | {"shards": TOTAL}, OLDEST, release=release)
    name = made.workload["metadata"]["name"]

    assert len(f"{name}-1234567890") <= 63
    assert len(f"{name}-999") <= 63
    assert not name.endswith("-")
    assert all(len(each["metadata"]["name"]) <= 63 for each in made.objects)


def test_the_notes_are_about_the_pods() -> None:
    """Commands name what is there; each target is told, and what a shard does not show."""
    notes = sharded().notes
    outside = sharded(ingress={"enabled": True}).notes

    assert f"port-forward pod/{NAME}-0 10068:10068\n" in notes
    assert f"exec statefulset/{NAME} -- " in notes
    assert f"logs statefulset/{NAME}\n" in notes
    assert "deployment/" not in notes
    for host in HOSTS:
        assert f"  {host}:10068/metrics\n" in notes
    assert "WARNING: ingress" not in notes
    assert "lead to any of the 3 shards, and each shows only its own part" in outside
