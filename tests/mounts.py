"""What the kubelet does for the exporter's container: a name, and volumes as files in a folder."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.helm import Object, Rendered

Files = Mapping[str, str]
"""What a ConfigMap or a Secret holds, by key."""


@dataclass(frozen=True)
class Started:
    """How the container would be started: its arguments, its environment, and its host's name."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    hostname: str

    @property
    def config(self) -> Path:
        """The settings file."""
        return Path(self.environment["BRAZE_EXPORTER_CONFIG__FILE"])


class Node:
    """A machine of the cluster whose root is `root`.

    `existing` are the Secrets and ConfigMaps, by name, that were there before the chart. Of a
    StatefulSet's pods the one with this `ordinal` runs here.
    """

    def __init__(
        self, made: Rendered, root: Path, existing: Mapping[str, Files], ordinal: int = 0
    ) -> None:
        self._pod: Object = made.workload["spec"]["template"]["spec"]
        ending = ordinal if made.workload["kind"] == "StatefulSet" else "7d9c5b8f6-x2k4q"
        self._hostname = f"{made.workload['metadata']['name']}-{ending}"
        self._container: Object = self._pod["containers"][0]
        self._root = root
        self._held = dict(existing) | {
            each["metadata"]["name"]: {
                key: base64.b64decode(text).decode() if each["kind"] == "Secret" else text
                for key, text in each.get("data", {}).items()
            }
            for each in (*made.all("Secret"), *made.all("ConfigMap"))
        }

    def start(self) -> Started:
        """Mount the volumes; paths in them and in the environment lead into the folder."""
        volumes = {volume["name"]: volume for volume in self._pod["volumes"]}
        for mount in self._container["volumeMounts"]:
            folder = Path(f"{self._root}{mount['mountPath']}")
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in self._files(volumes[mount["name"]]).items():
                (folder / name).write_text(self._inside(text))
        environment = {each["name"]: self._inside(each["value"]) for each in self._container["env"]}
        return Started(tuple(self._container["args"]), environment, self._hostname)

    def replace(self, name: str, files: Files) -> None:
        """Another version of a Secret, which the kubelet brings into the running container."""
        self._held[name] = files
        self.start()

    def _inside(self, text: str) -> str:
        mounts = "|".join(re.escape(each["mountPath"]) for each in self._container["volumeMounts"])
        return re.sub(rf"(?:{mounts})/", lambda found: f"{self._root}{found[0]}", text)

    def _files(self, volume: Object) -> Files:
        if "projected" in volume:
            found: dict[str, str] = {}
            for source in volume["projected"]["sources"]:
                of_source = self._picked(source["secret"]["name"], source["secret"].get("items"))
                assert not found.keys() & of_source.keys(), "one file would hide another"
                found |= of_source
            return found
        if "secret" in volume:
            return self._picked(volume["secret"]["secretName"], volume["secret"].get("items"))
        if "configMap" in volume:
            return self._picked(volume["configMap"]["name"], volume["configMap"].get("items"))
        assert "emptyDir" in volume, volume
        return {}

    def _picked(self, name: str, items: list[Mapping[str, str]] | None) -> Files:
        held = self._held[name]
        return held if items is None else {item["path"]: held[item["key"]] for item in items}
