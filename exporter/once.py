"""One poll of everything, without a schedule: for `once`."""

import time

from exporter.catalog import DISCOVERY, SEGMENTS, SESSIONS
from exporter.config import Settings
from exporter.negotiation import Format
from exporter.poller import Poller
from exporter.snapshot import Store
from exporter.telemetry import Telemetry


def poll_once(settings: Settings) -> tuple[bytes, bool]:
    """The metrics in the text format, without `process_*` and `python_*`, and whether all could be
    read.
    """
    store, telemetry = Store(time.time), Telemetry(process=False)
    pollers = [
        Poller(name, workspace, settings.poll, store, telemetry)
        for name, workspace in settings.workspaces.items()
    ]
    store.expect(poller.watch for poller in pollers)
    telemetry.settings_read(time.time())
    try:
        for poller in pollers:
            for collector in (
                DISCOVERY,
                SEGMENTS,
                SESSIONS,
            ):  # names before the values of the named
                if collector in poller.watch.intervals:
                    poller.poll(collector)
    finally:
        for poller in pollers:
            poller.stop()
            poller.join()
    page = (
        store.snapshot().pages[Format.TEXT].with_tail(telemetry.render(Format.TEXT), gzipped=False)
    )
    return page, not store.incomplete()
