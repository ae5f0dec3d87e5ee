"""A visit counts what it costs, and compares the clocks."""

import pytest

from exporter.client import BrazeError
from exporter.config import Workspace
from exporter.secretfile import ApiKey
from exporter.simulator import Server
from exporter.visit import Visit, ahead_of
from tests.doubles import KEY, no_thread_left
from tests.fakes import at


def test_requests_limit_and_clock_are_noted(simulator: Server) -> None:
    """Those of retries too."""
    simulator.simulator.faults.add("server-error-500*1")
    with no_thread_left(), a_visit(simulator) as visit:
        assert len(visit.client.segments()) == 12

        assert visit.requests == len(simulator.requests) == 2
        assert visit.limit.limit == 250_000
        assert visit.ahead is not None
        assert abs(visit.ahead) < 2


def test_a_refusal_leaves_what_was_known_of_the_limit(simulator: Server) -> None:
    """The headers of a 401 are there and empty."""
    with a_visit(simulator) as visit:
        visit.client.segments()
        simulator.simulator.faults.add("unauthorized")
        with pytest.raises(BrazeError, match="unauthorized"):
            visit.client.segments()

        assert visit.limit.remaining is not None


def test_a_clock_is_off_only_by_what_the_request_cannot_explain() -> None:
    """`Date` has whole seconds, and the answer may have taken a while."""
    date, noon = "Wed, 13 Mar 2024 12:00:00 GMT", at("2024-03-13T12:00")

    assert ahead_of(date, noon - 5, noon + 5) == 0
    assert ahead_of(date, noon + 0.9, noon + 1) == 0
    assert ahead_of(date, noon + 300, noon + 301) == 300
    assert ahead_of(date, noon - 301, noon - 300) == -300
    assert ahead_of("", noon, noon) is None
    assert ahead_of("yesterday", noon, noon) is None


def a_visit(server: Server) -> Visit:
    workspace = Workspace.model_validate({"endpoint": server.url, "api_key": KEY})
    return Visit("shop", workspace, 5.0, ApiKey.of(KEY))
