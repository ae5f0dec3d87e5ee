"""docs/web-config.md and docs/systemd.md say what the code does."""

import dataclasses
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from exporter.cli import main
from exporter.webconfig import read
from exporter.webformat import ENTRIES, Tls
from tests.certificates import Authority
from tests.machine import program

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "web-config.md").read_text()
BASIC, MUTUAL, SCRAPE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
UNIT = DOCS / "braze-exporter.service"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the files that the examples name."""
    Authority(tmp_path, "clients-ca").issue("server")
    return tmp_path


@pytest.mark.parametrize("example", [BASIC, MUTUAL])
def test_the_examples_are_right(folder: Path, example: str) -> None:
    """They can be pasted."""
    (folder / "web.yml").write_text(example)

    assert read(folder / "web.yml").mistakes == ()


def test_the_scrape_configuration_is_prometheuss_own(tmp_path: Path) -> None:
    """It can be pasted as well, apart from the folder."""
    made = Authority(tmp_path, "exporter-ca").issue("client")
    (tmp_path / "braze-exporter.password").write_text("x")
    config = tmp_path / "prometheus.yml"
    config.write_text(SCRAPE.replace("/etc/prometheus", str(made[0].parent)))

    subprocess.run([program("promtool"), "check", "config", str(config)], check=True)


def test_the_messages_are_real(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the page shows are those of such a file."""
    monkeypatch.chdir(folder)
    Authority(folder, "other").issue("other")
    pair = "tls_server_config:\n  cert_file: server.pem\n  key_file: {}.key\n"
    shown = ""
    for key, password in (("other", HASH_OF_THE_PAGE), ("server", "s3cret")):
        users = f"basic_auth_users:\n  prometheus: {password}\n"
        Path("web.yml").write_text(pair.format(key) + users)
        shown += "".join(f"{line}\n" for line in read(Path("web.yml")).mistakes)

    assert f"```\n{shown}```" in PAGE


HASH_OF_THE_PAGE = BASIC.split()[-1]


def test_the_defaults_of_the_table_are_those_of_the_code() -> None:
    """Empty stands for none."""
    real = {field.name: field.default for field in dataclasses.fields(Tls)}
    for entry in ENTRIES:
        if entry.section == "tls_server_config":
            said = entry.read(entry.default) if entry.default else None
            assert said == (real[entry.key] or None), entry.key


def test_the_unit_runs_a_command_that_exists(capsys: pytest.CaptureFixture[str]) -> None:
    """Its words are understood: the file they name is what is missing here."""
    [command] = re.findall("^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    program_, *words = shlex.split(command)

    assert program_.endswith("/bin/braze-exporter")
    assert main(words) == 2
    assert "/etc/braze-exporter/exporter.yml: does not exist" in capsys.readouterr().err


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """And has little to say against it."""
    analyze = program("systemd-analyze", "systemd")
    unit = tmp_path / UNIT.name
    text = re.sub(r"(?m)^ExecStart=[^ ]*", "ExecStart=/bin/true", UNIT.read_text())
    unit.write_text(text)

    verified = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", str(unit)],
        check=True,
        capture_output=True,
    )
