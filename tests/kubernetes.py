"""Does Kubernetes, or the operator it is for, accept an object: strictly, by published schemas."""

from collections.abc import Callable
from functools import cache
from typing import Any

from tests.helm import Object
from tests.machine import library


def newest() -> str:
    """The newest Kubernetes whose schemas are there."""
    version: str = library("kubernetes_validate").latest_version()
    return version


def faults(thing: Object, kubernetes: str) -> list[str]:
    """What is wrong with an object, unknown keys included; of an unknown kind, that it is one."""
    group, _, _ = thing["apiVersion"].rpartition("/")
    if group == "monitoring.coreos.com":
        return _faults_of_prometheus_operator(thing)
    if thing["kind"] in OTHERS:
        return _told_by(_validator_of(thing["kind"]), thing)
    try:
        return _told_by(_builtin(thing["kind"], thing["apiVersion"], kubernetes), thing)
    except FileNotFoundError:
        return [f"{thing['apiVersion']} {thing['kind']} is no kind of Kubernetes {kubernetes}"]


def _told_by(validator: Any, thing: Object) -> list[str]:
    return [
        f"{thing['kind']} {thing['metadata']['name']}: {error.json_path}: {error.message}"
        for error in validator.iter_errors(thing)
    ]


@cache
def _definitions(kubernetes: str) -> Any:
    name = f"kubernetes-json-schema/v{kubernetes}-local-strict/_definitions.json"
    return _contents(name, kubernetes)


@cache
def _builtin(kind: str, api_version: str, kubernetes: str) -> Any:
    """The validator of a kind. kubernetes-validate would read all definitions for each object."""
    group, _, version = api_version.rpartition("/")
    kind_and_version = "-".join(filter(None, (kind.lower(), group.partition(".")[0], version)))
    folder = f"kubernetes-json-schema/v{kubernetes}-local-strict"
    schema = _contents(f"{folder}/{kind_and_version}.json", kubernetes)
    referencing = library("referencing")
    resources = map(referencing.Resource.from_contents, (schema, _definitions(kubernetes)))
    registry = referencing.Registry()
    for resource in resources:
        registry = resource @ registry
    return library("jsonschema").Draft202012Validator(schema, registry=registry)


def _contents(name: str, kubernetes: str) -> Any:
    return library("kubernetes_validate.utils").schema_contents(name, kubernetes)


def _faults_of_prometheus_operator(thing: Object) -> list[str]:
    """By models made from its CRDs, which accept unknown keys: what they keep must be all of it."""
    version = thing["apiVersion"].rpartition("/")[2]
    models = library(f"cloudcoil.models.prometheus_operator.{version}")
    model: Callable[..., Any] = getattr(models, thing["kind"]).model_validate
    try:
        kept = model(thing).model_dump(by_alias=True, exclude_unset=True, mode="json")
    except ValueError as error:
        return [str(error)]
    return [] if kept == thing else [f"{thing['kind']}: {_lost(thing, kept)} are unknown"]


def _lost(thing: Any, kept: Any, path: str = "") -> list[str]:
    if isinstance(thing, dict) and isinstance(kept, dict):
        return [
            lost
            for key in thing
            for lost in (
                _lost(thing[key], kept[key], f"{path}.{key}") if key in kept else [f"{path}.{key}"]
            )
        ]
    if isinstance(thing, list) and isinstance(kept, list):
        return [
            lost
            for index, pair in enumerate(zip(thing, kept, strict=True))
            for lost in _lost(*pair, path=f"{path}[{index}]")
        ]
    return [] if thing == kept else [f"{path}: {thing!r} became {kept!r}"]


METADATA = {
    "type": "object",
    "required": ["name", "namespace", "labels"],
    "properties": {"name": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}},
}


def _kind(api_version: str, required: list[str], **properties: object) -> dict[str, Any]:
    """A schema of a kind for which no library has one, from the documentation of its CRD."""
    spec = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "apiVersion": {"const": api_version},
            "kind": {},
            "metadata": METADATA,
            "spec": spec,
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
    }


_TEXT = {"type": "string", "minLength": 1}
_OBJECTS = {"type": "array", "items": {"type": "object"}}
_NAMES = {"type": "array", "items": _TEXT}
_POLICY = {
    "type": "object",
    "required": ["containerName"],
    "additionalProperties": False,
    "properties": {
        "containerName": _TEXT,
        "controlledResources": {"type": "array", "items": {"enum": ["cpu", "memory"]}},
        "minAllowed": {"type": "object"},
        "maxAllowed": {"type": "object"},
    },
}
_BACKENDS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "port"],
        "properties": {"name": _TEXT, "port": {"type": "integer"}},
        "additionalProperties": False,
    },
}

OTHERS: dict[str, dict[str, Any]] = {
    # https://grafana.github.io/grafana-operator/docs/api/#grafanadashboard
    "GrafanaDashboard": _kind(
        "grafana.integreatly.org/v1beta1",
        ["instanceSelector"],
        instanceSelector={"type": "object", "required": ["matchLabels"]},
        configMapRef={
            "type": "object",
            "required": ["name", "key"],
            "properties": {"name": _TEXT, "key": _TEXT},
            "additionalProperties": False,
        },
        folder=_TEXT,
        folderUID=_TEXT,
        folderRef=_TEXT,
        resyncPeriod={"type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$"},
        allowCrossNamespaceImport={"type": "boolean"},
    ),
    # https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/docs/api.md
    "VerticalPodAutoscaler": _kind(
        "autoscaling.k8s.io/v1",
        ["targetRef"],
        targetRef={"type": "object", "required": ["apiVersion", "kind", "name"]},
        updatePolicy={
            "type": "object",
            "properties": {
                "updateMode": {"enum": ["Off", "Initial", "Recreate", "InPlaceOrRecreate", "Auto"]}
            },
        },
        resourcePolicy={
            "type": "object",
            "properties": {"containerPolicies": {"type": "array", "items": _POLICY}},
            "additionalProperties": False,
        },
    ),
    # https://gateway-api.sigs.k8s.io/reference/spec/#httproute
    "HTTPRoute": _kind(
        "gateway.networking.k8s.io/v1",
        [],
        parentRefs={"type": "array", "items": {"type": "object", "required": ["name"]}},
        hostnames=_NAMES,
        rules={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"backendRefs": _BACKENDS, "matches": _OBJECTS, "filters": _OBJECTS},
                "additionalProperties": False,
            },
        },
    ),
}


@cache
def _validator_of(kind: str) -> Any:
    return library("jsonschema").Draft202012Validator(OTHERS[kind])
