"""What the command `backfill` costs: seconds, memory, the size of the file, and promtool's part.

`python -m bench.backfill` prints a Markdown table; it takes about a quarter of an hour and 3 GB of
disk in the folder for temporary files. The figures stand in docs/backfill.md. A simulated Braze
runs in a process of its own, so that only the exporter is measured, and promtool after it.
"""

import json
import multiprocessing
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from exporter.simulator import DEFAULT_KEY, Simulator, World, serve
from exporter.simulator.workspace import APPS

LONGEST_BLOCK = "--max-block-duration=744h"  # as the command prints it


@dataclass(frozen=True)
class Case:
    """A workspace of so many segments, and apps whose sessions are read by these units."""

    segments: int
    units: tuple[str, ...]
    days: int
    step: str = "5m"

    def __str__(self) -> str:
        units = " and ".join(f"{unit}s" for unit in self.units)
        apps = f", {len(APPS)} apps by {units}" if self.units else ""
        return f"{self.segments} segments{apps}"


CASES = (
    *(Case(12, ("day", "hour"), days) for days in (10, 100, 400)),
    *(Case(50, ("hour",), days) for days in (10, 100)),
    Case(50, ("hour",), 400, "1h"),
    *(Case(500, (), days, "1h") for days in (10, 100)),
)


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds by the clock and of the processors, and its peak memory.

    That of promtool is not told: it maps the file, so that all of it counts.
    """

    seconds: float
    cpu: float
    megabytes: float


def cost_of(command: Sequence[str | Path], log: Path) -> Cost:
    """Run a command to its end. Raises SystemExit with what it said where it fails."""
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}: {log.read_text()[-2000:]}")
    cpu = used.ru_utime + used.ru_stime
    return Cost(time.monotonic() - begun, cpu, used.ru_maxrss / 1024)  # KiB on Linux


@contextmanager
def braze(segments: int) -> Iterator[str]:
    """A simulated Braze in another process; its URL."""
    here, there = multiprocessing.Pipe()
    # Spawned, for a forked process would be measured with the memory of this one.
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(segments, there))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send(None)
        process.join()


def _serve(segments: int, pipe: Connection) -> None:
    world = World(1, datetime.now(UTC), segments=segments)
    with serve(Simulator(world, lambda: datetime.now(UTC))) as server:
        pipe.send(server.url)
        pipe.recv()


def row(case: Case, url: str, folder: Path) -> str:
    """Write the history of a case, make blocks of it, and say what both took."""
    workspace: dict[str, object] = {
        "endpoint": url,
        "api_key": DEFAULT_KEY,
        "requests_per_hour": 250_000,
    }
    if case.units:
        workspace["apps"] = {app.name: app.id for app in APPS}
        workspace["sessions"] = {"units": case.units}
    settings, file, blocks = folder / "braze.yml", folder / "history.om", folder / "data"
    settings.write_text(json.dumps({"workspaces": {"bench": workspace}}))  # JSON is YAML
    log = folder / "log"
    wrote = cost_of(
        (
            *(sys.executable, "-m", "exporter", "backfill", "--config.file", settings),
            *("--days", str(case.days), "--step", case.step, "--output", file),
            *("--job", "braze", "--instance", "localhost:10068"),
        ),
        log,
    )
    said = re.search(r"^wrote .+: ([0-9,]+) samples", log.read_text(), re.MULTILINE)
    assert said is not None, log.read_text()
    made = cost_of(
        ("promtool", "tsdb", "create-blocks-from", "openmetrics", LONGEST_BLOCK, file, blocks), log
    )
    stored = sum(each.stat().st_size for each in blocks.rglob("*") if each.is_file())
    cells = (
        f"{case}",
        f"{case.days}",
        case.step,
        said[1],
        f"{file.stat().st_size / 1e6:,.0f} MB",
        f"{wrote.seconds:,.0f} s ({wrote.cpu:,.0f} s)",
        f"{wrote.megabytes:,.0f} MB",
        f"{made.seconds:,.0f} s ({made.cpu:,.0f} s)",
        f"{stored / 1e6:,.1f} MB in {sum(1 for _ in blocks.iterdir())}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table, row by row."""
    print("| workspace | days | step | samples | file | exporter | memory | promtool | blocks |")
    print("|---|--:|---|--:|--:|--:|--:|--:|--:|", flush=True)
    for case in CASES:
        with TemporaryDirectory() as folder, braze(case.segments) as url:
            print(row(case, url, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
