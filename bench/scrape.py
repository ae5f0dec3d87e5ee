"""What a scrape costs: CPU of the server, latency, throughput, beside others that serve the same.

`python -m bench.scrape` prints Markdown tables. CPU is what Linux counted for the server's process,
user and kernel, divided by the scrapes; it hardly depends on who else uses the machine. Latency is
by the clock of one caller on one connection and does; throughput is that of the same caller.
"""

import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.braze import braze
from bench.ours import SERIES_A_SEGMENT, exporter, page_of
from bench.peers import Peer, peers
from bench.processes import Caller, Running, load

SIZES = (1_000, 10_000, 100_000)
OURS = "braze-exporter"


@dataclass(frozen=True)
class Cost:
    """Of a scrape: CPU in milliseconds, latencies in milliseconds, bytes that came."""

    cpu: float
    latencies: tuple[float, ...]
    size: int

    def at(self, share: float) -> float:
        """The latency that this share of the scrapes did not exceed."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]

    @property
    def rate(self) -> float:
        """Scrapes a second, one after the other."""
        return 1000 * len(self.latencies) / sum(self.latencies)


def cost(process: Running, gzip: bool, seconds: float) -> Cost:
    """What scraping it for so long, at least ten times, comes to."""
    caller = Caller(process.port, gzip=gzip)
    for _ in range(3):
        answer = caller.ask()
    assert answer.status == 200
    latencies: list[float] = []
    used, end = process.cpu, time.monotonic() + seconds
    while time.monotonic() < end or len(latencies) < 10:
        latencies.append(caller.ask().seconds * 1000)
    cpu = (process.cpu - used) * 1000 / len(latencies)
    caller.close()
    return Cost(cpu, tuple(sorted(latencies)), len(answer.body))


@contextmanager
def ready(series: int, every: str = "30m", latency: float = 0.0) -> Iterator[Running]:
    """The exporter with about so many series, polled once from a Braze of such a latency."""
    with braze(series // SERIES_A_SEGMENT, latency) as url, exporter(url, every=every) as process:
        process.wait_for("/-/ready", every=0.1)
        time.sleep(0.5)
        yield process


def beside(series: int, others: Sequence[Peer], seconds: float) -> dict[str, tuple[Cost, Cost]]:
    """Cost of each at so many series: identity and gzip."""
    costs = {}
    with ready(series) as process:
        costs[OURS] = (cost(process, False, seconds), cost(process, True, seconds))
        page = _gauges(page_of(process))
    for peer in others:
        with TemporaryDirectory() as folder, peer.serving(page, Path(folder)) as process:
            Path(folder).chmod(0o755)
            costs[peer.name] = (cost(process, False, seconds), cost(process, True, seconds))
    return costs


def _gauges(page: bytes) -> bytes:
    """Only what stands for Braze's data: each of the others has telemetry of its own."""
    kept = []
    for line in page.splitlines(keepends=True):
        name = line.split()[2] if line.startswith(b"#") else line
        if name.startswith(b"braze_segment"):
            kept.append(line)
    return b"".join(kept)


def table(series: int, costs: dict[str, tuple[Cost, Cost]]) -> Iterator[str]:
    """The rows of one size."""
    ours = costs[OURS]
    for name, pair in costs.items():
        cells = [f"{series:,}", name]
        for one, mine in zip(pair, ours, strict=True):
            ratio = "" if name == OURS else f" ({one.cpu / mine.cpu:,.1f}x)"
            cells.append(f"{one.cpu:,.2f} ms{ratio}")
            cells.append(f"{one.at(0.5):,.2f} / {one.at(0.99):,.2f} ms")
            cells.append(f"{one.rate:,.0f}")
            cells.append(f"{one.size / 1000:,.0f} kB")
        yield f"| {' | '.join(cells)} |"


def while_publishing(series: int, latency: float, seconds: float) -> str:
    """Latency of a scrape every 20 ms without polls and while one poll follows the other, each
    with its publish.
    """
    found: list[tuple[float, float]] = []
    for every in ("30m", "1s"):
        with ready(series, every, latency) as process:
            found += [_spaced(process, gzip, seconds) for gzip in (False, True)]
    quiet, busy = found[:2], found[2:]
    cells = [f"{series:,}", f"{latency * 1000:.0f} ms"]
    for calm, rough in zip(quiet, busy, strict=True):
        cells += [f"{calm[0]:.2f} / {calm[1]:.2f} ms", f"{rough[0]:.2f} / {rough[1]:.2f} ms"]
        cells.append(f"{rough[1] / calm[0]:.1f}")
    return f"| {' | '.join(cells)} |"


def _spaced(process: Running, gzip: bool, seconds: float) -> tuple[float, float]:
    """Median and 99th percentile, in milliseconds."""
    caller, found = Caller(process.port, gzip=gzip), []
    caller.ask()
    pause, end = threading.Event(), time.monotonic() + seconds
    while time.monotonic() < end:
        found.append(caller.ask().seconds * 1000)
        pause.wait(0.02)
    found.sort()
    return found[len(found) // 2], found[int(len(found) * 0.99)]


def main(argv: Sequence[str] = sys.argv[1:]) -> None:
    """Print the tables."""
    parser = ArgumentParser(prog="bench.scrape")
    parser.add_argument("--small", action="store_true", help="a small case that takes seconds")
    sizes, seconds = ((1_000,), 0.3) if parser.parse_args(argv).small else (SIZES, 3.0)
    others, missing = peers()
    # bbr paces what it sends, over loopback as well, and stalls small answers that come seldom.
    told = Path("/proc/sys/net/ipv4/tcp_congestion_control")
    control = told.read_text().strip() if told.exists() else "unknown"
    print(f"Load average at the start: {load()}. TCP congestion control: {control}.", end="")
    print(f" Not on this machine: {', '.join(missing)}.\n" if missing else "\n")
    one = "CPU a scrape | p50 / p99 | a second | size"
    print(f"| series | server | identity: {one} | gzip: {one} |")
    print("|--:|---" + "|--:" * 8 + "|", flush=True)
    for series in sizes:
        for row in table(series, beside(series, others, seconds)):
            print(row, flush=True)
    print("\nWhile one poll follows the other, eight requests at a time:\n")
    one = "quiet p50 / p99 | polling p50 / p99 | polling p99 / quiet p50"
    print(f"| series | a call | identity: {one} | gzip: {one} |")
    print("|--:" * 8 + "|", flush=True)
    for series in sizes[:2]:
        for latency in (0.0, 0.05):
            print(while_publishing(series, latency, seconds * 7), flush=True)
    print(f"\nLoad average at the end: {load()}.")


if __name__ == "__main__":
    main()
