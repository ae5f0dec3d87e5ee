"""One poll of everything, without a schedule: for `once`."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from exporter.config import Settings
from exporter.negotiation import Format
from exporter.poller import Poller
from exporter.secretfile import ApiKey
from exporter.snapshot import Store
from exporter.telemetry import Telemetry


def poll_once(settings: Settings, keys: Mapping[str, ApiKey]) -> tuple[bytes, bool]:
    """The metrics in the text format, without `process_*` and `python_*`, and whether all could be
    read. `keys` has the API key of each workspace.
    """
    store, telemetry = Store(time.time), Telemetry(process=False)
    pollers = [
        Poller(name, workspace, settings.poll, keys[name], store, telemetry, shard=settings.shard)
        for name, workspace in settings.workspaces.items()
    ]
    store.expect(poller.watch for poller in pollers)
    telemetry.settings_read(time.time())
    # A thread each, so that one that hangs delays no other.
    with ThreadPoolExecutor(len(pollers)) as threads:
        try:
            list(threads.map(_poll_all, pollers))
        finally:
            for poller in pollers:
                poller.stop()
    for poller in pollers:
        poller.join()
    page = store.snapshot().pages[Format.TEXT].plain + telemetry.render(Format.TEXT)
    return page, not store.incomplete()


def _poll_all(poller: Poller) -> None:
    for collector in poller.watch.intervals:
        poller.poll(collector)
