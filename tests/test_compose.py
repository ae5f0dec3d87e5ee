"""The compose files: whole, hardened, and each service's own command at work on this machine.

There is no Docker here. So each command of the files runs as a process, with ports of the loopback
interface for the names of the services, and with what is mounted at its paths.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import load
from exporter.simulator import DEFAULT_KEY, World
from exporter.simulator.pulse import EVENTS, KPIS
from tests.doubles import ask
from tests.machine import free_port, program
from tests.stack import Prometheus, Stack, stack, until

ROOT = Path(__file__).parent.parent
SETTINGS = "/etc/braze-exporter/braze.yml"

Service = Mapping[str, Any]


def read(*names: str) -> dict[str, Service]:
    """The services of compose files, merged as Compose does: maps by key, volumes by target."""
    services: dict[str, dict[str, Any]] = {}
    for name in names:
        for service, said in yaml.safe_load((ROOT / name).read_text())["services"].items():
            known = services.setdefault(service, {})
            for key, value in said.items():
                if isinstance(value, dict):
                    known[key] = known.get(key, {}) | value
                elif key == "volumes":
                    known[key] = [*known.get(key, ()), *value]
                else:
                    known[key] = value
    return dict(services)


SIMULATED = read("compose.yaml", "compose.override.yaml")
ACCOUNT = read("compose.yaml", "compose.account.yaml")
EVERY = [
    pytest.param(service, id=f"{kind}-{name}")
    for kind, services in (("simulated", SIMULATED), ("account", ACCOUNT))
    for name, service in services.items()
]


def mounts(service: Service) -> dict[str, str]:
    """Where in the container -> the file, folder or volume that is there."""
    found = {}
    for volume in service.get("volumes", ()):
        source, target = re.fullmatch(r"(\$\{[^}]+\}|[^:]+):([^:]+)(?::ro)?", volume).groups()  # type: ignore[union-attr]
        assert target not in found
        found[target] = source
    return found


@pytest.mark.parametrize("service", EVERY)
def test_it_may_nothing(service: Service) -> None:
    """No capabilities, none to be had, nothing to write to, nobody's ports but this machine's."""
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & service.keys()
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("service", EVERY)
def test_it_runs_a_known_version_as_a_known_user(service: Service) -> None:
    """Our image is built and says its user itself; others' have a version and get a number."""
    if "build" in service:
        assert service["image"] == "braze-exporter:local"
    else:
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"])
        assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])


@pytest.mark.parametrize("service", EVERY)
def test_what_it_mounts_is_there_and_not_writable(service: Service) -> None:
    """Files of the checkout; only volumes are written to."""
    volumes = yaml.safe_load((ROOT / "compose.yaml").read_text())["volumes"]
    for target, source in mounts(service).items():
        if source in volumes:
            continue
        assert f"{source}:{target}:ro" in service["volumes"]
        if source != "${BRAZE_SETTINGS:-./braze.yml}":  # the reader's own
            assert (ROOT / source).exists(), source


@pytest.mark.parametrize("services", [SIMULATED, ACCOUNT], ids=["simulated", "account"])
def test_what_is_waited_for_tells_when_it_is_there(services: Mapping[str, Service]) -> None:
    """A service with a health check, or a step that ends and is not started again."""
    for service in services.values():
        for name, wanted in service.get("depends_on", {}).items():
            if wanted["condition"] == "service_healthy":
                assert services[name]["healthcheck"]["test"][0] == "CMD"
            else:
                assert wanted["condition"] == "service_completed_successfully"
                assert services[name]["restart"] == "no"


def test_the_account_has_no_simulator() -> None:
    """Its exporter reads the settings and the key that it is given, and so does the backfill."""
    assert "simulator" not in ACCOUNT
    for name in ("exporter", "history"):
        assert mounts(ACCOUNT[name])[SETTINGS] == "${BRAZE_SETTINGS:-./braze.yml}"
        assert ACCOUNT[name]["secrets"] == ["braze"]
        assert ACCOUNT[name]["environment"] == {"BRAZE_EXPORTER_CONFIG__FILE": SETTINGS}


def test_the_simulated_settings_watch_all_that_the_simulator_has() -> None:
    """Its apps, figures and events, and two of the segments with tracking, whatever day it is."""
    settings = load(ROOT / "compose/simulated.yml", {}, {}).workspaces["demo"]
    world = World(1, datetime.now(UTC))

    assert settings.apps == {app.name: app.id for app in world.apps}
    assert set(settings.sessions.by_segment) <= {each.id for each in world.segments if each.tracked}
    assert set(settings.kpi.metrics) == set(KPIS)
    assert set(settings.events.names) == set(EVENTS)
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == DEFAULT_KEY


def test_grafana_finds_the_dashboards_and_prometheus() -> None:
    """Its provisioning looks where the dashboards are mounted, and the home page is one of them."""
    grafana = SIMULATED["grafana"]
    there = {target: source for target, source in mounts(grafana).items() if "/" in source}
    provisioning = ROOT / there["/etc/grafana/provisioning"]
    (sources,) = (
        yaml.safe_load(path.read_text()) for path in provisioning.glob("datasources/*.yml")
    )
    (providers,) = (
        yaml.safe_load(path.read_text()) for path in provisioning.glob("dashboards/*.yml")
    )

    assert [source["url"] for source in sources["datasources"]] == ["http://prometheus:9090"]
    (folder,) = (provider["options"]["path"] for provider in providers["providers"])
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == folder
    assert (ROOT / there[folder] / home.name).exists()


class Machine:
    """What stands for Docker: services are processes, their names ports, their volumes folders."""

    def __init__(self, folder: Path, processes: Stack) -> None:
        self._processes = processes
        self.ports = {name: free_port() for name in _PORTS}
        self.tsdb = folder / "tsdb"
        self._there = {}  # a path or an address of a container -> what it is here
        for name, port in _PORTS.items():
            for written in (f"{name}:{port}", f"127.0.0.1:{port}", f"0.0.0.0:{port}"):
                self._there[written] = f"127.0.0.1:{self.ports[name]}"
            self._there[f'"127.0.0.1", {port}'] = f'"127.0.0.1", {self.ports[name]}'
        files: dict[Path, Path] = {}
        for service in SIMULATED.values():
            for target, source in mounts(service).items():
                path = ROOT / source if "/" in source else folder / source
                if path.is_file():
                    path = files.setdefault(path, folder / path.name)
                self._there[target] = str(path)
        self._there |= {"scrape_interval: 1m": "scrape_interval: 1s"}  # nobody waits for a minute
        for original, path in files.items():
            path.write_text(self.here(original.read_text()))
        for volume in ("tsdb", "alertmanager"):
            (folder / volume).mkdir()

    def here(self, text: str) -> str:
        """Words or a file of the stack, with the paths and addresses of this machine."""
        longest = sorted(self._there, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, longest)), lambda match: self._there[match[0]], text)

    def start(self, name: str) -> None:
        """Run a service to the end of the test, from when it is healthy by its own health check."""
        listen = [] if "build" in SIMULATED[name] else [f"--web.listen-address={self._at(name)}"]
        self._processes.start([*self._command(name), *listen], f"http://{self._at(name)}/-/ready")
        check = self._words(SIMULATED[name]["healthcheck"]["test"][1:])
        until(lambda: _run(check).returncode == 0, f"a healthy {name}")

    def finish(self, name: str, *more: str) -> str:
        """Run a step to its end, which must be a good one; what it says."""
        done = _run([*self._command(name), *more])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _command(self, name: str) -> list[str]:
        service = SIMULATED[name]
        image, _, _ = service["image"].partition(":")
        return self._words([*service.get("entrypoint", _ENTRYPOINTS[image]), *service["command"]])

    def _words(self, words: Sequence[str]) -> list[str]:
        """A command of the stack as one of this machine."""
        name, *rest = (self.here(word.replace("$$", "$")) for word in words)
        settings = {
            "BRAZE_EXPORTER_CONFIG__FILE": self.here(SETTINGS),
            "BRAZE_EXPORTER_WEB__LISTEN_ADDRESS": self._at("exporter"),
        }
        environment = [f"{name}={value}" for name, value in settings.items()]
        return ["env", *environment, sys.executable if name == "python3" else program(name), *rest]

    def _at(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"


def _run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True)


_PORTS = {"simulator": 10069, "exporter": 10068, "prometheus": 9090, "alertmanager": 9093}
_ENTRYPOINTS = {
    "braze-exporter": ["python3", "-m", "exporter"],
    "prom/prometheus": ["prometheus"],
    "prom/alertmanager": ["prometheus-alertmanager"],
}


def test_the_stack_shows_the_past_and_the_present_as_one(tmp_path: Path) -> None:
    """Every command in the order that Compose starts them: the series of the exporter go on where
    the backfilled ones end, Prometheus has the rules and tells Alertmanager, and another start
    reads no history and leaves the data alone.
    """
    with stack(tmp_path) as processes:
        machine = Machine(tmp_path, processes)
        for name in ("simulator", "exporter", "alertmanager"):
            machine.start(name)
        machine.finish("history", "--days=2")
        machine.finish("blocks")
        assert not (machine.tsdb / "history.om").exists()
        machine.start("prometheus")
        url = machine.here("http://prometheus:9090")
        prometheus = Prometheus(url)
        until(lambda: prometheus.query("braze_segment_size"), "sizes of now")

        assert prometheus.query("braze_segment_size offset 1d")
        # Only a segment that was always empty has no past. `unless` compares job and instance too.
        new = "braze_segment_size unless braze_segment_size offset 1d"
        assert set(prometheus.query(new).values()) <= {0}
        rules = json.loads(ask(f"{url}/api/v1/rules").text)["data"]["groups"]
        assert {rule["name"] for group in rules for rule in group["rules"]} >= {
            "BrazeSegmentSizeDropped"
        }
        told = json.loads(ask(f"{url}/api/v1/alertmanagers").text)["data"]
        assert len(told["activeAlertmanagers"]) == 1

        blocks = sorted(machine.tsdb.glob("*/meta.json"))
        assert "no history is read" in machine.finish("history", "--days=2")
        assert not (machine.tsdb / "history.om").exists()
        assert "no history is added" in machine.finish("blocks")
        assert sorted(machine.tsdb.glob("*/meta.json")) == blocks
