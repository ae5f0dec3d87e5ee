"""An exporter and the simulated Braze it polls, as real processes, and what its page must say."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench.processes import Caller, Running, free_port, running
from exporter.simulator import DEFAULT_KEY, World
from tests.soak.truth import large
from tests.stack import until

SHOP = "shop"
CONCURRENCY = 2
POLL = {"segments": "2s", "sessions": "10s", "discovery": "5s"}

_SEED = 11
_LEAKING = Path(__file__).with_name("leaking.py")
_SIZE = re.compile(
    rb'^braze_segment_size\{workspace="shop",segment_id="([^"]+)"\} (\S+)$', re.MULTILINE
)
_WORKSPACE = re.compile(rb'[{,]workspace="([^"]+)"')


@dataclass(frozen=True)
class Shop:
    """A simulated workspace of Braze, and the settings file of the exporter that watches it."""

    braze: str
    world: World
    file: Path

    def workspace(self, **changes: object) -> dict[str, Any]:
        """The settings of a workspace that watches this one."""
        return {
            "endpoint": self.braze,
            "api_key": DEFAULT_KEY,
            "segments": {"discover": False, "ids": [each.id for each in large(self.world)]},
            "apps": {app.name: app.id for app in self.world.apps},
            "requests_per_hour": 250_000,
            "concurrency": CONCURRENCY,
            **changes,
        }

    def write(self, workspaces: Mapping[str, object], **more: object) -> None:
        """Replace the settings; a reload then reads them."""
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"workspaces": workspaces, "poll": POLL, **more}))
        new.replace(self.file)

    def wrong(self, page: bytes) -> str | None:
        """What a page, in either format, says other than the truth."""
        shown = {key.decode(): float(value) for key, value in _SIZE.findall(page)}
        now = datetime.now(UTC)
        # At midnight the size of the day before stands until the next poll.
        for moment in (now, now - timedelta(seconds=30)):
            if shown == _sizes(self.world, moment.date()):
                return None
        return f"sizes {shown} instead of {_sizes(self.world, now.date())}"


@lru_cache(maxsize=2)
def _sizes(world: World, day: date) -> dict[str, float]:
    return {each.id: float(world.segment_size(each.id, day)) for each in large(world)}


def page_of(process: Running) -> bytes:
    """What a scrape gets."""
    with closing(Caller(process.port)) as caller:
        return caller.ask().body


def workspaces_on(page: bytes) -> frozenset[str]:
    """The workspaces that a page says anything of."""
    return frozenset(name.decode() for name in _WORKSPACE.findall(page))


@contextmanager
def watched(folder: Path, *leaks: str) -> Iterator[tuple[Running, Shop]]:
    """The exporter and its shop at work, polled once. `leaks` are for `leaking`, on purpose."""
    now = datetime.now(UTC)
    port, theirs = free_port(), free_port()
    shop = Shop(f"http://127.0.0.1:{theirs}", World(_SEED, now), folder / "exporter.yml")
    shop.write({SHOP: shop.workspace()})
    braze: tuple[str | Path, ...] = (
        *(sys.executable, "-m", "exporter", "simulate", f"--seed={_SEED}"),
        *(f"--clock={now.isoformat()}", f"--web.listen-address=127.0.0.1:{theirs}"),
    )
    program: tuple[str | Path, ...] = (
        (_LEAKING, shop.file, *leaks, "--") if leaks else ("-m", "exporter")
    )
    serve: tuple[str | Path, ...] = (
        *(sys.executable, *program, "serve", "--log.level=error"),
        *(f"--web.listen-address=127.0.0.1:{port}", f"--config.file={shop.file}"),
    )
    with running(braze, theirs, folder), running(serve, port, folder) as process:
        process.wait_for("/-/ready")
        until(lambda: shop.wrong(page_of(process)) is None, "the page is right")
        yield process, shop
