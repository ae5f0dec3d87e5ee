"""When there is no use in asking any more."""

import pytest

from exporter.refusals import Refusals

DAU, MAU = "/kpi/dau/data_series", "/kpi/mau/data_series"
OF_ALL = ("unauthorized", "rate_limited")


@pytest.mark.parametrize("reason", ["forbidden", *OF_ALL])
def test_so_many_refusals_in_a_row_are_final(reason: str) -> None:
    """Not one fewer, and an answer in between begins anew."""
    refusals = Refusals(3)
    for said in (reason, reason, None, reason, reason):
        refusals.note(DAU, said)
    assert not refusals.final(DAU)

    refusals.note(DAU, reason)
    assert refusals.final(DAU)


def test_a_missing_permission_is_of_its_endpoint_alone() -> None:
    """Between answers of another endpoint it is counted all the same."""
    refusals = Refusals(3)
    for _ in range(3):
        refusals.note(DAU, "forbidden")
        refusals.note(MAU, None)

    assert refusals.final(DAU)
    assert not refusals.final(MAU)


@pytest.mark.parametrize("reason", OF_ALL)
def test_an_unknown_key_and_a_spent_limit_are_of_every_endpoint(reason: str) -> None:
    """Of those that were never asked as well."""
    refusals = Refusals(3)
    for endpoint in (DAU, MAU, DAU):
        refusals.note(endpoint, reason)

    assert refusals.final("/events/data_series")


@pytest.mark.parametrize("reason", ["bad_request", "timeout", "server_error"])
def test_other_failures_are_the_single_series_own(reason: str) -> None:
    refusals = Refusals(1)
    refusals.note(DAU, reason)
    assert not refusals.final(DAU)


def test_who_asks_may_count_more_as_refusals() -> None:
    """Such as that there is no way to Braze at all."""
    refusals = Refusals(1, also=frozenset({"timeout"}))
    refusals.note(DAU, "timeout")
    assert refusals.final(MAU)
