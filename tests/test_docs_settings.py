"""docs/configuration.md says what the code does."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from exporter.config import ConfigError, load, reference
from exporter.reference import render_settings_table

PAGE = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text()
SMALLEST, FULL = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
VARIABLES = {  # as a shell reads them
    name: "".join(shlex.split(value))
    for name, value in re.findall(r"^export (BRAZE_EXPORTER_\w+)=(.*)$", PAGE, re.MULTILINE)
}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """What stands for /run/secrets/braze."""
    path = tmp_path / "key"
    path.write_text("the-key\n")
    return path


def test_the_table_is_the_generated_one() -> None:
    """Every setting is in it, with its default. To renew it, run `make docs`."""
    table = PAGE.partition("<!-- settings -->\n")[2].partition("\n<!-- /settings -->")[0]
    assert table == render_settings_table(reference())


def test_every_setting_is_described() -> None:
    """With a type, and a description that is no sentence, as a cell of a table."""
    for row in reference():
        assert row.type, row.path
        assert row.description, row.path
        assert not row.description.endswith("."), row.path


@pytest.mark.parametrize("example", [SMALLEST, FULL])
def test_the_examples_are_right(example: str, key_file: Path) -> None:
    """They can be pasted."""
    file = key_file.with_name("exporter.yml")
    file.write_text(example.replace("/run/secrets/braze", str(key_file)))
    assert load(file, {}, {}).workspaces["production"].api_key_file == key_file


def test_the_full_example_holds_every_setting() -> None:
    """Except for `api_key`, which would contradict `api_key_file`."""
    tree = yaml.safe_load(FULL)
    for row in reference():
        section = tree
        for key in row.keys[:-1]:
            section = section["production" if key == "<name>" else key]
        assert row.keys[-1] in section or row.path.endswith(".api_key"), row.path


def test_the_full_example_shows_the_defaults(key_file: Path) -> None:
    """Wherever a comment does not say otherwise, leaving a line out changes nothing."""
    file = key_file.with_name("exporter.yml")
    full = FULL.replace("/run/secrets/braze", str(key_file))
    lines = full.splitlines()
    file.write_text(full)
    settings = load(file, {}, {})
    for index, line in enumerate(lines):
        if not re.match(r" +\w+: +[^ #]", line) or re.search(r"# (default|required)", line):
            continue
        if re.match(r"      (ios|android):", line):
            continue
        file.write_text("\n".join(lines[:index] + lines[index + 1 :]))
        assert load(file, {}, {}) == settings, line


def test_the_variables_are_right(key_file: Path) -> None:
    """One workspace needs no file."""
    variables = {
        name: value.replace("/run/secrets/braze", str(key_file))
        for name, value in VARIABLES.items()
    }
    assert load(None, {}, variables).workspaces["production"].apps.keys() == {"ios"}


def test_the_messages_are_real(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the page shows are those of such a file."""
    monkeypatch.chdir(key_file.parent)
    Path("exporter.yml").write_text(
        "workspaces:\n"
        "  production:\n"
        "    endpoint: https://sdk.iad-01.braze.com\n"
        "    apikey: the-key\n"
        "    alerts:\n"
        "      drop: 30\n"
        "    api_key_file: key\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(Path("exporter.yml"), {"log.format": "xml"}, {"BRAZE_EXPORTER_LOG_LEVEL": "info"})
    assert f"```\n{caught.value}\n```" in PAGE
