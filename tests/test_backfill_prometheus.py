"""What `backfill` writes, in a real Prometheus: every query of the past is answered as if it had
been scraped, and nobody else's samples are lost.
"""

import json
import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from exporter.cli import main
from exporter.simulator import App, Segment, World
from tests.doubles import KEY, ask, simulated
from tests.machine import program
from tests.stack import Prometheus, Stack, stack

DAYS = 100
SETTLE = timedelta(minutes=15)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def blocks(file: Path, data: Path) -> None:
    """Make blocks of a file, with the very command that `backfill` prints."""
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run(
        [*command, "--max-block-duration=744h", str(file), str(data)],
        check=True,
        capture_output=True,
        timeout=600,
    )


def backfill(world: World, folder: Path, url: str, *words: str) -> Path:
    """A file of all of `world`, and its apps by the hour."""
    settings = {
        "workspaces": {
            "shop": {
                "endpoint": url,
                "api_key": KEY,
                "apps": {app.name: app.id for app in world.apps},
                "requests_per_hour": 250_000,
                "concurrency": 8,
            }
        }
    }
    config, output = folder / "exporter.yml", folder / "history.om"
    config.write_text(json.dumps(settings))
    labels = ("--job=braze", "--instance=braze:10068")
    code = main(["backfill", f"--config.file={config}", f"--output={output}", *labels, *words])
    assert code == 0
    return output
