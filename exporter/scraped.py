"""What a Prometheus says of the exporter it scrapes: the labels it adds, how it keeps its data."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlencode

from exporter.catalog import BUILD_INFO
from exporter.columns import printable

LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
"""The name of a label as the file can carry it: not those in UTF-8 that Prometheus 3 allows."""

_TIMEOUT = 10.0
_CAP = 4 * 1024 * 1024
_RECENT = 3600  # an exporter that was scraped within the last hour counts

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]+\])"
    r"(:(?P<port>[0-9]{1,4}|[1-5][0-9]{4}|6[0-5][0-9]{3}))?(?P<path>(/[A-Za-z0-9_.~%-]*)*)",
    re.ASCII,
)

Labels = Mapping[str, str]
Ask = Callable[[str], object]
"""The `data` of Prometheus' answer at a path of its API. Raises PrometheusError."""


class PrometheusError(Exception):
    """Prometheus cannot be asked, or says something else than was expected."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Where a Prometheus keeps its blocks and for how long, as its flags say it; empty where it
    does not say.
    """

    path: str = ""
    retention: str = ""


def prometheus(url: str) -> Ask:
    """Asks the Prometheus at `url`, such as http://127.0.0.1:9090. Raises ValueError for no URL."""
    found = _URL.fullmatch(url)
    if found is None:
        if "@" in url:
            raise ValueError("--prometheus: takes no password; give --job and --instance instead")
        raise ValueError(f"--prometheus: {url!r} is no URL such as http://127.0.0.1:9090")
    connect = HTTPSConnection if found["scheme"] == "https" else HTTPConnection
    host = found["host"].strip("[]")
    port = int(found["port"]) if found["port"] else None
    before = found["path"].rstrip("/")

    def ask(path: str) -> object:
        connection = connect(host, port, timeout=_TIMEOUT)
        try:
            connection.request("GET", before + path, headers={"Accept": "application/json"})
            response = connection.getresponse()
            body = response.read(_CAP)
        except (OSError, HTTPException, UnicodeError) as error:
            raise PrometheusError(f"no answer from {url}: {printable(str(error))}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise PrometheusError(f"{url} answered with status {response.status}")
        try:
            return json.loads(body)["data"]
        except (ValueError, KeyError, TypeError):
            raise PrometheusError(f"what answers at {url} is no Prometheus") from None

    return ask


def target_labels(ask: Ask, known: Labels, now: float) -> Labels:
    """The labels that Prometheus adds to the series of the exporter, of which some are `known`.

    `now` is in epoch seconds. Raises PrometheusError where there is no such exporter, or more than
    one.
    """
    matchers = ",".join(f"{name}={json.dumps(value)}" for name, value in known.items())
    query = {"match[]": f"{BUILD_INFO.name}{{{matchers}}}", "start": f"{now - _RECENT:.0f}"}
    found = ask(f"/api/v1/series?{urlencode(query)}")
    sets = _targets(found) if isinstance(found, list) else []
    if not sets:
        raise PrometheusError("that Prometheus has not scraped such an exporter in the last hour")
    if len(sets) > 1:
        listed = "\n".join(f"  {_written(each)}" for each in sets)
        raise PrometheusError(
            f"that Prometheus scrapes more than one; say which by --job, --instance or --label:\n"
            f"{listed}"
        )
    if odd := [name for name in sets[0] if not LABEL.fullmatch(name)]:
        raise PrometheusError(
            f"that Prometheus adds the label {printable(odd[0])!r}, which the file cannot carry: "
            "its names are of letters, digits and _; give --job, --instance and --label instead, "
            "or have it scrape under another name"
        )
    return sets[0]


def storage(ask: Ask) -> Storage:
    """How Prometheus was told to keep its data; what only looks like one may not say it."""
    try:
        flags = ask("/api/v1/status/flags")
    except PrometheusError:
        return Storage()
    if not isinstance(flags, dict):
        return Storage()
    kept = str(flags.get("storage.tsdb.retention.time", ""))
    # 0s stands for a flag that was left out.
    return Storage(str(flags.get("storage.tsdb.path", "")), kept if kept != "0s" else "")


def _targets(series: Sequence[object]) -> list[Labels]:
    own = {"__name__", *BUILD_INFO.labels}
    sets = {
        tuple(sorted((name, str(value)) for name, value in each.items() if name not in own))
        for each in series
        if isinstance(each, dict)
    }
    return [dict(each) for each in sorted(sets)]


def _written(labels: Labels) -> str:
    return printable("{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}")
