"""How many requests a second a poll makes, beside a loop over bare urllib3 that reads the same."""

import json
import os
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

import urllib3

from bench.braze import DAYS, KEY, segment_id

LIFTED = 250_000
SEGMENTS = 4_000


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock and of this process's CPU that `work` takes."""
    begun, used = time.perf_counter(), os.times()
    work()
    after = os.times()
    cpu = after.user + after.system - used.user - used.system
    return time.perf_counter() - begun, cpu


def bare(url: str, connections: int, segments: int) -> Callable[[], None]:
    """As many threads as connections, each asking for the next segment and reading its JSON."""
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

    def run() -> None:
        threads = [threading.Thread(target=work) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pool.clear()

    return run
