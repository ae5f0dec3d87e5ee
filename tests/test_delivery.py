"""What builds, ships and deploys: each file passes the linters that know its kind."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.machine import linter

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = sorted(ROOT.glob("compose*.yaml"))
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
DEPENDABOT = ROOT / ".github/dependabot.yml"
YAML_STYLE = """{extends: default, rules: {
    document-start: disable, line-length: disable, truthy: {check-keys: false}}}"""


def passes(tool: str, *words: str | Path) -> None:
    """The linter finds nothing."""
    found = subprocess.run([linter(tool), *words], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_dockerfile_keeps_hadolints_rules() -> None:
    passes("hadolint", "Dockerfile")


@pytest.mark.parametrize(
    ("schema", "files"),
    [("compose-spec", COMPOSE), ("github-workflows", WORKFLOWS), ("dependabot", [DEPENDABOT])],
    ids=["compose", "workflows", "dependabot"],
)
def test_files_are_of_their_schema(schema: str, files: list[Path]) -> None:
    assert files
    passes("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


def test_workflows_are_right_and_safe() -> None:
    """GitHub's expressions and contexts (actionlint), and what an attacker looks for, such as an
    action that is not pinned to a commit (zizmor).
    """
    passes("actionlint", *WORKFLOWS)
    passes("zizmor", "--offline", ".github")


def test_yaml_is_tidy() -> None:
    passes("yamllint", "--strict", "-d", YAML_STYLE, *COMPOSE, "compose", ".github")


def test_the_deployment_page_says_what_the_files_do() -> None:
    """Base, user, port and how far back: the image's and the stack's own."""
    page = (ROOT / "docs/deployment.md").read_text()
    *_, base = re.findall(r"^FROM (\S+?)(?::\S+)?$", DOCKERFILE, re.MULTILINE)
    (user,) = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    (port,) = re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]

    assert f"| base | `{base}`" in page
    assert f"| user | {user};" in page
    assert f"| port | {port} |" in page
    (days,) = re.findall(r"gets (\d+) days", page)
    assert f"--days={days}" in services["history"]["command"]
    for name in ("grafana", "prometheus", "alertmanager", "exporter"):
        (published,) = services[name]["ports"]
        assert f"| http://localhost:{published.split(':')[1]}" in page
