"""What a workspace's requests are sent with: while one of them waits, other threads compute."""

import threading
from collections.abc import Iterator
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


class Throttling:
    """A Braze that asks everybody to come back later."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def get(self, *_: object) -> Reply:
        self.asked.set()
        return Reply(429, {"retry-after": "9"}, b"")


@pytest.fixture
def braze() -> Throttling:
    return Throttling()


@pytest.fixture
def account(braze: Throttling) -> Iterator[Account]:
    settings = Workspace.model_validate({"endpoint": "https://braze.invalid", "api_key": "secret"})
    counters = Telemetry(process=False).of("shop", {"/segments/list"})
    with Account(
        "shop", settings, 5.0, ApiKey.of("secret"), counters, through=lambda _: braze
    ) as made:
        yield made


def test_while_a_request_waits_for_its_next_attempt_others_compute(
    braze: Throttling, account: Account
) -> None:
    def ask() -> None:
        with computing(60):
            account.client.segments()

    def compute() -> bool:
        with computing(60):
            return True

    with ThreadPoolExecutor(2) as threads:
        request = threads.submit(ask)
        assert braze.asked.wait(5)
        assert threads.submit(compute).result(8)  # sooner than the nine seconds
        account.stop()
        with pytest.raises(Interrupted):
            request.result(5)
