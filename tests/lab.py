"""A laboratory for `doctor`: a simulated Braze, settings that suit it, and ways to spoil them."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import trustme

from exporter.config import Settings, load
from exporter.doctor import Doctor
from exporter.findings import Finding, State
from exporter.patient import Means
from exporter.probes import Addresses, Blocked, Probes
from exporter.simulator import Server, Simulator, World, serve
from tests.doubles import KEY
from tests.fronts import with_tls
from tests.machine import free_port


class Clock:
    """The time of a machine; it goes on, unless it is told to stand still."""

    def __init__(self) -> None:
        self.off = 0.0
        self.stands: float | None = None

    def now(self) -> float:
        """Epoch seconds."""
        return (time.time() if self.stands is None else self.stands) + self.off

    def moment(self) -> datetime:
        """The same as a datetime."""
        return datetime.fromtimestamp(self.now(), UTC)


class Names(Probes):
    """Probes that look up no name but this machine's: tests ask no resolver."""

    def resolve(self, host: str, port: int) -> Addresses:
        if host == "silent.invalid":
            raise Blocked("dns-silent", "no answer within 10 s")
        if host.endswith(".invalid"):
            raise Blocked("host-unknown", "Name or service not known")
        return super().resolve(host, port)


class Lab:
    """Everything is in order to begin with."""

    def __init__(self, folder: Path, open_: ExitStack) -> None:
        self.folder = folder
        self.open = open_
        self.braze_clock, self.clock = Clock(), Clock()
        self.braze = self.simulated()
        self.world = self.braze.simulator.world
        self.shop: dict[str, Any] = {
            "endpoint": self.braze.url,
            "api_key": KEY,
            "apps": {app.name: app.id for app in self.world.apps},
        }
        self.settings: dict[str, Any] = {
            "workspaces": {"shop": self.shop},
            "poll": {"timeout": "5s"},
            "web": {"listen_address": f"127.0.0.1:{free_port()}"},
        }
        self.probes: Probes = Names(seconds=5.0)
        self.instances: dict[str, str] = {}
        self.find_instance = False
        self.ca = trustme.CA()
        self.once_loaded: Callable[[], None] = lambda: None
        self.doctor: Doctor

    def simulated(
        self, key: str = KEY, zone: tzinfo = UTC, limit: int = 250_000, hours: str = "hour-offset"
    ) -> Server:
        """One more Braze."""
        now = self.braze_clock.moment
        world = World(7, now(), zone=zone)
        simulator = Simulator(world, now, keys=(key,), requests_per_hour=limit, hour_format=hours)
        return self.open.enter_context(serve(simulator))

    def secured(self, *names: str, ca: trustme.CA | None = None, **more: Any) -> str:
        """The URL of the Braze behind a certificate for `names`."""
        leaf = (ca or self.ca).issue_cert(*(names or ("127.0.0.1", "localhost")), **more)
        port = self.open.enter_context(with_tls(self.braze.simulator, leaf))
        return f"https://127.0.0.1:{port}"

    @property
    def ca_file(self) -> str:
        """The certificate of our CA."""
        path = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(path))
        return str(path)

    def at(self, text: str) -> None:
        """Have all clocks stand at this time."""
        for clock in (self.clock, self.braze_clock):
            clock.stands = datetime.fromisoformat(text).timestamp()

    def segment(self, *, tracked: bool) -> str:
        """The id of one that is."""
        return next(each.id for each in self.world.segments if each.tracked is tracked)

    def examine(self) -> list[Finding]:
        """What doctor finds."""
        path = self.folder / "exporter.yml"
        path.write_text(json.dumps(self.settings))
        means = Means(self.probes, self.clock.now, self.instances, self.find_instance)

        def read() -> Settings:
            settings = load(path, {}, {})
            self.once_loaded()
            return settings

        self.doctor = Doctor(read, means)
        return list(self.doctor.findings())


def bad(findings: list[Finding]) -> list[Finding]:
    """Those that are not as they should be."""
    return [each for each in findings if each.state in (State.FAILED, State.WARNING)]
