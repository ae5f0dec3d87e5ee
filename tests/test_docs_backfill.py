"""docs/backfill.md says what the command says and does."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import cli
from exporter.backfill import page_ends
from exporter.backfilling import HEAD
from exporter.model import Unit
from exporter.samplefile import Span
from exporter.simulator import APP_IDS, Server
from tests.doubles import KEY

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/backfill.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
PROMTOOL = re.compile(r"promtool tsdb create-blocks-from .*")

Write = Callable[[Mapping[str, object]], Path]


@pytest.fixture
def own_flags(capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The flags of `backfill` that are not settings."""
    with pytest.raises(SystemExit):
        cli.main(["backfill", "--help"])
    return set(re.findall(r"--[a-z][a-z-]+(?=[ ,\]])", capsys.readouterr().out)) - {"--help"}


def test_every_flag_is_explained(own_flags: set[str]) -> None:
    """Those of the command itself stand in the page."""
    assert own_flags >= {"--days", "--prometheus", "--output"}
    assert not {flag for flag in own_flags if flag not in PAGE}


def test_the_commands_have_only_flags_that_exist(own_flags: set[str]) -> None:
    """They can be pasted."""
    commands = [
        line
        for kind, block in BLOCKS
        if kind == "sh"
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("braze-exporter backfill ")
    ]

    assert len(commands) == 3
    for command in commands:
        assert set(re.findall(r"--\S+", command)) <= own_flags | {"--config.file"}, command


def test_the_promtool_line_is_the_one_that_the_command_prints(
    simulator: Server,
    write: Write,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where it cannot know the folder of Prometheus. The demo makes blocks of the same length."""
    workspace = {
        "endpoint": simulator.url,
        "api_key": KEY,
        "segments": {"discover": False},
        "apps": {"ios": APP_IDS["ios"]},
        "sessions": {"units": ["day"]},
    }
    config = write({"workspaces": {"shop": workspace}})
    monkeypatch.chdir(tmp_path)

    code = cli.main(
        [
            *("backfill", f"--config.file={config}", "--output=history.om"),
            *("--days=1", "--step=1h", "--job=braze", "--instance=localhost:10068"),
        ]
    )
    said = PROMTOOL.search(capsys.readouterr().out)

    assert code == 0
    assert said is not None
    assert said[0] in PAGE.splitlines()
    longest = re.findall(r"--max-block-duration=\d+\w", said[0])
    for file in ("prometheus/example/with-history", "bench/backfill.py"):
        assert longest == re.findall(r"--max-block-duration=\d+\w", (ROOT / file).read_text())


def test_it_says_where_the_file_ends() -> None:
    """Three hours before now."""
    assert HEAD == 3 * 3600
    assert "### Why it ends three hours before now" in PAGE


def test_it_says_how_many_requests_it_takes() -> None:
    """For the default of 100 days."""
    span = Span(1_700_000_000, 1_700_000_000 + 100 * 86_400, 300)
    days, hours = (len(page_ends(unit, span)) for unit in (Unit.DAY, Unit.HOUR))

    assert f"{days} times for a series of\ndays and {hours} times for one of hours" in PAGE


def test_what_was_tried_is_there() -> None:
    """The tests that the page names."""
    named = re.findall(r"`(tests/\w+\.py)`", PAGE)

    assert named
    for path in named:
        assert (ROOT / path).is_file(), path


def test_the_labels_that_change_are_dropped() -> None:
    """The example is YAML, and drops `pod`."""
    (example,) = (yaml.safe_load(block) for kind, block in BLOCKS if kind == "yaml")
    (endpoint,) = example["endpoints"]
    rules: list[dict[str, Any]] = endpoint["relabelings"]

    assert any(
        rule.get("action") == "labeldrop" and re.fullmatch(rule["regex"], "pod") for rule in rules
    )
