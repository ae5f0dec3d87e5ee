"""Others that expose metrics, each given the same series to serve on this machine."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from bench.processes import Running, free_port, running

DEBIAN = {
    "prometheus-pushgateway": "prometheus-pushgateway",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "nginx": "nginx-light",
}
"""The program of each peer and Debian's package of it."""

_NGINX = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000; default_type "text/plain; version=0.0.4";
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port}; root {folder};
    location = /metrics {{ gzip_static on; }}
  }}
}}
"""


@dataclass(frozen=True)
class Peer:
    """What it is called, and what serves a page of metrics, given the page and an empty folder."""

    name: str
    serving: Callable[[bytes, Path], AbstractContextManager[Running]]


def found(program: str) -> str | None:
    """Where it is; None where it is missing. BENCH_PEERS may name a folder in which Debian's
    packages were unpacked (`dpkg -x`).
    """
    unpacked = os.environ.get("BENCH_PEERS", "")
    folders = [f"{unpacked}{each}" for each in ("/usr/sbin", "/usr/bin")] if unpacked else []
    path = os.pathsep.join((*folders, os.environ.get("PATH", ""), "/usr/sbin"))
    return shutil.which(program, path=path)


@contextmanager
def prometheus_client(page: bytes, folder: Path) -> Iterator[Running]:
    """Python's client library, its gauges served by its own server."""
    (folder / "page").write_bytes(page)
    port = free_port()
    command = (sys.executable, Path(__file__).with_name("gauges.py"), folder / "page", str(port))
    with running(command, port, folder) as process:
        process.wait_for("/metrics")
        yield process


@contextmanager
def pushgateway(page: bytes, folder: Path) -> Iterator[Running]:
    """The Pushgateway, to which the page was pushed."""
    port = free_port()
    program = found("prometheus-pushgateway") or "prometheus-pushgateway"
    command = (program, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error")
    with running(command, port, folder) as process:
        process.wait_for("/metrics")
        url = f"http://127.0.0.1:{port}/metrics/job/bench"
        with urlopen(Request(url, page, method="PUT"), timeout=60) as answer:
            assert answer.status == 200
        yield process


@contextmanager
def textfile(page: bytes, folder: Path) -> Iterator[Running]:
    """The node_exporter, that reads the page from a file at each scrape and does nothing else."""
    (folder / "page.prom").write_bytes(page)
    port = free_port()
    command = (
        found("prometheus-node-exporter") or "prometheus-node-exporter",
        f"--web.listen-address=127.0.0.1:{port}",
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={folder}",
        "--log.level=error",
    )
    with running(command, port, folder) as process:
        process.wait_for("/metrics")
        yield process


@contextmanager
def nginx(page: bytes, folder: Path) -> Iterator[Running]:
    """nginx, with the page in a file, packed in another one: as little as can be."""
    import gzip

    (folder / "metrics").write_bytes(page)
    (folder / "metrics.gz").write_bytes(gzip.compress(page, 6))
    port = free_port()
    settings = folder / "nginx.conf"
    settings.write_text(_NGINX.format(folder=folder, port=port))
    command = (found("nginx") or "nginx", "-p", folder, "-c", settings)
    with running(command, port, folder) as process:
        process.wait_for("/metrics")
        yield process


def peers() -> tuple[list[Peer], list[str]]:
    """Those that are on this machine, and the programs that are missing with Debian's packages."""
    known = (
        ("", Peer("prometheus_client", prometheus_client)),
        ("prometheus-pushgateway", Peer("Pushgateway", pushgateway)),
        ("prometheus-node-exporter", Peer("node_exporter, textfile", textfile)),
        ("nginx", Peer("nginx, ready file", nginx)),
    )
    present = [peer for program, peer in known if not program or found(program)]
    missing = [
        f"{program} (package {DEBIAN[program]})"
        for program, _ in known
        if program and not found(program)
    ]
    return present, missing
