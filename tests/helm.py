"""The chart as Helm's own code renders it; needs `make check-tools`.

`python -m tests.helm DIR` writes what it makes of each valid file into a folder of its own.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.chartfiles import CHART
from tests.machine import library

VALID = sorted((Path(__file__).parent / "chart/valid").glob("*.yaml"))
INVALID = sorted((Path(__file__).parent / "chart/invalid").glob("*.yaml"))

OLDEST, MIDDLE = "1.25.0", "1.30.0"
RELEASE, NAMESPACE = "rel", "mon"

Object = Mapping[str, Any]
"""An object of Kubernetes, as its YAML says it."""


@dataclass(frozen=True)
class Rendered:
    """What the chart makes: objects, and the notes for whoever installs it."""

    objects: tuple[Object, ...]
    notes: str
    texts: Mapping[str, str]

    def all(self, kind: str) -> list[Object]:
        """The objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    def one(self, kind: str) -> Object:
        """The only object of a kind."""
        (found,) = self.all(kind)
        return found

    @property
    def workload(self) -> Object:
        """What runs the exporter: a Deployment, or the StatefulSet of the shards."""
        (found,) = (*self.all("Deployment"), *self.all("StatefulSet"))
        return found


class Strict(yaml.SafeLoader):
    """Refuses what Kubernetes and Helm 4 refuse and PyYAML does not: a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(
                "in a mapping", node.start_mark, f"twice: {twice}"
            )
        return super().construct_mapping(node, deep)


def values_of(path: Path) -> dict[str, Any]:
    """The values of a file."""
    return yaml.safe_load(path.read_text()) or {}


@cache
def chart() -> Path:
    """The chart, with one more dashboard that templates like to trip over."""
    folder = Path(_scratch.name) / "chart"
    shutil.copytree(CHART, folder)
    board = {
        "title": "{{ .Values }}",
        "legend": "{{segment_name}}",
        "text": '"\\ \n: #',
        "max": 1e6,
    }
    boards = folder / "files/dashboards"
    boards.mkdir(exist_ok=True)
    (boards / "braze-odd.json").write_text(json.dumps(board, indent=2))
    return folder


_scratch = tempfile.TemporaryDirectory()  # gone with the process


def lint(values: Mapping[str, Any]) -> list[str]:
    """What `helm lint --strict` has to say, warnings and information included."""
    found = library("helm_python").lint(str(chart()), values=dict(values), strict=True)
    return [str(each) for each in (*found["messages"], *found["errors"])]


def render(
    values: Mapping[str, Any],
    kubernetes: str = MIDDLE,
    *,
    release: str = RELEASE,
    folder: Path | None = None,
) -> Rendered:
    """What `helm template` makes of the chart with these values. Raises RefusedError."""
    return _render(json.dumps(values), kubernetes, release, folder or chart())


class RefusedError(Exception):
    """Helm does not render the chart with these values; the text is its own."""


@cache
def _render(values: str, kubernetes: str, release: str, folder: Path) -> Rendered:
    helm = library("helm_python")
    native = library("helm_python._native")
    options = {"name": release, "namespace": NAMESPACE, "kube_version": f"v{kubernetes}"}
    try:
        with helm.Chart.load(str(folder)) as loaded:
            loaded.validate_schema(json.loads(values))
            texts: dict[str, str] = json.loads(
                native.call_string("helm_render", loaded._raw(), values, json.dumps(options))
            )
    except helm.HelmError as error:
        raise RefusedError(str(error)) from None
    notes = "".join(text for name, text in texts.items() if name.endswith("NOTES.txt"))
    manifests = {name: text for name, text in texts.items() if name.endswith(".yaml")}
    return Rendered(tuple(_objects(manifests)), notes, manifests)


def _objects(texts: Mapping[str, str]) -> Iterator[Object]:
    for text in texts.values():
        yield from filter(None, yaml.load_all(text, Strict))


def pods(rendered: Rendered) -> Iterator[tuple[str, Object]]:
    """The name and the spec of every pod that would be made, hooks included."""
    for each in rendered.objects:
        name = f"{each['kind']} {each['metadata']['name']}"
        if each["kind"] == "Pod":
            yield name, each["spec"]
        elif "template" in each.get("spec", {}):
            yield name, each["spec"]["template"]["spec"]


def write(folder: Path) -> None:
    """Write what the chart makes of each valid file: a folder each, a file for each template."""
    for path in VALID:
        (folder / path.stem).mkdir(parents=True)
        for name, text in render(values_of(path)).texts.items():
            if text.strip():
                flat = name.removeprefix("braze-exporter/templates/").replace("/", "-")
                (folder / path.stem / flat).write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
