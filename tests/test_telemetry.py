"""What the exporter counts about itself: there from the start, gone when nobody is meant by it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter import __version__
from exporter.catalog import COUNTED, REASONS
from exporter.model import RateLimit
from exporter.negotiation import Format
from exporter.telemetry import Telemetry

LIST, SIZES, SESSIONS = "/segments/list", "/segments/data_series", "/sessions/data_series"
Sample = tuple[str, frozenset[str]]


def samples(telemetry: Telemetry) -> dict[Sample, float]:
    """The values on the page, by name and label values."""
    text = telemetry.render(Format.TEXT).decode()
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


def of(page: dict[Sample, float], name: str) -> dict[frozenset[str], float]:
    """The samples of one metric of ours, without `braze_exporter_`."""
    return {
        labels: value for (each, labels), value in page.items() if each == f"braze_exporter_{name}"
    }


def labels(*values: str) -> frozenset[str]:
    return frozenset(values)


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(revision="abc", process=False)


# From the start


def test_every_counter_stands_at_0_from_the_start(telemetry: Telemetry) -> None:
    """For each endpoint that will be asked, and for each reason: else a first failure would be no
    increase.
    """
    telemetry.of("shop", [LIST, SIZES])
    page = samples(telemetry)

    assert of(page, "api_requests_total") == {labels("shop", LIST): 0, labels("shop", SIZES): 0}
    assert of(page, "api_request_failures_total") == {
        labels("shop", endpoint, reason): 0 for endpoint in (LIST, SIZES) for reason in REASONS
    }
    assert of(page, "api_throttled_seconds_total") == {labels("shop"): 0}
    assert of(page, "api_request_duration_seconds_count") == {labels(LIST): 0, labels(SIZES): 0}


def test_what_braze_has_not_said_is_absent(telemetry: Telemetry) -> None:
    """The rate limit is unknown until a header names it; 0 would be a lie."""
    telemetry.of("shop", [LIST])

    assert not {name for name, _ in samples(telemetry) if "rate_limit" in name}


def test_build_info_says_what_runs(telemetry: Telemetry) -> None:
    """Version, commit and Python."""
    [found] = of(samples(telemetry), "build_info")

    assert {__version__, "abc"} < found


def test_every_counted_metric_is_in_the_catalogue(telemetry: Telemetry) -> None:
    """Names, types, labels and help are those of the table that the documentation shows."""
    counters = telemetry.of("shop", [LIST])
    counters.rate_limit(RateLimit(1, 1, 1.0))
    counters.requested(LIST, 1.0, "tls")
    telemetry.settings_read(1.0)
    families = {f.name: f for f in parse_text(telemetry.render(Format.TEXT).decode())}

    assert len(families) == len(COUNTED)
    for metric in COUNTED:
        family = families[metric.name.removesuffix("_total")]
        assert family.type == ("gauge" if metric.type == "info" else metric.type)
        assert family.documentation == metric.help
        used = {label for sample in family.samples for label in sample.labels}
        assert used - {"le"} == set(metric.labels)


# Counting


def test_requests_are_counted_with_their_failures_and_durations(telemetry: Telemetry) -> None:
    """Every request counts once, a failed one also under its reason."""
    shop = telemetry.of("shop", [LIST, SIZES])
    shop.requested(SIZES, 0.3, None)
    shop.requested(SIZES, 2.0, "timeout")
    page = samples(telemetry)

    assert of(page, "api_requests_total")[labels("shop", SIZES)] == 2
    assert of(page, "api_requests_total")[labels("shop", LIST)] == 0
    assert of(page, "api_request_failures_total")[labels("shop", SIZES, "timeout")] == 1
    assert sum(of(page, "api_request_failures_total").values()) == 1
    assert of(page, "api_request_duration_seconds_sum")[labels(SIZES)] == 2.3
    assert of(page, "api_request_duration_seconds_bucket")[labels(SIZES, "0.5")] == 1


def test_the_rate_limit_is_what_braze_said_last(telemetry: Telemetry) -> None:
    """A header that is missing or empty leaves standing what was known."""
    shop = telemetry.of("shop", [LIST])
    shop.rate_limit(RateLimit(250_000, 249_000, 1.7e9))
    shop.rate_limit(RateLimit(None, 248_000, None))
    page = samples(telemetry)

    assert of(page, "api_rate_limit") == {labels("shop"): 250_000}
    assert of(page, "api_rate_limit_remaining") == {labels("shop"): 248_000}
    assert of(page, "api_rate_limit_reset_timestamp_seconds") == {labels("shop"): 1.7e9}


def test_waits_add_up(telemetry: Telemetry) -> None:
    """Over all threads of a workspace."""
    shop = telemetry.of("shop", [LIST])
    shop.throttled(1.5)
    shop.throttled(0.5)

    assert of(samples(telemetry), "api_throttled_seconds_total") == {labels("shop"): 2}


def test_a_failed_reload_keeps_the_moment_of_the_last_good_one(telemetry: Telemetry) -> None:
    """So that the time since then can be alerted on."""
    telemetry.settings_read(1000.0)
    telemetry.settings_read(None)
    page = samples(telemetry)

    assert of(page, "config_last_reload_successful") == {labels(): 0}
    assert of(page, "config_last_reload_success_timestamp_seconds") == {labels(): 1000}

    telemetry.settings_read(2000.0)
    page = samples(telemetry)
    assert of(page, "config_last_reload_successful") == {labels(): 1}
    assert of(page, "config_last_reload_success_timestamp_seconds") == {labels(): 2000}


# Reloads


def test_a_workspace_that_is_polled_anew_counts_on(telemetry: Telemetry) -> None:
    """Its counters do not start over when its settings change: that would look like a restart."""
    telemetry.of("shop", [LIST, SIZES]).requested(SIZES, 1.0, "tls")
    telemetry.of("shop", [LIST, SIZES]).requested(SIZES, 1.0, None)
    page = samples(telemetry)

    assert of(page, "api_requests_total")[labels("shop", SIZES)] == 2
    assert of(page, "api_request_failures_total")[labels("shop", SIZES, "tls")] == 1


def test_who_was_replaced_counts_nothing(telemetry: Telemetry) -> None:
    """A poll of the old settings may still run: what it does is nobody's."""
    old = telemetry.of("shop", [LIST])
    telemetry.of("shop", [LIST])
    before = samples(telemetry)
    old.requested(LIST, 1.0, "tls")
    old.rate_limit(RateLimit(1, 1, 1.0))
    old.throttled(1.0)

    assert samples(telemetry) == before


def test_an_endpoint_that_is_asked_no_more_goes(telemetry: Telemetry) -> None:
    """With its failures; other workspaces keep theirs."""
    telemetry.of("shop", [LIST, SESSIONS])
    telemetry.of("lab", [LIST, SESSIONS])
    telemetry.of("shop", [LIST])
    page = samples(telemetry)

    assert set(of(page, "api_requests_total")) == {
        labels("shop", LIST),
        labels("lab", LIST),
        labels("lab", SESSIONS),
    }
    assert len(of(page, "api_request_failures_total")) == 3 * len(REASONS)


def test_a_forgotten_workspace_is_gone_for_good(telemetry: Telemetry) -> None:
    """Nothing of it is on the page, whoever still calls."""
    telemetry.of("lab", [LIST])
    old = telemetry.of("shop", [LIST, SIZES])
    old.rate_limit(RateLimit(1, 1, 1.0))
    telemetry.forget("shop")
    old.requested(LIST, 1.0, "tls")
    old.rate_limit(RateLimit(2, 2, 2.0))
    old.throttled(1.0)

    assert not [sample for sample in samples(telemetry) if "shop" in sample[1]]
    assert labels("lab", LIST) in of(samples(telemetry), "api_requests_total")


def test_a_workspace_may_come_back(telemetry: Telemetry) -> None:
    """And starts at 0, as one that was never there."""
    telemetry.of("shop", [LIST]).requested(LIST, 1.0, None)
    telemetry.forget("shop")
    telemetry.of("shop", [LIST])

    assert of(samples(telemetry), "api_requests_total") == {labels("shop", LIST): 0}


def test_scrapes_reloads_and_requests_do_not_disturb_one_another(telemetry: Telemetry) -> None:
    """Eight threads count and reload while pages are rendered: none fails, and nothing is lost
    that counted.
    """
    counted = telemetry.of("lab", [LIST])
    done = threading.Event()

    def count(_: int) -> None:
        for _ in range(300):
            counted.requested(LIST, 0.1, "tls")

    def change(number: int) -> None:
        for _ in range(50):
            telemetry.of(f"shop_{number}", [LIST, SIZES])
            telemetry.of(f"shop_{number}", [SIZES])
            telemetry.forget(f"shop_{number}")

    def scrape() -> None:
        while not done.is_set():
            telemetry.render(Format.TEXT)

    with ThreadPoolExecutor(9) as threads:
        scraping = threads.submit(scrape)
        working = [threads.submit(each, n) for n in range(4) for each in (count, change)]
        for each in working:
            each.result(30)
        done.set()
        scraping.result(30)

    assert of(samples(telemetry), "api_requests_total") == {labels("lab", LIST): 1200}


# Formats


def test_both_formats_say_the_same(telemetry: Telemetry) -> None:
    """Each is read by its own parser; OpenMetrics ends as it has to."""
    telemetry.of("shop", [LIST]).requested(LIST, 1.0, "tls")
    telemetry.settings_read(5.0)
    text = telemetry.render(Format.TEXT).decode()
    openmetrics = telemetry.render(Format.OPENMETRICS).decode()

    assert openmetrics.endswith("# EOF\n")
    assert "# EOF" not in text
    by_text = {
        (s.name, frozenset(s.labels.items())): s.value for f in parse_text(text) for s in f.samples
    }
    by_openmetrics = {
        (s.name, frozenset(s.labels.items())): s.value
        for f in parse_openmetrics(openmetrics)
        for s in f.samples
    }
    assert by_text == by_openmetrics


@pytest.mark.parametrize("form", list(Format))
def test_no_series_says_when_another_was_created(telemetry: Telemetry, form: Format) -> None:
    """`_created` would double the counters, for nothing that we ask."""
    telemetry.of("shop", [LIST]).requested(LIST, 1.0, "tls")

    assert b"_created" not in telemetry.render(form)


def test_the_process_is_described_where_one_runs() -> None:
    """Memory, descriptors, Python and its garbage collector; not for `once`, whose process is over
    when the page is read.
    """
    page = Telemetry().render(Format.TEXT)

    for name in (
        b"process_resident_memory_bytes",
        b"process_open_fds",
        b"python_info",
        b"python_gc_",
    ):
        assert name in page
        assert name not in Telemetry(process=False).render(Format.TEXT)


def test_a_request_to_an_endpoint_that_nobody_expected_counts_too(telemetry: Telemetry) -> None:
    """`discover` asks for the list whatever the settings poll."""
    telemetry.of("shop", [SIZES]).requested(LIST, 1.0, "tls")

    assert of(samples(telemetry), "api_requests_total")[labels("shop", LIST)] == 1


def test_a_page_that_is_made_while_something_counts_does_not_stand(telemetry: Telemetry) -> None:
    """What is half counted on one page is whole on the next, though nothing else happens."""
    shop = telemetry.of("shop", [LIST])
    counted = threading.Event()

    def scrape() -> None:
        while not counted.is_set():
            telemetry.render(Format.TEXT)

    with ThreadPoolExecutor(2) as pool:
        scrapes = [pool.submit(scrape) for _ in range(2)]
        for _ in range(500):
            shop.requested(LIST, 1.0, "tls")
        counted.set()
        for each in scrapes:
            each.result(60)

    page = samples(telemetry)
    assert of(page, "api_requests_total") == {labels("shop", LIST): 500}
    assert of(page, "api_request_failures_total")[labels("shop", LIST, "tls")] == 500


def test_what_the_process_uses_is_that_of_the_last_look() -> None:
    """A scrape does not look itself: that would cost it more than all the rest."""
    telemetry = Telemetry()
    before = of_process(telemetry)
    begun = time.process_time()
    while time.process_time() < begun + 0.05:  # five of Linux's ticks
        pass
    assert of_process(telemetry) == before

    telemetry.look()
    assert of_process(telemetry) > before


def of_process(telemetry: Telemetry) -> float:
    """The CPU time that the page shows."""
    return samples(telemetry)["process_cpu_seconds_total", frozenset()]


# The quota


def test_what_braze_said_last_of_its_limit_is_known(telemetry: Telemetry) -> None:
    """A header that is missing leaves what was known; a reload does too."""
    shop = telemetry.of("shop", [LIST])
    shop.rate_limit(RateLimit(250_000, 90, 1000.0))
    shop.rate_limit(RateLimit(None, 89, None))
    before = telemetry.quotas()
    telemetry.of("shop", [LIST])

    assert before == telemetry.quotas() == {"shop": RateLimit(250_000, 89, 1000.0)}


def test_nothing_is_known_of_a_limit_before_braze_names_it(telemetry: Telemetry) -> None:
    """Nor of that of a workspace that is gone."""
    telemetry.of("shop", [LIST])
    telemetry.of("gone", [LIST]).rate_limit(RateLimit(1, 1, 1.0))
    telemetry.forget("gone")

    assert telemetry.quotas() == {"shop": RateLimit()}
