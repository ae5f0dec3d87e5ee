"""Pod Security Standard `restricted`: the whole list, for every pod the chart can make.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.helm import VALID, Object, pods, render, values_of

VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}
SELINUX = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def violations(pod: Object) -> Iterator[str]:
    """What of the standard a pod does not keep."""
    security = pod.get("securityContext", {})
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    for volume in pod.get("volumes", ()):
        if not set(volume) - {"name"} <= VOLUMES:
            yield f"volume {volume['name']}"
    for sysctl in security.get("sysctls", ()):
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    if security.get("supplementalGroups") == [0] or security.get("runAsUser") == 0:
        yield "root"
    yield from _of_both(security, "pod")
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in pod.get(kind, ()):
            own = container.get("securityContext", {})
            yield from (f"{container['name']}: {each}" for each in _of_container(container, own))
            yield from _of_both(own, container["name"])
            if not {**security, **own}.get("runAsNonRoot"):
                yield f"{container['name']}: runAsNonRoot"
            profile = {**security, **own}.get("seccompProfile", {}).get("type")
            if profile not in ("RuntimeDefault", "Localhost"):
                yield f"{container['name']}: seccompProfile"


def _of_both(security: Object, name: str) -> Iterator[str]:
    """What neither a pod's nor a container's security may say."""
    if security.get("seLinuxOptions", {}).get("type", "") not in SELINUX:
        yield f"{name}: seLinuxOptions.type"
    if security.get("seLinuxOptions", {}).keys() & {"user", "role"}:
        yield f"{name}: seLinuxOptions"
    if security.get("windowsOptions", {}).get("hostProcess"):
        yield f"{name}: hostProcess"
    if security.get("appArmorProfile", {}).get("type", "RuntimeDefault") == "Unconfined":
        yield f"{name}: appArmorProfile"


def _of_container(container: Object, security: Object) -> Iterator[str]:
    capabilities = security.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", ()):
        yield "capabilities.drop"
    if not set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"}:
        yield "capabilities.add"
    if security.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if security.get("privileged"):
        yield "privileged"
    if security.get("runAsUser") == 0:
        yield "root"
    if security.get("runAsNonRoot") is False:
        yield "runAsNonRoot"
    if security.get("procMount", "Default") != "Default":
        yield "procMount"
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "hostPort"
    probes = ("livenessProbe", "readinessProbe", "startupProbe")
    actions = [container.get(probe, {}) for probe in probes]
    actions += [container.get("lifecycle", {}).get(hook, {}) for hook in ("preStop", "postStart")]
    for action in actions:
        if any(action.get(how, {}).get("host") for how in ("httpGet", "tcpSocket")):
            yield "host of a probe"  # since Kubernetes 1.34


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_every_pod_keeps_to_the_restricted_standard(path: Path) -> None:
    """That of `helm test` as well; each container also has a root file system that is read-only."""
    made = list(pods(render(values_of(path))))

    assert made
    for name, pod in made:
        assert list(violations(pod)) == [], name
    for name, pod in made:
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            if container["name"].startswith(("exporter", "healthcheck")):
                assert container["securityContext"]["readOnlyRootFilesystem"] is True, name


def test_nothing_may_be_done_to_the_cluster() -> None:
    """There is no role for the exporter, and no token to use one with."""
    for path in VALID:
        made = render(values_of(path))
        assert {each["kind"] for each in made.objects}.isdisjoint(
            {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
        )
        for account in made.all("ServiceAccount"):
            assert account["automountServiceAccountToken"] is False


SMALLEST = {"config": {"workspaces": {"a": {"endpoint": "US-01"}}}, "existingSecret": "b"}


def _pod(pod: Any) -> Any:
    return pod


def _container(pod: Any) -> Any:
    return pod["containers"][0]


def _security(pod: Any) -> Any:
    return _container(pod)["securityContext"]


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        (_pod, "hostNetwork", True),
        (_pod, "hostPID", True),
        (_pod, "hostIPC", True),
        (_pod, "volumes", [{"name": "x", "hostPath": {"path": "/"}}]),
        (_pod, "securityContext", {}),
        (_pod, "securityContext", {"runAsUser": 0, "runAsNonRoot": True}),
        (_pod, "securityContext", {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
        (_pod, "securityContext", {"seLinuxOptions": {"type": "spc_t"}}),
        (_pod, "securityContext", {"appArmorProfile": {"type": "Unconfined"}}),
        (_container, "securityContext", {}),
        (_container, "ports", [{"containerPort": 1, "hostPort": 1}]),
        (_container, "livenessProbe", {"httpGet": {"host": "example.com", "port": 1}}),
        (_security, "privileged", True),
        (_security, "allowPrivilegeEscalation", True),
        (_security, "runAsUser", 0),
        (_security, "runAsNonRoot", False),
        (_security, "procMount", "Unmasked"),
        (_security, "capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
        (_security, "capabilities", {"drop": ["NET_RAW"]}),
        (_security, "seccompProfile", {"type": "Unconfined"}),
        (_security, "windowsOptions", {"hostProcess": True}),
    ],
)
def test_the_list_finds_what_it_is_for(where: Callable[[Any], Any], key: str, value: Any) -> None:
    """A pod that is spoilt in one way is found out."""
    ((_, pod), _) = pods(render(SMALLEST))
    spoilt = deepcopy(dict(pod))
    where(spoilt)[key] = value
    if where is _pod and key == "securityContext":
        for each in spoilt["containers"]:
            each["securityContext"].pop("runAsNonRoot")
            each["securityContext"].pop("seccompProfile")

    assert list(violations(pod)) == []
    assert list(violations(spoilt)) != []
