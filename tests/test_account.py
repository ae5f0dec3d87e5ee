"""What a workspace's requests are sent with: while one of them waits, other threads compute."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.account import Account
from exporter.config import Workspace
from exporter.limiter import Interrupted
from exporter.secretfile import ApiKey
from exporter.steps import computing
from exporter.telemetry import Telemetry
from exporter.transport import Reply

pytestmark = pytest.mark.usefixtures("threads")

ASKED = 9  # seconds to wait


class Braze:
    """Answers every request with this, and tells of it."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.asked = threading.Event()

    def get(self, *_: object) -> Reply:
        self.asked.set()
        return self._reply


def spent() -> Reply:
    """An empty list of segments, and nothing more for a while."""
    headers = {
        "x-ratelimit-limit": "250000",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(time.time()) + ASKED),
    }
    return Reply(200, headers, b'{"message": "success", "segments": []}')


def throttled() -> Reply:
    return Reply(429, {"retry-after": str(ASKED)}, b"")


@pytest.mark.parametrize("reply", [spent, throttled], ids=["limiter", "next attempt"])
def test_while_a_request_waits_others_compute(reply: Callable[[], Reply]) -> None:
    braze = Braze(reply())
    settings = Workspace.model_validate({"endpoint": "https://braze.invalid", "api_key": "secret"})
    counters = Telemetry(process=False).of("shop", {"/segments/list"})
    account = Account("shop", settings, 5.0, ApiKey.of("secret"), counters, through=lambda _: braze)

    def ask() -> None:
        with computing(60):
            while True:
                account.client.segments()

    def compute() -> bool:
        with computing(60):
            return True

    with ThreadPoolExecutor(2) as threads, account:
        request = threads.submit(ask)
        assert braze.asked.wait(5)
        assert threads.submit(compute).result(ASKED - 2)
        account.stop()
        with pytest.raises(Interrupted):
            request.result(5)
