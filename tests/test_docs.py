"""The documentation says what the code does: it is generated from it, or compared with it."""

import re
from pathlib import Path

import pytest

from exporter import __version__, catalog
from exporter.causes import CAUSES
from exporter.findings import Style
from tests.tables import MODULES, PACKAGE, pages

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(("page", "wanted"), pages().items(), ids=lambda value: str(value)[-20:])
def test_generated_parts_are_up_to_date(page: Path, wanted: str) -> None:
    """What `make docs` would write is what is committed."""
    assert page.read_text() == wanted


def test_the_map_of_the_code_has_every_module_once() -> None:
    """Nobody has to guess what a file is for."""
    named = [name for names in MODULES.values() for name in names]

    assert sorted(named) == sorted(path.stem for path in PACKAGE.glob("*.py"))


def test_the_readme_names_only_metrics_that_exist() -> None:
    """Every metric in the README is in the catalogue."""
    named = set(re.findall(r"\bbraze_[a-z0-9_]*[a-z0-9]\b", README))

    assert named <= {metric.name for metric in catalog.metrics()}


def test_the_example_of_doctor_is_what_doctor_writes() -> None:
    """A missing permission, on a terminal of 100 columns."""
    details = {
        "permission": "sessions.data_series",
        "endpoint": "/sessions/data_series",
        "values": "sessions to show",
        "permissions": "segments.data_series, segments.list, sessions.data_series",
    }
    name = "permission-missing"
    written = Style(width=100).write(CAUSES[name].finding(name, "production", details))

    assert written in (ROOT / "docs" / "doctor.md").read_text()


def test_every_test_that_the_threat_model_names_exists() -> None:
    """A threat is held by what is named beside it, each line of the table by something."""
    text = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`(test_\w+)::(test_\w+)`", text)
    missing = [
        f"{file}::{test}"
        for file, test in named
        if f"\ndef {test}(" not in (ROOT / "tests" / f"{file}.py").read_text()
    ]
    threats = re.findall(r"^\| .* \|$", text.partition("## Threats")[2], re.MULTILINE)

    assert missing == []
    assert [line for line in threats if "::" not in line and "held by" not in line] == []
    assert len(threats) > 15


def test_the_changelog_begins_with_this_version() -> None:
    """What is released is described."""
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert newest is not None
    assert newest[1] == __version__


def test_names_follow_prometheus_conventions() -> None:
    """Counters end in _total and nothing else does; infos end in _info; moments say their unit."""
    for metric in catalog.metrics():
        assert (metric.type == "counter") == metric.name.endswith("_total"), metric
        assert (metric.type == "info") == metric.name.endswith("_info"), metric
        assert metric.help.endswith("."), metric
        if "timestamp" in metric.name:
            assert metric.name.endswith("_timestamp_seconds"), metric


def test_no_metric_stands_twice_in_the_catalogue() -> None:
    """A name is one metric."""
    names = [metric.name for metric in catalog.metrics()]

    assert sorted(set(names)) == sorted(names)
