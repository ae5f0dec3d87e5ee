"""Environment variables as a tree of settings: `…LOG__LEVEL=debug` -> `{"log": {…: "debug"}}`.

An empty value means unset. What is unknown is a mistake, because a misspelled variable would
otherwise be silently without effect; only what Kubernetes sets for services is left alone.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from exporter.mistakes import Given, KeyPath, Located, Place, Source, close_match
from exporter.reference import PREFIX, Row, find, variable, within

CONFIG_FILE = f"{PREFIX}CONFIG__FILE"
_RANK = 1
_KUBERNETES = re.compile(
    r"(PORT|SERVICE_)|.*_(SERVICE_HOST|SERVICE_PORT|PORT_[0-9]+_(TCP|UDP|SCTP))"
)
"""What Kubernetes sets in each pod for a service of this name, or of one that begins with it."""


class _VariableError(Exception):
    """A variable that cannot be taken as a setting; the text says why."""


def read(environ: Mapping[str, str], rows: Sequence[Row]) -> Given:
    """The variables of `environ` that begin with the prefix, in any case, as settings."""
    tree: dict[str, object] = {}
    places: dict[KeyPath, Place] = {}
    mistakes = []
    for name, value in sorted(_ours(environ)):
        path = tuple(name[len(PREFIX) :].lower().split("__"))
        place = Place(_RANK, 0, 0, f"environment {name}", implies=path)
        try:
            if path in places:
                raise _VariableError("is also given in other case; keep one")
            _put(tree, path, _decoded(path, value, rows))
            places[path] = place
        except _VariableError as error:
            mistakes.append(Located(place, path, str(error)))
    origin = Place(_RANK, 0, 0, "environment")
    keys = _possible(tree, rows) | places
    return Given(Source(origin, tree, keys, places), tuple(mistakes))


def config_file(environ: Mapping[str, str]) -> str:
    """The name of the settings file that the environment gives, or nothing."""
    return next((value for name, value in environ.items() if name.upper() == CONFIG_FILE), "")


def _ours(environ: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for name, value in environ.items():
        rest = name.upper().removeprefix(PREFIX)
        is_ours = rest != name.upper() and name.upper() != CONFIG_FILE
        if is_ours and value and not _is_of_kubernetes(rest, value):
            yield name, value


def _possible(tree: Mapping[str, object], rows: Sequence[Row]) -> dict[KeyPath, Place]:
    """Places for all settings of the workspaces in the tree: one may turn out to be missing."""
    workspaces = tree.get("workspaces", {})
    paths = (
        _named(row.keys, name)
        for name in (workspaces if isinstance(workspaces, dict) else ())
        for row in within(rows, ("workspaces",))
    )
    return {path: Place(_RANK, 0, 0, f"environment {variable(path)}", path) for path in paths}


def _is_of_kubernetes(name: str, value: str) -> bool:
    """For a service `braze-exporter-eu` there is also `…_EU_PORT=tcp://10.0.0.1:10068`."""
    is_link = name.endswith("_PORT") and re.match(r"(tcp|udp|sctp)://", value) is not None
    return is_link or _KUBERNETES.match(name) is not None


def _decoded(path: tuple[str, ...], value: str, rows: Sequence[Row]) -> object:
    """The value as the type of this setting wants it; scalars stay text."""
    row = find(rows, path)
    if row is None:
        raise _VariableError(_unknown(path, rows))
    if row.is_map:
        return _json(value, dict, '{"key": "value"}')
    if row.is_list:
        return _list(value, row)
    return value


def _list(value: str, row: Row) -> object:
    if value.startswith("[") and value.endswith("]"):
        return _json(value, list, '["one", "two"]')
    if "regex" in row.type:
        raise _VariableError('must be a JSON list, such as ["^Lifecycle"]; a regex may hold commas')
    return [part.strip() for part in value.split(",") if part.strip()]


def _json(value: str, wanted: type, example: str) -> object:
    try:
        decoded = json.loads(value, object_pairs_hook=_once_each)
    except (ValueError, RecursionError):
        decoded = None
    if not isinstance(decoded, wanted):
        raise _VariableError(f"must be JSON, such as {example}")
    return decoded


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise _VariableError("has a key that stands twice; keep one")
    return dict(pairs)


def _unknown(path: tuple[str, ...], rows: Sequence[Row]) -> str:
    """Why there is no setting at this path, and which variable may have been meant."""
    for length in range(len(path) - 1, 0, -1):
        around = find(rows, path[:length])
        if around is not None and around.is_map:
            return f"is one key of a map; set {variable(path[:length])} to the whole map as JSON"
    if example := next(within(rows, path), None):
        keys = (*path, *example.keys[len(path) :])
        return f"is a section; set its keys, such as {variable(_named(keys, 'production'))}"
    # Only what differs is compared: long names that begin alike all look close.
    shared = 2 if path[0] == "workspaces" and len(path) > 2 else 0
    known = {
        ".".join(row.keys[shared:]): variable(_named(row.keys, path[1] if shared else "production"))
        for row in rows
        if shared == 0 or row.keys[0] == "workspaces"
    }
    if close := close_match(".".join(path[shared:]), known):
        return f"is not a setting; did you mean {known[close]}?"
    joined = "; two underscores stand between the parts of a name" if len(path) == 1 else ""
    return f"is not a setting{joined}"


def _named(keys: Iterable[str], workspace: str) -> tuple[str, ...]:
    """The keys with the name of a workspace where any name may stand."""
    return tuple(workspace if key.startswith("<") else key for key in keys)


def _put(tree: dict[str, object], path: tuple[str, ...], value: object) -> None:
    for key in path[:-1]:
        section = tree.setdefault(key, {})
        # Paths are those of known settings: no setting lies beneath another one.
        assert isinstance(section, dict)  # noqa: S101 - tells the type checker
        tree = section
    tree[path[-1]] = value
