"""Mistakes that no single setting shows: contradictions, and files that are not there.

The checks look at the merged tree as it was written and pass over what has a wrong type, which
the validation of each setting reports: so everything wrong is found in one go.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from exporter import instances, quantities
from exporter.mistakes import KeyPath, Mistake, did_you_mean, spelled, value_at
from exporter.secretfile import KeyFileError, key_in

NO_WORKSPACE = """\
no workspace is configured; write a file such as this one and name it with --config.file
    workspaces:
      production:
        endpoint: US-01
        api_key_file: /run/secrets/braze
        apps:
          ios: 3bbc4555-8fa0-4c9b-a5c0-4505edf3e064
  or set these variables
    BRAZE_EXPORTER_WORKSPACES__PRODUCTION__ENDPOINT=US-01
    BRAZE_EXPORTER_WORKSPACES__PRODUCTION__API_KEY=..."""

_KEYS = ("api_key", "api_key_file")
_SETS = (
    ("segments", "ids"), ("sessions", "by_segment"), ("sessions", "units"), ("kpi", "metrics"),
    ("events", "names"), ("events", "units"),
)  # fmt: skip
_Tree = Mapping[str, object]
_Found = Iterator[tuple[KeyPath, str]]


def without_weaker_keys(trees: Sequence[_Tree]) -> tuple[dict[str, object], ...]:
    """The trees, strongest first, without keys to Braze that a stronger tree replaces.

    `api_key` and `api_key_file` are two ways to give one thing, so either replaces both.
    """
    given: set[str] = set()
    kept = []
    for tree in trees:
        workspaces = _map(tree, ("workspaces",))
        with_key = {
            name for name in workspaces if any(_at(workspaces, name, k) is not None for k in _KEYS)
        }
        replaced = {
            name: {key: value for key, value in workspace.items() if key not in _KEYS}
            for name, workspace in workspaces.items()
            if name in given and isinstance(workspace, Mapping)
        }
        kept.append(dict(tree) | ({"workspaces": {**workspaces, **replaced}} if replaced else {}))
        given |= with_key
    return tuple(kept)


def mistakes_of_source(tree: _Tree) -> Iterator[Mistake]:
    """What contradicts itself within one source."""
    for name in _map(tree, ("workspaces",)):
        if all(_at(tree, "workspaces", name, key) is not None for key in _KEYS):
            path = ("workspaces", name, "api_key")
            yield Mistake(path, "stands beside api_key_file; keep one of them", of_key=True)


def mistakes(tree: _Tree, *, known: Collection[str], key_files: bool = True) -> Iterator[Mistake]:
    """What is inconsistent in the merged tree, whose keys may be those `known`; with `key_files`
    also what keeps the files of keys from being read.
    """
    workspaces = _map(tree, ("workspaces",))
    # Beside a misspelt key, an example of everything would hide which one.
    misspelt = not tree.keys() <= set(known)
    if not misspelt and not workspaces and value_at(tree, ("workspaces",)) in (None, {}):
        yield Mistake((), NO_WORKSPACE, of_key=True)
    for name, workspace in workspaces.items():
        for check in _CHECKS:
            for path, sentence in check(workspace if isinstance(workspace, Mapping) else {}):
                yield Mistake(("workspaces", name, *path), sentence, of_key=True)
        for path, sentence in _wrong_values(workspace, key_files=key_files):
            yield Mistake(("workspaces", name, *path), sentence)
    if fault := _unreadable(_at(tree, "web", "config_file")):
        yield Mistake(("web", "config_file"), fault)


def _key_missing(workspace: _Tree) -> _Found:
    if all(_at(workspace, key) is None for key in _KEYS):
        yield ("api_key_file",), "is missing; name the file that holds Braze's key, or set api_key"


def _filters_without_discovery(workspace: _Tree) -> _Found:
    if _discovers(workspace):
        return
    for key in ("include", "exclude", "tags"):
        if _at(workspace, "segments", key):
            remedy = "set discover: true, or remove it"
            yield ("segments", key), f"has no effect without discovery; {remedy}"


def _nothing_to_do(workspace: _Tree) -> _Found:
    wanted = (
        ("segments", "ids"), ("apps",), ("sessions", "by_segment"), ("kpi", "metrics"),
        ("events", "names"),
    )  # fmt: skip
    is_asked = any(_at(workspace, *path) for path in wanted)
    if not _discovers(workspace) and not is_asked and not _workspace_total(workspace):
        remedy = (
            "give segments.ids, apps, sessions.by_segment, sessions.workspace_total, kpi.metrics "
            "or events.names"
        )
        yield ("segments", "discover"), f"leaves nothing to do; {remedy}"


def _unknown_in_alerts(workspace: _Tree) -> _Found:
    apps = _map(workspace, ("apps",))
    for app in _map(workspace, ("alerts", "apps")):
        if app not in apps:
            hint = did_you_mean(app, apps) or "; name it there first"
            yield ("alerts", "apps", app), f"is not among the apps of this workspace{hint}"
    known = {
        *_texts(workspace, ("segments", "ids")), *_texts(workspace, ("sessions", "by_segment")),
    }  # fmt: skip
    for segment in _map(workspace, ("alerts", "segments")):
        if segment not in known and not _discovers(workspace):
            hint = did_you_mean(segment, known) or "; add it to segments.ids"
            yield ("alerts", "segments", segment), f"is not among the segments to read{hint}"


_CHECKS: tuple[Callable[[_Tree], _Found], ...] = (
    _key_missing, _filters_without_discovery, _nothing_to_do, _unknown_in_alerts,
)  # fmt: skip


def _wrong_values(workspace: object, *, key_files: bool) -> _Found:
    """Values that are right in form, but not beside the others or on this machine."""
    yield from _in_the_clear(workspace)
    for section, key in _SETS:
        yield from _twice((section, key), _at(workspace, section, key))
    yield from _app_ids_twice(_map(workspace, ("apps",)))
    key_file = _at(workspace, "api_key_file")
    if key_files and isinstance(key_file, str) and not _at(workspace, "api_key"):
        try:
            key_in(Path(key_file))
        except KeyFileError as error:
            yield ("api_key_file",), str(error)
    if fault := _unreadable(_at(workspace, "ca_file")):
        yield ("ca_file",), fault


def _in_the_clear(workspace: object) -> _Found:
    endpoint = _at(workspace, "endpoint")
    if not isinstance(endpoint, str) or _boolean(_at(workspace, "allow_http"), default=False):
        return
    try:
        url = instances.rest_url(endpoint)
    except ValueError:
        return
    if instances.needs_allow_http(url):
        remedy = "begin it with https://, or set allow_http: true if that is meant"
        yield ("endpoint",), f"would send Braze's key unencrypted; {remedy}"


def _twice(path: KeyPath, items: object) -> _Found:
    seen: dict[object, int] = {}
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, str) and seen.setdefault(item, index) != index:
            yield (*path, index), f"stands twice, first as item {seen[item] + 1}; keep one"


def _app_ids_twice(apps: Mapping[str, object]) -> _Found:
    seen: dict[str, str] = {}
    for name, app_id in apps.items():
        if isinstance(app_id, str) and seen.setdefault(app_id, name) != name:
            yield ("apps", name), f"has the same app_id as {spelled((seen[app_id],))}; keep one"


def _unreadable(path: object) -> str:
    """Why this file cannot be read; nothing if it can, or if none is named."""
    if not isinstance(path, str) or not path:
        return ""
    try:
        if not Path(path).exists():
            return "names a file that does not exist"
        # A pipe is none: opening it would wait for its writer.
        if not Path(path).is_file():
            return "names something that is no file"
        with Path(path).open("rb"):
            return ""
    except (OSError, ValueError):
        return "names a file that cannot be read"


def _discovers(workspace: _Tree) -> bool:
    default = not _at(workspace, "segments", "ids")
    return _boolean(_at(workspace, "segments", "discover"), default=default)


def _workspace_total(workspace: _Tree) -> bool:
    return _boolean(_at(workspace, "sessions", "workspace_total"), default=False)


def _boolean(value: object, *, default: bool) -> bool:
    """The value as it will be read, or the default. Unreadable ones are reported elsewhere; true
    is the answer for them that finds no mistakes which are none.
    """
    try:
        return default if value is None else quantities.boolean(value)
    except ValueError:
        return True


def _at(tree: object, *path: str) -> object:
    return value_at(tree, path)


def _map(tree: object, path: KeyPath) -> Mapping[str, object]:
    found = value_at(tree, path)
    return found if isinstance(found, Mapping) else {}


def _texts(tree: object, path: KeyPath) -> Iterator[str]:
    found = value_at(tree, path)
    return (
        (item for item in found if isinstance(item, str)) if isinstance(found, list) else iter(())
    )
