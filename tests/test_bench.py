"""The benchmarks run, in a small form; what they print is for docs/performance.md."""

import re
import socket
import threading
from contextlib import closing

import pytest

from bench import polling, scrape
from bench.braze import braze, segment_id
from bench.processes import Caller


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n3\r\nody\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nbody",
    ],
    ids=["length", "chunked", "to-the-end"],
)
def test_the_caller_reads_what_each_server_sends(answer: bytes) -> None:
    """Go sends long answers in chunks, Python's own server closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            client, _ = listening.accept()
            with client:
                client.recv(4096)
                client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with closing(Caller(listening.getsockname()[1])) as caller:
            found = caller.ask()
        thread.join()
    assert (found.status, found.body) == (200, b"body")


def test_scrapes_of_the_exporter_are_measured() -> None:
    """Identity and gzip of one size; other servers stand beside it where they are installed."""
    costs = scrape.beside(70, [], seconds=0.05)
    row = cells(next(scrape.table(70, costs)))
    assert row[:2] == ["70", "braze-exporter"]
    assert all(re.match(r"[0-9.]+ ms$", cell) for cell in (row[2], row[6]))
    assert costs["braze-exporter"][0].size > costs["braze-exporter"][1].size


def test_polls_are_measured_beside_bare_urllib3() -> None:
    with braze(20) as url:
        rate, cpu = polling.bare(url, 2, 20)
    assert rate > 0
    assert cpu >= 0
    row = cells(polling.start(20, 0.0))
    assert row[0] == "20"


def test_a_segment_of_the_fast_braze_is_the_one_that_was_asked_for() -> None:
    """Two segments have different sizes, or the page would compress too well."""
    assert segment_id(1) != segment_id(2)
    with braze(2) as url:
        port = int(url.rpartition(":")[2])
        sizes = []
        for number in range(2):
            path = f"/segments/data_series?segment_id={segment_id(number)}&length=35"
            with closing(Caller(port, path)) as caller:
                sizes.append(caller.ask().body)
    assert sizes[0] != sizes[1]
