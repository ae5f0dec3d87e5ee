"""The exporter at work, as `braze-exporter serve` in a process of its own."""

import compileall
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.braze import KEY
from bench.processes import Caller, Running, free_port, running

SERIES_A_SEGMENT = 7  # size, timestamp, three baselines, threshold, info
LIFTED = 250_000  # the most requests an hour that the settings take

_ROOT = Path(__file__).parents[1]


@contextmanager
def exporter(
    braze: str,
    *,
    segments: int = 100_000,
    every: str = "30m",
    requests_per_hour: int = LIFTED,
    concurrency: int = 8,
) -> Iterator[Running]:
    """An exporter of the Braze at that URL that reads up to so many segments so often."""
    workspace = {
        "endpoint": braze,
        "api_key": KEY,
        "requests_per_hour": requests_per_hour,
        "concurrency": concurrency,
        "segments": {"limit": segments},
    }
    settings = {"workspaces": {"bench": workspace}, "poll": {"segments": every, "discovery": "1d"}}
    port = free_port()
    with TemporaryDirectory() as name:
        file = Path(name) / "braze.yml"
        file.write_text(json.dumps(settings))  # JSON is YAML
        os.environ["PYTHONPATH"] = str(_ROOT)
        # As it is in the image and where pip installed it: or, where Python may not write what it
        # compiled, each start would compile it anew.
        compileall.compile_dir(_ROOT / "exporter", quiet=1)
        command: tuple[str | Path, ...] = (
            *(sys.executable, "-m", "exporter", "serve", "--log.level", "warn"),
            *("--web.listen-address", f"127.0.0.1:{port}", "--config.file"),
            file,
        )
        with running(command, port, Path(name)) as process:
            yield process


def value_of(page: bytes, series: str) -> float:
    """The value of one series of a page. Raises KeyError where it is not there."""
    for line in page.decode().splitlines():
        if line.startswith(f"{series} "):
            return float(line.rpartition(" ")[2])
    raise KeyError(series)


def page_of(process: Running) -> bytes:
    """What it exposes now, as text."""
    caller = Caller(process.port)
    try:
        return caller.ask().body
    finally:
        caller.close()
