"""What polls cost: requests a second beside bare urllib3, how long thousands of segments take,
memory, and the time from start to the first values.

`python -m bench.polling` prints Markdown tables; with `--slow` also the two cases that take ten
minutes. Braze is bench.braze, whose answers cost less than the simulator's.
"""

import json
import os
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue

import urllib3

from bench.braze import DAYS, KEY, braze, segment_id
from bench.ours import exporter, page_of, value_of
from bench.processes import Running, load

_WHOSE = '{workspace="bench",collector="segments"}'
_TOOK = f"braze_exporter_collector_duration_seconds{_WHOSE}"
_READ = f"braze_exporter_collector_last_success_timestamp_seconds{_WHOSE}"
_FAILED = f"braze_exporter_series_failed{_WHOSE}"


def bare(url: str, connections: int, segments: int) -> tuple[float, float]:
    """Requests a second, and milliseconds of CPU a request, of threads that only ask and read the
    JSON.
    """
    pool = urllib3.PoolManager(num_pools=1, maxsize=connections)
    waiting: SimpleQueue[str] = SimpleQueue()
    for number in range(segments):
        waiting.put(segment_id(number))
    headers = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}

    def work() -> None:
        while True:
            try:
                segment = waiting.get_nowait()
            except Empty:
                return
            fields = {"segment_id": segment, "length": str(DAYS)}
            where = f"{url}/segments/data_series"
            answer = pool.request("GET", where, fields=fields, headers=headers)
            assert json.loads(answer.data)["message"] == "success"

    threads = [threading.Thread(target=work) for _ in range(connections)]
    begun, used = time.perf_counter(), os.times()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, after = time.perf_counter() - begun, os.times()
    pool.clear()
    cpu = after.user + after.system - used.user - used.system
    return segments / seconds, cpu * 1000 / segments


def ours(url: str, connections: int, segments: int) -> tuple[float, float]:
    """The same of the exporter's second poll and later ones, start-up not counted: in the CPU is
    all that it does with what it read.
    """
    with exporter(url, concurrency=connections, every="1s") as process:
        first = _polled(process, 0.0)
        used = process.cpu
        last = _polled(process, first)
        cpu = process.cpu - used
        page = page_of(process)
        assert value_of(page, _FAILED) == 0
        assert last > first
        return segments / value_of(page, _TOOK), cpu * 1000 / segments


def _polled(process: Running, before: float) -> float:
    """Wait for a poll that ended after `before` (epoch seconds); returns when it ended."""
    while True:
        process.wait_for("/-/ready", seconds=1200, every=0.05)
        try:
            ended = value_of(page_of(process), _READ)
        except KeyError:
            ended = 0.0
        if ended > before:
            return ended
        time.sleep(0.5)  # each look is a scrape, which the poll would pay for


def throughput(segments: int, latency: float, connections: int) -> str:
    """One row."""
    with braze(segments, latency) as url:
        bare_rate, bare_cpu = bare(url, connections, segments)
        rate, cpu = ours(url, connections, segments)
    cells = (
        f"{latency * 1000:.0f} ms",
        f"{connections}",
        f"{bare_rate:,.0f}",
        f"{rate:,.0f}",
        f"{rate / bare_rate:.0%}",
        f"{bare_cpu:.2f} ms",
        f"{cpu:.2f} ms",
    )
    return f"| {' | '.join(cells)} |"


def memory(segments: int, polls: int) -> str:
    """Resident memory after the first poll and over the next ones, all with 35 days of history."""
    with braze(segments) as url, exporter(url, every="1s") as process:
        ended = _polled(process, 0.0)
        time.sleep(0.5)
        first, threads, most = process.megabytes, process.threads, 0.0
        for _ in range(polls):
            ended = _polled(process, ended)
            most = max(most, process.megabytes)
        cells = (f"{segments:,}", f"{first:.0f}", f"{most:.0f}", f"{process.megabytes:.0f}")
        return f"| {' | '.join(cells)} | {threads} / {process.threads} |"


def start(segments: int, latency: float) -> str:
    """From the process's start to the first scrape, and to the values of all segments."""
    with braze(segments, latency) as url, exporter(url, concurrency=4) as process:
        scraped = process.wait_for("/metrics", every=0.005)
        listed = process.wait_for("/-/ready", every=0.005)
        ideal = (segments // 100 + 1 + segments / 4) * latency
        assert value_of(page_of(process), _FAILED) == 0
    cells = (
        f"{segments}",
        f"{latency * 1000:.0f} ms",
        f"{scraped:.2f} s",
        f"{listed:.2f} s",
        f"{ideal:.2f} s",
    )
    return f"| {' | '.join(cells)} |"


def whole(segments: int, latency: float, connections: int, ceiling: int) -> str:
    """How long one poll of thousands takes."""
    with (
        braze(segments, latency) as url,
        exporter(url, concurrency=connections, requests_per_hour=ceiling) as process,
    ):
        _polled(process, 0.0)
        page = page_of(process)
        took, failed = value_of(page, _TOOK), value_of(page, _FAILED)
    burst = max(50.0, ceiling / 20)
    by_limit = max(0.0, segments - burst) * 3600 / ceiling
    ideal = max(by_limit, segments * latency / connections)
    cells = (
        f"{segments:,}",
        f"{latency * 1000:.0f} ms",
        f"{connections}",
        f"{ceiling:,}",
        f"{ideal:.0f} s",
        f"{took:.0f} s",
        f"{took / ideal - 1:+.1%}",
        f"{failed:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def tables(small: bool, slow: bool) -> Iterator[str]:
    """All that is measured, line by line."""
    yield "| a call | connections | urllib3, a second | exporter | share | CPU a request | CPU |"
    yield "|--:" * 7 + "|"
    for latency in (0.0,) if small else (0.0, 0.05, 0.3):
        for connections in (8,) if small else (8, 32):
            segments = 100 if small else 1_000 if latency else 5_000
            yield throughput(segments, latency, connections)
    yield "\n| segments | a call | first scrape | all values | ideal |\n" + "|--:" * 5 + "|"
    for latency in (0.0,) if small else (0.0, 0.3):
        yield start(20 if small else 200, latency)
    yield "\n| segments | MiB, one poll | most | last | threads, first and last |"
    yield "|--:" * 5 + "|"
    for segments in (20,) if small else (100, 1_000, 10_000):
        yield memory(segments, 1)  # of more polls: bench.flat
    if slow:
        yield "\n| segments | a call | connections | ceiling | ideal | took | over | failed |"
        yield "|--:" * 8 + "|"
        yield whole(10_000, 0.3, 32, 250_000)
        yield whole(2_000, 0.3, 4, 10_000)


def main(argv: Sequence[str] = sys.argv[1:]) -> None:
    """Print the tables."""
    parser = ArgumentParser(prog="bench.polling")
    parser.add_argument("--small", action="store_true", help="small cases that take seconds")
    parser.add_argument("--slow", action="store_true", help="also the two that take ten minutes")
    arguments = parser.parse_args(argv)
    print(f"Load average at the start: {load()}.\n")
    for line in tables(arguments.small, arguments.slow):
        print(line, flush=True)
    print(f"\nLoad average at the end: {load()}.")


if __name__ == "__main__":
    main()
