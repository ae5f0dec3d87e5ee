"""The chart, rendered by Helm's own code: Kubernetes and the operators accept what it makes.

Each file of `tests/chart/valid` is a way to install it; each of `tests/chart/invalid` a mistake,
with the answer it gets.
"""

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from tests.chartfiles import CHART
from tests.helm import (
    INVALID,
    MIDDLE,
    NAMESPACE,
    OLDEST,
    RELEASE,
    VALID,
    Object,
    RefusedError,
    Rendered,
    chart,
    lint,
    pods,
    render,
    values_of,
)
from tests.kubernetes import faults, newest
from tests.machine import library

each_valid = pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
SMALLEST = {
    "config": {"workspaces": {"production": {"endpoint": "US-01"}}},
    "existingSecret": "braze",
}


def rendered(name: str) -> Rendered:
    """What the chart makes of one of the valid files."""
    return render(values_of(CHART.parents[1] / f"tests/chart/valid/{name}.yaml"))


@each_valid
def test_helm_lints_it_without_a_word(path: Path) -> None:
    """Strictly: a warning would be a word."""
    assert lint(values_of(path)) == []


@each_valid
def test_helm_would_install_it(path: Path) -> None:
    """It reads the same objects, and keeps the pod of the test for later."""
    helm = library("helm_python")
    with helm.Config(namespace=NAMESPACE, storage_driver="memory") as config:
        release = config.install(str(chart()), RELEASE, values_of(path), dry_run="client")
    made = render(values_of(path), newest())

    assert by_name(yaml.safe_load_all(release["manifest"])) == by_name(
        each
        for each in made.objects
        if "helm.sh/hook" not in each["metadata"].get("annotations", {})
    )
    assert release["notes"] == made.notes


def by_name(objects: Iterable[Object]) -> Mapping[tuple[str, str], Object]:
    """Each object by its kind and its name."""
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


@each_valid
@pytest.mark.parametrize(
    "version", [lambda: OLDEST, lambda: MIDDLE, newest], ids=["1.25", "1.30", "newest"]
)
def test_kubernetes_accepts_every_object(path: Path, version: Any) -> None:
    """Of the oldest version the chart is for, one in between, the newest; no unknown key."""
    made = render(values_of(path), version())

    assert [fault for each in made.objects for fault in faults(each, version())] == []


@each_valid
def test_objects_are_told_apart_and_belong_together(path: Path) -> None:
    """By kind, namespace and name; all carry the labels of the release."""
    made = render(values_of(path))

    names = Counter(
        (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"])
        for each in made.objects
    )
    assert max(names.values()) == 1
    for each in made.objects:
        if not each["metadata"]["name"].startswith(f"{RELEASE}-braze-exporter-map"):
            assert len(each["metadata"]["name"]) <= 63


@each_valid
def test_what_is_rendered_has_no_loose_ends(path: Path) -> None:
    """No blanks at the ends of lines, where a template lost its place, and no errors of Go's."""
    for name, text in render(values_of(path)).texts.items():
        assert not re.search(r"[ \t]$", text, re.MULTILINE), name
        assert "<no value>" not in text, name
        assert "%!" not in text, name


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_a_mistake_is_told_before_anything_is_installed(path: Path) -> None:
    """With what is wrong and where."""
    expected = path.read_text().splitlines()[0].removeprefix("# expected: ")

    with pytest.raises(RefusedError, match=re.escape(expected)):
        render(values_of(path))


def test_the_chart_is_packaged_with_everything_it_needs(tmp_path: Path) -> None:
    """What is installed from the package is what is installed from the folder."""
    helm = library("helm_python")
    helm.package(str(CHART), destination=str(tmp_path))
    (package,) = tmp_path.iterdir()
    values = SMALLEST | {"prometheusRule": {"enabled": True}, "serviceMonitor": {"enabled": True}}

    assert package.name == f"braze-exporter-{__version__}.tgz"
    assert package.stat().st_size < 400_000, "a release is kept in a Secret of at most 1 MiB"
    assert render(values, folder=package).objects == render(values).objects


def test_the_chart_is_of_the_exporters_version() -> None:
    """The image of that version is the default; Artifact Hub is told the same one."""
    described = yaml.safe_load((CHART / "Chart.yaml").read_text())
    (image,) = yaml.safe_load(described["annotations"]["artifacthub.io/images"])

    assert described["appVersion"] == __version__
    assert container(render(SMALLEST))["image"] == image["image"]


def test_artifact_hub_can_read_its_annotations() -> None:
    """All are text; those with more in them are YAML."""
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]

    assert all(isinstance(value, str) for value in annotations.values())
    changes = yaml.safe_load(annotations["artifacthub.io/changes"])
    assert {change["kind"] for change in changes} <= {
        "added", "changed", "deprecated", "removed", "fixed", "security",
    }  # fmt: skip
    assert "support" in {
        link["name"] for link in yaml.safe_load(annotations["artifacthub.io/links"])
    }


def container(made: Rendered) -> Any:
    """The exporter's container."""
    return made.one("Deployment")["spec"]["template"]["spec"]["containers"][0]


def test_settings_that_change_make_a_new_pod_and_keys_do_not() -> None:
    """The exporter reads keys again by itself."""

    def template(**values: Any) -> Any:
        return render(SMALLEST | values).one("Deployment")["spec"]["template"]

    usual = template(apiKeys={"production": {"value": "one"}})
    rotated = template(apiKeys={"production": {"value": "two"}})
    changed = template(config={"workspaces": {"production": {"endpoint": "EU-01"}}})

    assert rotated == usual
    assert changed["metadata"]["annotations"] != template()["metadata"]["annotations"], (
        "the checksum of the settings"
    )


def test_no_file_is_mounted_alone() -> None:
    """A `subPath` would keep what the file held when the pod began: no rotation."""
    for name, pod in pods(rendered("several-workspaces")):
        for each in pod["containers"]:
            assert not any("subPath" in mount for mount in each.get("volumeMounts", ())), name


def test_each_workspace_gets_its_key_from_where_the_values_say() -> None:
    """The Secret of all, one of its own, or the one that the chart makes."""
    made = rendered("several-workspaces")
    pod = made.one("Deployment")["spec"]["template"]["spec"]
    (keys,) = [volume["projected"] for volume in pod["volumes"] if volume["name"] == "keys"]

    assert {
        source["secret"]["items"][0]["path"]: (
            source["secret"]["name"],
            source["secret"]["items"][0]["key"],
        )
        for source in keys["sources"]
    } == {
        "production": ("braze", "production"),
        "shop_eu": ("braze-shop", "api-key"),
        "staging": (f"{RELEASE}-braze-exporter-keys", "staging"),
    }
    assert base64.b64decode(made.one("Secret")["data"]["staging"]) == b"the-key-of-staging"


def test_no_key_stands_in_anything_but_a_secret() -> None:
    """Not in settings, annotations, arguments or notes."""
    made = rendered("several-workspaces")
    others = [each for each in made.objects if each["kind"] != "Secret"]

    assert "the-key-of-staging" not in str(others) + made.notes


def test_environment_variables_of_services_stay_out_of_the_pods() -> None:
    """A service named braze-exporter would make some that begin like the exporter's own."""
    for name, pod in pods(render(SMALLEST)):
        assert pod["enableServiceLinks"] is False, name
        assert pod["automountServiceAccountToken"] is False, name


def test_the_service_leads_to_the_exporter_alone() -> None:
    """Not to the pod of `helm test`; labels of the user change nothing about it."""
    made = rendered("names-and-labels")
    service, deployment = made.one("Service"), made.one("Deployment")
    selector = service["spec"]["selector"].items()
    template = deployment["spec"]["template"]

    assert selector <= template["metadata"]["labels"].items()
    assert selector == deployment["spec"]["selector"]["matchLabels"].items()
    assert not selector <= made.one("Pod")["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["targetPort"] == container(made)["ports"][0]["name"]


def test_a_service_monitor_finds_the_service() -> None:
    """By labels, in its namespace, by the name of the port."""
    made = rendered("names-and-labels")
    monitor, service = made.one("ServiceMonitor")["spec"], made.one("Service")

    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["namespaceSelector"]["matchNames"] == [service["metadata"]["namespace"]]
    assert monitor["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert monitor["jobLabel"] in service["metadata"]["labels"]


def test_monitors_scrape_where_the_metrics_are() -> None:
    """The path is that of the settings, the scheme that of the web configuration."""
    scrape = rendered("scrape-config").one("ScrapeConfig")["spec"]

    assert rendered("service-monitor").one("ServiceMonitor")["spec"]["endpoints"][0]["path"] == "/m"
    assert rendered("https").one("ServiceMonitor")["spec"]["endpoints"][0]["scheme"] == "https"
    assert scrape["scheme"] == "HTTPS"
    assert scrape["staticConfigs"][0]["targets"] == [
        f"{RELEASE}-braze-exporter.{NAMESPACE}.svc:10068"
    ]


def test_probes_ask_the_way_the_exporter_serves() -> None:
    """What they ask does not depend on Braze."""
    for name, scheme in (("smallest", None), ("https", "HTTPS"), ("https-own-web-config", "HTTPS")):
        exporter = container(rendered(name))
        for probe, path in (("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")):
            asked = exporter[probe]["httpGet"]
            assert (asked["path"], asked["port"], asked.get("scheme")) == (path, "http", scheme)


def test_the_network_policy_is_of_the_containers_port() -> None:
    """That of the service may be another; the pod of `helm test` may ask as well."""
    made = rendered("network-policy")
    policy = made.one("NetworkPolicy")["spec"]
    scrape = policy["ingress"][0]
    allowed = [
        peer["podSelector"]["matchLabels"] for peer in scrape["from"] if "podSelector" in peer
    ]

    assert [port["port"] for port in scrape["ports"]] == [container(made)["ports"][0]["name"]]
    assert any(
        labels.items() <= made.one("Pod")["metadata"]["labels"].items() for labels in allowed
    )
    assert {
        (port["port"], port["protocol"]) for rule in policy["egress"] for port in rule["ports"]
    } == {(53, "UDP"), (53, "TCP"), (443, "TCP"), (3128, "TCP")}


def test_a_zero_is_a_number_of_pods() -> None:
    """None may go, and no more than that is meant by it."""
    assert rendered("disruption-of-none").one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 0


def test_the_chart_can_be_part_of_another(tmp_path: Path) -> None:
    """With a condition, as such charts have one, and values of its own."""
    parent = tmp_path / "parent"
    (parent / "templates").mkdir(parents=True)
    described = {
        "apiVersion": "v2",
        "name": "parent",
        "version": "1.0.0",
        "dependencies": [
            {
                "name": "braze-exporter",
                "version": __version__,
                "condition": "braze-exporter.enabled",
            }
        ],
    }
    (parent / "Chart.yaml").write_text(yaml.safe_dump(described))
    (parent / "charts").mkdir()
    (parent / "charts/braze-exporter").symlink_to(CHART)
    values = {"braze-exporter": {"enabled": True, **SMALLEST}, "global": {"imageRegistry": "r.io"}}

    assert container(render(values, folder=parent))["image"].startswith("r.io/")


@pytest.mark.parametrize("release", ["braze-exporter", "my-braze-exporter-1", "a" * 53, "2024"])
def test_names_stay_within_what_kubernetes_allows(release: str) -> None:
    """Whatever the release is called; and nothing is said twice in them."""
    made = render(SMALLEST | {"dashboards": {"enabled": True}}, release=release)

    assert [fault for each in made.objects for fault in faults(each, MIDDLE)] == []
    assert all(len(each["metadata"]["name"]) <= 63 for each in made.objects)
    assert made.one("Deployment")["metadata"]["name"].count("braze-exporter") <= 1


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda each: each["spec"].update(replica=1), "replica"),
        (lambda each: each["spec"].update(replicas="1"), "is not of type"),
        (lambda each: each.update(apiVersion="apps/v1beta1"), "is no kind of Kubernetes"),
        (lambda each: each["spec"].pop("selector"), "'selector' is a required property"),
    ],
)
def test_what_kubernetes_would_refuse_is_found(spoil: Callable[[Any], Any], fault: str) -> None:
    """An unknown key, a wrong type, a kind that is gone, something missing."""
    deployment = deepcopy(render(SMALLEST).one("Deployment"))
    spoil(deployment)

    assert fault in " ".join(faults(deployment, MIDDLE))


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda each: each["spec"]["endpoints"][0].update(pth="/"), "endpoints[0].pth"),
        (lambda each: each["spec"]["endpoints"][0].update(interval="1"), "interval"),
        (lambda each: each["spec"].pop("selector"), "selector"),
    ],
)
def test_what_the_operator_would_refuse_is_found(spoil: Callable[[Any], Any], fault: str) -> None:
    """The same of an object that is not Kubernetes' own."""
    monitor = deepcopy(rendered("service-monitor").one("ServiceMonitor"))
    spoil(monitor)

    assert fault in " ".join(faults(monitor, MIDDLE))


def test_the_notes_say_how_to_reach_it_and_what_is_missing() -> None:
    """With the right names and ports, and without a warning when all is well."""
    bare = render(SMALLEST | {"service": {"port": 80}, "replicaCount": 2}).notes
    well = render(
        SMALLEST
        | {
            "image": {"repository": "team/braze-exporter"},
            "serviceMonitor": {"enabled": True, "additionalLabels": {"release": "kps"}},
            "prometheusRule": {
                "enabled": True,
                "additionalLabels": {"release": "kps"},
                "grafanaUrl": "https://g.example.org",
            },
        }
    ).notes

    assert f"kubectl -n {NAMESPACE} port-forward svc/{RELEASE}-braze-exporter 10068:80\n" in bare
    assert "http://localhost:10068/\n" in bare
    assert f"helm -n {NAMESPACE} test {RELEASE}\n" in bare
    assert "image.repository is still a placeholder" in bare
    assert "2 exporters ask Braze 2 times" in bare
    assert f"{RELEASE}-braze-exporter.{NAMESPACE}.svc:80/metrics" in bare
    assert well.rstrip().endswith(f"logs deployment/{RELEASE}-braze-exporter")


def test_the_notes_name_what_kube_prometheus_stack_would_overlook() -> None:
    """What has no label `release`."""
    notes = render(
        SMALLEST | {"podMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}
    ).notes

    named = re.findall(r"^  (\w+)\.additionalLabels\.release$", notes, re.MULTILINE)
    assert named == ["podMonitor", "prometheusRule"]
    assert "Alerts have no link to a dashboard: set prometheusRule.grafanaUrl." in notes


def test_the_notes_warn_of_a_certificate_that_nobody_can_check() -> None:
    """Prometheus knows neither its authority nor its name by itself."""
    values = SMALLEST | {"tls": {"existingSecret": "crt"}, "podMonitor": {"enabled": True}}

    assert "https://localhost:10068/" in render(values).notes
    assert "cannot check the exporter's certificate" in render(values).notes
    assert "cannot check the exporter's certificate" not in rendered("https").notes
