"""The contract, as bytes: one whole page at a fixed clock, in both formats."""

import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

from exporter import catalog
from exporter.negotiation import Format
from tests.golden import PAGES, pages
from tests.machine import program


@pytest.mark.parametrize("form", Format)
def test_the_page_is_the_golden_one(form: Format) -> None:
    """Every change of a name, label, help or value shows as a diff (`make golden`)."""
    assert pages()[form].decode() == PAGES[form].read_text()


def test_promtool_has_nothing_to_say() -> None:
    """`promtool check metrics` is clean on the text."""
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=PAGES[Format.TEXT].read_bytes(),
        capture_output=True,
        timeout=30,
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_both_formats_say_the_same() -> None:
    """prometheus_client's parsers, the strict one for OpenMetrics, read the same samples."""
    samples = {
        form: {
            (sample.name, tuple(sorted(sample.labels.items())), sample.value)
            for family in parse(PAGES[form].read_text())
            for sample in family.samples
        }
        for form, parse in ((Format.TEXT, text), (Format.OPENMETRICS, openmetrics))
    }

    assert samples[Format.TEXT] == samples[Format.OPENMETRICS]
    assert len(samples[Format.TEXT]) > 100


def test_only_the_catalogue_is_exported() -> None:
    """Every family on the page is a row of the catalogue, with its labels."""
    rows = {metric.name: set(metric.labels) for metric in catalog.metrics()}
    for family in text(PAGES[Format.TEXT].read_text()):
        for sample in family.samples:
            name = family.name + ("_total" if family.type == "counter" else "")

            assert set(sample.labels) - {"le"} == rows[name]
