"""The commands that need no account: `demo` and `simulate`."""

import json
import signal
import time
from argparse import Namespace
from datetime import UTC, datetime
from queue import SimpleQueue

from exporter.commands import DONE, USAGE, fail, run
from exporter.config import Settings, load
from exporter.simulator import DEFAULT_KEY, FAULTS, Simulator, World
from exporter.simulator import serve as serve_simulator
from exporter.simulator.pulse import EVENTS, KPIS
from exporter.simulator.workspace import COLLAPSED_SEGMENT, FALLEN_APP


def simulate(arguments: Namespace) -> int:
    """Run the simulated Braze until a signal says to stop."""
    if arguments.list_faults:
        width = max(map(len, FAULTS))
        for name, meaning in FAULTS.items():
            print(f"{name:{width}}  {meaning}")
        return DONE
    start = arguments.clock or datetime.now(UTC)
    begun = time.monotonic_ns()

    def clock() -> datetime:
        return datetime.fromtimestamp(start.timestamp() + (time.monotonic_ns() - begun) / 1e9, UTC)

    try:
        simulator = Simulator(World(arguments.seed, start), clock, faults=arguments.fault)
        host, port = _host_and_port(arguments.listen_address)
    except ValueError as error:
        return fail(str(error), USAGE)
    try:
        server = serve_simulator(simulator, host, port)
    except OSError as error:
        return fail(f"cannot listen on {arguments.listen_address}: {error.strerror}")
    ended: SimpleQueue[int] = SimpleQueue()  # unlike an Event, safe in a handler
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: ended.put(got))
    with server:
        print(_settings_for(server.url, simulator.world), flush=True)
        ended.get()
    return DONE


def _settings_for(url: str, world: World) -> str:
    """What to write into a settings file to watch `world`, and its story."""
    apps = "\n".join(f"      {app.name}: {app.id}" for app in world.apps)
    return (
        f"# a simulated Braze listens on {url}; these settings watch it:\n"
        f"workspaces:\n  simulated:\n    endpoint: {url}\n    api_key: {DEFAULT_KEY}\n"
        f"    apps:\n{apps}\n"
        f"    kpi: {{metrics: [{', '.join(KPIS)}]}}\n    events: {{names: [{', '.join(EVENTS)}]}}\n"
        f"# {_story()}"
    )


def _story() -> str:
    return f'"{COLLAPSED_SEGMENT}" has collapsed, the sessions of "{FALLEN_APP}" fell 3 h ago'


def demo(arguments: Namespace) -> int:
    """Run the exporter against a simulated Braze in this process."""
    simulator = Simulator(World(arguments.seed, datetime.now(UTC)), lambda: datetime.now(UTC))
    with serve_simulator(simulator, "127.0.0.1", 0) as server:

        def settings() -> Settings:
            return load(
                None, {}, _demo_settings(simulator.world, server.url, arguments.listen_address)
            )

        return run(settings, _say_demo)


def _demo_settings(world: World, url: str, address: str) -> dict[str, str]:
    """The environment of an exporter that watches everything of `world`, and often."""
    workspace = "BRAZE_EXPORTER_WORKSPACES__DEMO__"
    tracked = [segment.id for segment in world.segments if segment.tracked]
    return {
        f"{workspace}ENDPOINT": url,
        f"{workspace}API_KEY": DEFAULT_KEY,
        f"{workspace}APPS": json.dumps({app.name: app.id for app in world.apps}),
        f"{workspace}SESSIONS__WORKSPACE_TOTAL": "true",
        f"{workspace}SESSIONS__BY_SEGMENT": json.dumps(tracked[:2]),
        f"{workspace}KPI__METRICS": ",".join(KPIS),
        f"{workspace}EVENTS__NAMES": json.dumps([*EVENTS]),
        "BRAZE_EXPORTER_POLL__SEGMENTS": "1m",
        "BRAZE_EXPORTER_POLL__SESSIONS": "30s",
        "BRAZE_EXPORTER_POLL__KPI": "1m",
        "BRAZE_EXPORTER_POLL__EVENTS": "30s",
        "BRAZE_EXPORTER_POLL__DISCOVERY": "5m",
        "BRAZE_EXPORTER_WEB__LISTEN_ADDRESS": address,
    }


def _say_demo(addresses: tuple[str, ...], settings: Settings) -> None:
    host, _, port = addresses[0].rpartition(":")
    # What listens everywhere is reached here; not every browser opens [::].
    address = f"localhost:{port}" if host in ("[::]", "0.0.0.0") else addresses[0]  # noqa: S104 - shown
    print(
        f"\n  The exporter watches a simulated Braze.\n\n"
        f"    page     http://{address}/\n"
        f"    metrics  http://{address}{settings.web.telemetry_path}\n\n"
        f"  {_story()}:\n\n"
        f"    curl -s {address}{settings.web.telemetry_path} | grep -E 'size|hourly|info'\n\n"
        f"  Ctrl-C ends it.\n",
        flush=True,
    )


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{address!r} is no address such as 127.0.0.1:10069")
    return host.strip("[]"), int(port)
