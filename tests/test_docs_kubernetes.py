"""docs/kubernetes.md and the chart's README show values that the chart takes."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chartfiles import CHART, ROOT
from tests.helm import MIDDLE, lint, render
from tests.kubernetes import faults

PAGE = (ROOT / "docs/kubernetes.md").read_text()
README = (CHART / "README.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_values_on_the_page_are_right(example: str) -> None:
    """Each can be installed as it stands."""
    values = yaml.safe_load(example)
    made = render(values)

    assert lint(values) == []
    known = [each for each in made.objects if each["kind"] != "ExternalSecret"]
    assert [fault for each in known for fault in faults(each, MIDDLE)] == []


def test_the_commands_on_the_page_make_what_they_say(tmp_path: Path) -> None:
    """The chart takes the file of the first lines, and makes the names that follow."""
    commands = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[0]
    script = re.sub(r"^(kubectl|helm) .*$", "", commands, flags=re.MULTILINE)
    subprocess.run(["sh", "-eu", "-c", script], cwd=tmp_path, check=True, timeout=10)
    (release,) = set(re.findall(r"helm -n braze (?:install|test) (\S+)", commands))
    made = render(yaml.safe_load((tmp_path / "values.yaml").read_text()), release=release)

    assert f"deployment/{made.one('Deployment')['metadata']['name']} --" in PAGE
    assert f"serverName: {made.one('Service')['metadata']['name']}.braze.svc" in PAGE
    secret, workspace = re.findall(r"secret generic (\w+) --from-file=(\w+)=", commands)[0]
    (keys,) = [
        volume["projected"]["sources"]
        for volume in made.one("Deployment")["spec"]["template"]["spec"]["volumes"]
        if volume["name"] == "keys"
    ]
    assert keys == [{"secret": {"name": secret, "items": [{"key": workspace, "path": workspace}]}}]


def test_settings_can_be_pasted_from_their_own_page() -> None:
    """All of them, but for what the chart itself sets."""
    page = (ROOT / "docs/configuration.md").read_text()
    settings = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    del settings["web"]["listen_address"], settings["web"]["config_file"]

    made = yaml.safe_load(render({"config": settings}).one("ConfigMap")["data"]["exporter.yml"])

    assert made == settings


def test_links_lead_to_files() -> None:
    """Beside the page or above it."""
    for target in re.findall(r"\]\(([^):#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


def test_values_that_are_named_exist() -> None:
    """In the text of the page; what is in `config` has a schema of its own."""
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    for name in re.findall(r"`((?:networkPolicy|service|serviceMonitor)\.[\w.]+)`", PAGE):
        here = schema
        for key in name.split("."):
            here = here["properties"][key]


def test_the_readme_installs_what_the_page_does() -> None:
    """Its one line of values."""
    values = dict(re.findall(r"--set (\S+)=(\S+)", README))

    assert values == {
        "existingSecret": "braze",
        "config.workspaces.production.endpoint": "US-01",
    }
