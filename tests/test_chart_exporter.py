"""What the chart makes, as the exporter sees it: settings, a command, keys that rotate."""

import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from exporter.config import Settings, load
from exporter.shard import Shard
from exporter.simulator import Server
from tests.doubles import (
    KEY,
    Process,
    ask,
    clean_environment,
    eventually,
    listens,
    samples,
    value_of,
)
from tests.helm import RELEASE, VALID, Rendered, render, values_of
from tests.machine import free_port
from tests.mounts import Files, Node, Started

GIVEN = {"production": "a-key", "api-key": "a-key", "token": "a-key", "k": "a-key"}
CERTIFICATE = {"ca.crt": "", "ca": "", "tls.crt": "", "tls.key": ""}
EXISTING: dict[str, Files] = {
    "braze": GIVEN | dict.fromkeys("abcdefgh", "a-key"),
    "braze-shop": GIVEN,
    "braze-staging": GIVEN,
    "braze-settings": {
        "exporter.yml": "workspaces: {production: {endpoint: US-01, "
        "api_key_file: /etc/braze-exporter/keys/production}}"
    },
    "braze-tls": CERTIFICATE,
    "braze-web": {"web.yml": ""},
    "certificate": CERTIFICATE,
    "client-certificate": CERTIFICATE,
    "company-ca": CERTIFICATE,
    "elsewhere": GIVEN,
}
"""What users have in their cluster in the valid files: Secrets and ConfigMaps."""


SETTLED = [path for path in VALID if "extraEnvFrom" not in values_of(path)]
"""Those of which no setting comes from a Secret as an environment variable."""


def valid(name: str) -> dict[str, Any]:
    """The values of a valid file."""
    (path,) = [path for path in VALID if path.stem == name]
    return values_of(path)


@pytest.mark.parametrize("path", SETTLED, ids=lambda path: path.stem)
def test_the_exporter_accepts_the_settings(path: Path, tmp_path: Path) -> None:
    """Every key is where they say, and every value means what the values said."""
    values = values_of(path)
    started = Node(render(values), tmp_path, EXISTING).start()

    settings = load(started.config, {}, variables(started), lambda: started.hostname)

    assert settings.shard == Shard(0, values.get("shards", 1))
    wanted = values.get("config", {}).get("workspaces", {"production": {}})
    assert settings.workspaces.keys() == wanted.keys()
    for workspace in settings.workspaces.values():
        assert workspace.api_key_file is not None
        assert workspace.api_key_file.read_text() in ("a-key", "the-key", "the-key-of-staging")


def variables(started: Started) -> Mapping[str, str]:
    """The environment variables of the exporter."""
    return {
        name: value
        for name, value in started.environment.items()
        if name.startswith("BRAZE_EXPORTER_")
    }


def test_no_setting_is_changed_on_its_way_through_helm(tmp_path: Path) -> None:
    """Neither large numbers nor texts that YAML likes to take for something else."""
    values = valid("every-setting")
    straight = tmp_path / "straight.yml"
    tree = valid("every-setting")["config"]
    tree["web"]["listen_address"] = ":10068"
    tree["workspaces"]["no"]["api_key_file"] = str(tmp_path / "run/elsewhere/key")
    straight.write_text(yaml.safe_dump(tree))
    started = Node(render(values), tmp_path, EXISTING).start()

    through: Settings = load(started.config, {}, variables(started))

    assert through == load(straight, {}, {})


def checked(started: Started) -> subprocess.CompletedProcess[str]:
    """What `braze-exporter check` says in the container."""
    return subprocess.run(
        [sys.executable, "-m", "exporter", "check"],
        env=clean_environment() | dict(started.environment),
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_check_says_so_in_the_container(tmp_path: Path) -> None:
    """`kubectl exec … check` needs no flags: the environment names the file."""
    values = valid("several-workspaces")
    done = checked(Node(render(values), tmp_path, EXISTING).start())

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "the settings are good; workspaces: production, shop_eu, staging\n"


@pytest.fixture
def port() -> int:
    """That of the container, on this machine."""
    return free_port()


@pytest.fixture
def values(simulator: Server, port: int) -> dict[str, Any]:
    """Two workspaces of a simulated Braze, one with the key that the chart keeps."""
    one = {"endpoint": simulator.url, "apps": {"web": simulator.simulator.world.apps[0].id}}
    return {
        "config": {"workspaces": {"shop": one, "news": one}, "poll": {"sessions": "1s"}},
        "existingSecret": "braze",
        "apiKeys": {"news": {"value": KEY}},
        "containerPort": port,
    }


Begin = Callable[..., Process]


@pytest.fixture
def begin(process: Begin) -> Begin:
    """Starts a container's command, without anything else of this machine's environment."""

    def started(container: Started) -> Process:
        return process(*container.arguments, environ=container.environment)

    return started


def exporter(made: Rendered, root: Path) -> Node:
    """A node with the key of the workspace `shop`."""
    return Node(made, root, {"braze": {"shop": KEY}})


def test_the_rendered_command_runs(
    values: dict[str, Any], port: int, tmp_path: Path, begin: Begin
) -> None:
    """Probes and scrapes find what they ask for, `helm test` passes, and it ends when told to."""
    made = render(values)
    running = begin(exporter(made, tmp_path).start())
    container = made.one("Deployment")["spec"]["template"]["spec"]["containers"][0]
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: listens(url), "it listens", 20)

    for probe in ("livenessProbe", "readinessProbe"):
        path = container[probe]["httpGet"]["path"]
        eventually(partial(answers, f"{url}{path}"), probe, 20)
    assert up(url, "shop") == up(url, "news") == 1
    assert helm_test(made, port).returncode == 0
    assert running.terminate()[0] == 0
    assert helm_test(made, port).returncode == 1


def answers(url: str) -> bool:
    """Whether what a probe asks is answered well."""
    return ask(url).status == 200


def up(url: str, workspace: str) -> float | None:
    """Whether Braze answers the exporter."""
    return value_of(samples(ask(f"{url}/metrics").text), "braze_up", workspace=workspace)


def helm_test(made: Rendered, port: int) -> subprocess.CompletedProcess[str]:
    """What the pod of `helm test` says, when its address leads to this machine."""
    (container,) = made.one("Pod")["spec"]["containers"]
    host = f"{RELEASE}-braze-exporter.mon.svc:10068"
    arguments = [each.replace(host, f"127.0.0.1:{port}") for each in container["args"]]
    assert arguments != container["args"]
    return subprocess.run(
        [sys.executable, "-m", "exporter", *arguments],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_key_is_rotated_without_a_restart(
    values: dict[str, Any], port: int, tmp_path: Path, begin: Begin
) -> None:
    """What is mounted anew is read anew."""
    node = exporter(render(values), tmp_path)
    begin(node.start())
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: listens(url), "it listens", 20)

    eventually(lambda: up(url, "shop") == 1, "the good key", 20)
    node.replace("braze", {"shop": "a-key-that-was-revoked"})
    eventually(lambda: up(url, "shop") == 0, "the bad key", 20)
    node.replace("braze", {"shop": KEY})
    eventually(lambda: up(url, "shop") == 1, "the new key", 20)
    assert up(url, "news") == 1


@pytest.mark.parametrize("name", ["https", "https-client-certificates", "names-and-labels"])
def test_the_exporter_accepts_the_web_configuration(name: str, tmp_path: Path) -> None:
    """With a certificate in the form that cert-manager gives it."""
    values = valid(name)
    existing = EXISTING | {"braze-tls": certificate(trustme.CA())}
    done = checked(Node(render(values), tmp_path, existing).start())

    assert (done.returncode, done.stderr) == (0, "")


def certificate(authority: trustme.CA) -> Files:
    """A Secret of type kubernetes.io/tls for this machine."""
    made = authority.issue_cert("127.0.0.1")
    return {
        "tls.crt": "".join(pem.bytes().decode() for pem in made.cert_chain_pems),
        "tls.key": made.private_key_pem.bytes().decode(),
        "ca.crt": authority.cert_pem.bytes().decode(),
    }


def test_the_rendered_command_serves_https(
    values: dict[str, Any], port: int, tmp_path: Path, begin: Begin
) -> None:
    """Health is open to the kubelet and to `helm test`, the metrics want a password."""
    authority = trustme.CA()
    of_users = valid("https")["webConfig"]
    made = render(values | {"tls": {"existingSecret": "braze-tls"}, "webConfig": of_users})
    existing = {"braze": {"shop": KEY}, "braze-tls": certificate(authority)}
    begin(Node(made, tmp_path, existing).start())
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    def status(path: str, headers: Mapping[str, str]) -> int:
        request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", headers=dict(headers))
        try:
            with urllib.request.urlopen(request, context=trust, timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    eventually(lambda: status("/-/healthy", {}) == 200, "it serves", 20)
    password = {"Authorization": "Basic cHJvbWV0aGV1czpjb3JyZWN0IGhvcnNl"}  # correct horse
    assert (status("/metrics", {}), status("/metrics", password)) == (401, 200)
    assert helm_test(made, port).returncode == 0
