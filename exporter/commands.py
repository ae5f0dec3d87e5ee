"""What the commands do that need an account: from their arguments to their exit code."""

import gc
import logging
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path

from exporter import logs, quantities
from exporter.config import ConfigError, Settings, load
from exporter.daemon import Daemon
from exporter.loopback import ask
from exporter.once import poll_once
from exporter.poller import key_of
from exporter.secretfile import ApiKey, KeyFileError
from exporter.server import ListenError
from exporter.shard import EVERYTHING
from exporter.webconfig import WebFile

DONE, FAILED, USAGE = 0, 1, 2

_FLAGS = (
    "web.listen-address",
    "web.telemetry-path",
    "web.config.file",
    "log.level",
    "log.format",
)


def serve(arguments: Namespace) -> int:
    """Poll and serve until a signal says to stop."""
    return run(loader(arguments), _say_listening)


def check(arguments: Namespace) -> int:
    """Read the settings and say what is wrong with them."""
    settings = good_settings(loader(arguments))
    if settings is None:
        return USAGE
    try:
        WebFile(settings.web.config_file)
    except ConfigError as error:
        return fail(str(error), USAGE)
    shard = f"; shard {settings.shard}" if settings.shard != EVERYTHING else ""
    print(f"the settings are good; workspaces: {', '.join(settings.workspaces)}{shard}")
    return DONE


def once(arguments: Namespace) -> int:
    """Poll everything once and write what could be read, to stdout or `--textfile`."""
    read = settings_and_keys(arguments)
    if read is None:
        return USAGE
    settings, keys = read
    page, complete = poll_once(settings, keys)
    if arguments.textfile is None:
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
    else:
        try:
            _write_whole(arguments.textfile, page)
        except OSError as error:
            return fail(f"cannot write {arguments.textfile}: {error.strerror}")
    return DONE if complete else FAILED


def healthcheck(arguments: Namespace) -> int:
    """Ask the exporter that listens where these settings say whether it is healthy."""
    address = _own_address(arguments)
    host, _, port = address.rpartition(":")
    try:
        status, text = ask(host, int(port), "/-/healthy")
    except OSError as error:
        return fail(f"no answer from {address}: {error}")
    print(text)
    return DONE if status == HTTPStatus.OK else FAILED


def _own_address(arguments: Namespace) -> str:
    """Where the exporter listens. Mistakes elsewhere in the settings do not make it unhealthy."""
    try:
        return loader(arguments)().web.listen_address[0]
    except ConfigError:
        flag = vars(arguments)["web.listen-address"]
        named = flag[0] if flag else os.environ.get("BRAZE_EXPORTER_WEB__LISTEN_ADDRESS")
        return str(quantities.address((named or ":10068").split(",")[0]))


def run(read: Callable[[], Settings], started: Callable[[tuple[str, ...], Settings], None]) -> int:
    """Run the exporter until a signal says to stop; `started` is told where it listens."""
    settings = good_settings(read)
    if settings is None:
        return USAGE
    # What is there from the start stays: Python need not look through it again and again, all other
    # threads waiting, whether it became garbage.
    gc.freeze()
    daemon = Daemon(read, revision=os.environ.get("SOURCE_REVISION", ""))
    logs.set_up(settings.log.level, settings.log.format, daemon.secrets)
    try:
        ended = daemon.run(settings, lambda addresses: started(addresses, settings))
    except ListenError as error:
        return fail(str(error))
    except ConfigError as error:
        return fail(str(error), USAGE)
    except KeyFileError as error:
        return fail(f"the file of an API key {error}", USAGE)
    logging.getLogger(__name__).info("stopped")
    if not ended:
        # A thread that asks the resolver cannot be interrupted, and Python would wait for it.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(DONE)
    return DONE


def _say_listening(addresses: tuple[str, ...], settings: Settings) -> None:
    where = {"address": ",".join(addresses), "path": settings.web.telemetry_path}
    shard = {"shard": str(settings.shard)} if settings.shard != EVERYTHING else {}
    logging.getLogger(__name__).info("listening", extra=where | shard)


def loader(arguments: Namespace, *, key_files: bool = True) -> Callable[[], Settings]:
    """What reads the settings that the command line, the environment and the file say at that
    moment; without `key_files` they are good whatever is wrong with the files of keys.
    """
    flags: Mapping[str, object] = {
        flag: value for flag in _FLAGS if (value := vars(arguments)[flag]) is not None
    }
    return lambda: load(arguments.config_file, flags, os.environ, key_files=key_files)


def good_settings(read: Callable[[], Settings]) -> Settings | None:
    """The settings; None, once all that is wrong with them is on stderr."""
    try:
        return read()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return None


def settings_and_keys(arguments: Namespace) -> tuple[Settings, dict[str, ApiKey]] | None:
    """The settings and the API key of each workspace, once the log is set up by them; None, once
    what is wrong with them is on stderr.
    """
    settings = good_settings(loader(arguments))
    if settings is None:
        return None
    try:
        keys = {name: key_of(name, each) for name, each in settings.workspaces.items()}
    except KeyFileError as error:
        fail(f"the file of an API key {error}")
        return None
    logs.set_up(settings.log.level, settings.log.format, partial(map, ApiKey.read, keys.values()))
    return settings, keys


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


def fail(message: str, code: int = FAILED) -> int:
    """Say on stderr what is wrong; returns the exit code."""
    print(message, file=sys.stderr)
    return code
