"""What each command does: from its arguments to its exit code."""

import http.client
import json
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from exporter import inquiries, logs, quantities
from exporter.config import ConfigError, Settings, load
from exporter.daemon import Daemon
from exporter.exitcodes import DONE, FAILED, USAGE
from exporter.once import poll_once
from exporter.poller import key_of
from exporter.secretfile import ApiKey, KeyFileError
from exporter.server import ListenError
from exporter.simulator import DEFAULT_KEY, FAULTS, Simulator, World
from exporter.simulator import serve as serve_simulator
from exporter.simulator.workspace import COLLAPSED_SEGMENT, FALLEN_APP

_FLAGS = (
    "web.listen-address",
    "web.telemetry-path",
    "web.config.file",
    "log.level",
    "log.format",
)


def serve(arguments: Namespace) -> int:
    """Poll and serve until a signal says to stop."""
    return _run(_loader(arguments), _say_listening)


def check(arguments: Namespace) -> int:
    """Read the settings and say what is wrong with them."""
    settings = _settings(_loader(arguments))
    if settings is None:
        return USAGE
    print(f"the settings are good; workspaces: {', '.join(settings.workspaces)}")
    return DONE


def once(arguments: Namespace) -> int:
    """Poll everything once and write what could be read, to stdout or `--textfile`."""
    settings = _settings(_loader(arguments))
    if settings is None:
        return USAGE
    try:
        keys = {name: key_of(name, each) for name, each in settings.workspaces.items()}
    except KeyFileError as error:
        return _fail(f"the file of an API key {error}", USAGE)
    secrets = partial(map, ApiKey.read, keys.values())
    logs.set_up(settings.log.level, settings.log.format, secrets)
    page, complete = poll_once(settings, keys)
    if arguments.textfile is None:
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
    else:
        try:
            _write_whole(arguments.textfile, page)
        except OSError as error:
            return _fail(f"cannot write {arguments.textfile}: {error.strerror}")
    return DONE if complete else FAILED


def doctor(arguments: Namespace) -> int:
    """Find what keeps the exporter from working with these settings."""
    return inquiries.doctor(arguments, _loader(arguments))


def plan(arguments: Namespace) -> int:
    """Say what the settings will cost."""
    return inquiries.plan(arguments, _loader(arguments))


def discover(arguments: Namespace) -> int:
    """List the segments."""
    return inquiries.discover(arguments, _loader(arguments))


def healthcheck(arguments: Namespace) -> int:
    """Ask the exporter that listens where these settings say whether it is healthy."""
    address = _own_address(arguments)
    host, _, port = address.rpartition(":")
    local = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "::1"}  # noqa: S104 - asked, not bound
    connection = http.client.HTTPConnection(local.get(host, host.strip("[]")), int(port), timeout=3)
    try:
        connection.request("GET", "/-/healthy")
        response = connection.getresponse()
        print(response.read(1000).decode("utf-8", "replace").strip())
    except (OSError, http.client.HTTPException) as error:
        return _fail(f"no answer from {address}: {error}")
    finally:
        connection.close()
    return DONE if response.status == 200 else FAILED


def _own_address(arguments: Namespace) -> str:
    """Where the exporter listens. Mistakes elsewhere in the settings do not make it unhealthy."""
    try:
        return _loader(arguments)().web.listen_address[0]
    except ConfigError:
        flag = vars(arguments)["web.listen-address"]
        named = flag[0] if flag else os.environ.get("BRAZE_EXPORTER_WEB__LISTEN_ADDRESS")
        return str(quantities.address((named or ":10068").split(",")[0]))


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
        return _fail(str(error), USAGE)
    try:
        server = serve_simulator(simulator, host, port)
    except OSError as error:
        return _fail(f"cannot listen on {arguments.listen_address}: {error.strerror}")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with server:
        print(_settings_for(server.url, simulator.world), flush=True)
        ended.wait()
    return DONE


def _settings_for(url: str, world: World) -> str:
    """What to write into a settings file to watch `world`, and its story."""
    apps = "\n".join(f"      {app.name}: {app.id}" for app in world.apps)
    return (
        f"# a simulated Braze listens on {url}; these settings watch it:\n"
        f"workspaces:\n  simulated:\n    endpoint: {url}\n    api_key: {DEFAULT_KEY}\n"
        f"    apps:\n{apps}\n# {_story()}"
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

        return _run(settings, _say_demo)


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
        "BRAZE_EXPORTER_POLL__SEGMENTS": "1m",
        "BRAZE_EXPORTER_POLL__SESSIONS": "30s",
        "BRAZE_EXPORTER_POLL__DISCOVERY": "5m",
        "BRAZE_EXPORTER_WEB__LISTEN_ADDRESS": address,
    }


def _run(read: Callable[[], Settings], started: Callable[[tuple[str, ...], Settings], None]) -> int:
    settings = _settings(read)
    if settings is None:
        return USAGE
    daemon = Daemon(read, revision=os.environ.get("SOURCE_REVISION", ""))
    logs.set_up(settings.log.level, settings.log.format, daemon.secrets)
    try:
        ended = daemon.run(settings, lambda addresses: started(addresses, settings))
    except ListenError as error:
        return _fail(str(error))
    except KeyFileError as error:
        return _fail(f"the file of an API key {error}", USAGE)
    if not ended:
        # A thread that asks the resolver cannot be interrupted, and Python would wait for it.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(DONE)
    return DONE


def _say_listening(addresses: tuple[str, ...], settings: Settings) -> None:
    logging.getLogger(__name__).info(
        "listening", extra={"address": ",".join(addresses), "path": settings.web.telemetry_path}
    )


def _say_demo(addresses: tuple[str, ...], settings: Settings) -> None:
    print(
        f"\n  The exporter watches a simulated Braze.\n\n"
        f"    page     http://{addresses[0]}/\n"
        f"    metrics  http://{addresses[0]}{settings.web.telemetry_path}\n\n"
        f"  {_story()}:\n\n"
        f"    curl -s {addresses[0]}{settings.web.telemetry_path} | grep -E 'size|hourly|info'\n\n"
        f"  Ctrl-C ends it.\n",
        flush=True,
    )


def _loader(arguments: Namespace) -> Callable[[], Settings]:
    """What reads the settings that the command line, the environment and the file say at that
    moment.
    """
    flags: Mapping[str, object] = {
        flag: value for flag in _FLAGS if (value := vars(arguments)[flag]) is not None
    }

    def read() -> Settings:
        settings = load(arguments.config_file, flags, os.environ)
        if settings.web.config_file is not None:
            # Better than to serve without what it asks for.
            raise ConfigError(("web.config_file: TLS and basic auth are not supported yet",))
        return settings

    return read


def _settings(read: Callable[[], Settings]) -> Settings | None:
    """The settings; None, once all that is wrong with them is on stderr."""
    try:
        return read()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return None


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that a reader sees before or after, never half. Raises OSError, and leaves
    nothing behind.
    """
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            os.fchmod(number, 0o644)  # node_exporter reads it as another user
            file.write(content)
            file.flush()
            os.fsync(number)
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{address!r} is no address such as 127.0.0.1:10069")
    return host.strip("[]"), int(port)


def _fail(message: str, code: int = FAILED) -> int:
    print(message, file=sys.stderr)
    return code
