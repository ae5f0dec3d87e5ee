"""A program that exposes the series of a page as prometheus_client would have it: gauges with
labels, and the library's own server. Arguments: the file of the page, the port.
"""

import sys
import threading
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, start_http_server
from prometheus_client.parser import text_string_to_metric_families


def main() -> None:
    registry = CollectorRegistry()
    for family in text_string_to_metric_families(Path(sys.argv[1]).read_text()):
        gauge: Gauge | None = None
        for sample in family.samples:
            if gauge is None:
                gauge = Gauge(
                    sample.name, family.documentation, [*sample.labels], registry=registry
                )
            (gauge.labels(**sample.labels) if sample.labels else gauge).set(sample.value)
    start_http_server(int(sys.argv[2]), "127.0.0.1", registry=registry)
    threading.Event().wait()


if __name__ == "__main__":
    main()
