"""Settings of a file, the environment and flags come together as documented, and keep secrets."""

import contextlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import ConfigError, Settings, Workspace, load, reference
from tests.tries import tries

COMPLETE = """\
workspaces:
  main:
    endpoint: US-01
    api_key: the-key
"""
NONE: Mapping[str, str] = MappingProxyType({})
WS = "BRAZE_EXPORTER_WORKSPACES__MAIN__"
SECRET = "s3cret-K3Y"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(
    file: str = COMPLETE, environ: Mapping[str, str] = NONE, flags: Mapping[str, object] = NONE
) -> Settings:
    Path("b.yml").write_text(file)
    return load(Path("b.yml"), flags, environ)


def main(file: str = COMPLETE, environ: Mapping[str, str] = NONE) -> Workspace:
    return loaded(file, environ).workspaces["main"]


def test_the_defaults() -> None:
    """Those of the documentation."""
    settings = loaded()
    workspace = settings.workspaces["main"]
    assert workspace.endpoint == "https://rest.iad-01.braze.com"
    assert workspace.api_key is not None
    assert workspace.api_key.get_secret_value() == "the-key"
    assert workspace.time_zone == ZoneInfo("UTC")
    assert (workspace.requests_per_hour, workspace.reserve, workspace.concurrency) == (
        10_000,
        0.1,
        4,
    )
    assert (workspace.api_key_file, workspace.ca_file, workspace.allow_http) == (None, None, False)
    assert (workspace.segments.limit, workspace.segments.zero_after) == (2000, timedelta(hours=6))
    assert workspace.sessions.units == ("day", "hour")
    alerts = workspace.alerts
    assert (alerts.drop, alerts.min_size, alerts.min_sessions) == (0.3, 1000, 100)
    poll = settings.poll
    assert (poll.segments, poll.sessions) == (timedelta(minutes=30), timedelta(minutes=5))
    assert (poll.discovery, poll.settle) == (timedelta(hours=1), timedelta(minutes=15))
    assert (poll.keep, poll.timeout) == (timedelta(hours=6), timedelta(seconds=15))
    assert settings.web.listen_address == (":10068",)
    assert (settings.web.telemetry_path, settings.web.config_file) == ("/metrics", None)
    assert (settings.log.level, settings.log.format) == ("info", "logfmt")


@pytest.mark.parametrize(
    ("segments", "discovers"),
    [("{}", True), ("{ids: [a]}", False), ("{ids: [a], discover: true}", True)],
)
def test_segments_are_discovered_exactly_when_none_is_named(segments: str, discovers: bool) -> None:
    """Unless `discover` says otherwise."""
    settings = loaded(f"{COMPLETE}    segments: {segments}\n")
    assert settings.workspaces["main"].segments.discover is discovers


def test_a_section_may_be_empty() -> None:
    """As when all lines in it are comments."""
    assert loaded(f"{COMPLETE}    segments:\n    apps:\npoll:\n  # keep: 1h\nlog:\n") == loaded()


def test_settings_are_frozen_and_equal_by_value() -> None:
    """A reload compares workspaces to see what changed; nobody changes them in between."""
    settings = loaded()
    assert settings == loaded()
    assert settings != loaded(COMPLETE + "    concurrency: 5\n")
    with pytest.raises(ValueError, match="frozen"):
        settings.workspaces["main"].concurrency = 5


def test_an_endpoint_in_the_clear_may_be_allowed() -> None:
    """For proxies that add TLS; loopback needs no leave."""
    file = COMPLETE.replace("US-01", "http://proxy.internal/")
    settings = loaded(f"{file}    allow_http: true\n")
    assert settings.workspaces["main"].endpoint == "http://proxy.internal"
    loopback = loaded(COMPLETE.replace("US-01", "http://127.0.0.1:9"))
    assert loopback.workspaces["main"].endpoint == "http://127.0.0.1:9"


def test_flags_win_over_environment_over_file_over_defaults() -> None:
    """For each key by itself: what a stronger source does not say comes from a weaker one."""
    file = f"{COMPLETE}log: {{level: error, format: json}}\nweb: {{telemetry_path: /m}}\n"
    environ = {"BRAZE_EXPORTER_LOG__LEVEL": "warn", "BRAZE_EXPORTER_WEB__TELEMETRY_PATH": "/e"}
    settings = loaded(file, environ, {"log.level": "debug"})
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert (settings.web.telemetry_path, settings.web.listen_address) == ("/e", (":10068",))


def test_maps_are_merged_and_lists_replaced() -> None:
    """A variable adds an app; a list of segments is the whole list."""
    workspace = main(
        f"{COMPLETE}    apps: {{ios: a, web: b}}\n    segments: {{ids: [x, y]}}\n",
        {f"{WS}APPS": '{"ios": "c", "android": "d"}', f"{WS}SEGMENTS__IDS": "z"},
    )
    assert workspace.apps == {"ios": "c", "web": "b", "android": "d"}
    assert workspace.segments.ids == ("z",)


def test_a_key_replaces_the_weaker_ways_to_give_one() -> None:
    """A mounted file in production, a plain key on a developer's machine, and the reverse."""
    Path("key").write_text("in-file")
    plain = main(COMPLETE.replace("api_key: the-key", "api_key_file: gone"), {f"{WS}API_KEY": "k"})
    assert plain.api_key is not None
    assert (plain.api_key.get_secret_value(), plain.api_key_file) == ("k", None)
    mounted = main(environ={f"{WS}API_KEY_FILE": "key"})
    assert (mounted.api_key, mounted.api_key_file) == (None, Path("key"))


def test_the_environment_alone_suffices() -> None:
    """A workspace, lists as JSON or with commas, maps as JSON, names in any case."""
    settings = load(
        None,
        {},
        {
            f"{WS}ENDPOINT": "eu-01",
            f"{WS}API_KEY": "k",
            f"{WS}SEGMENTS__IDS": "a, b,",
            f"{WS}SEGMENTS__DISCOVER": "yes",
            f"{WS}SEGMENTS__INCLUDE": '["^a{1,2}$"]',
            f"{WS}ALERTS__SEGMENTS": '{"a": 0.5, "b": "20%"}',
            f"{WS}SESSIONS__BY_SEGMENT": '["a"]',
            f"{WS}CONCURRENCY": "8",
            "braze_exporter_web__Listen_Address": "[::1]:9,[::]:8",
        },
    )
    workspace = settings.workspaces["main"]
    assert workspace.segments.ids == ("a", "b")
    assert workspace.segments.discover
    assert workspace.segments.include[0].pattern == "^a{1,2}$"
    assert workspace.alerts.segments == {"a": 0.5, "b": 0.2}
    assert (workspace.sessions.by_segment, workspace.concurrency) == (("a",), 8)
    assert settings.web.listen_address == ("[::1]:9", "[::]:8")


def test_the_environment_may_name_the_file() -> None:
    """Unless a flag does."""
    Path("named.yml").write_text(COMPLETE)
    environ = {"BRAZE_EXPORTER_CONFIG__FILE": "named.yml"}
    assert load(None, {}, environ) == loaded()
    Path("named.yml").write_text("?")
    assert loaded(environ=environ) == loaded()


def test_an_empty_variable_is_unset() -> None:
    """As compose files and charts give what has no value."""
    environ = {f"{WS}API_KEY": "", "BRAZE_EXPORTER_CONFIG__FILE": "", "BRAZE_EXPORTER_OLD": ""}
    assert loaded(environ=environ) == loaded()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BRAZE_EXPORTER_PORT", "tcp://10.0.0.1:10068"),
        ("BRAZE_EXPORTER_PORT_10068_TCP_ADDR", "10.0.0.1"),
        ("BRAZE_EXPORTER_SERVICE_HOST", "10.0.0.1"),
        ("BRAZE_EXPORTER_SERVICE_PORT_METRICS", "10068"),
        ("BRAZE_EXPORTER_EU_PORT", "tcp://10.0.0.1:10068"),
        ("BRAZE_EXPORTER_EU_PORT_10068_TCP", "tcp://10.0.0.1:10068"),
        ("BRAZE_EXPORTER_EU_SERVICE_HOST", "10.0.0.1"),
    ],
)
def test_what_kubernetes_sets_is_left_alone(name: str, value: str) -> None:
    """For a service called braze-exporter, and for others whose name begins so."""
    assert loaded(environ={name: value}) == loaded()


def test_paths_in_the_file_are_relative_to_it() -> None:
    """So a folder with settings and key can be moved; in the environment they are as they are."""
    Path("etc").mkdir()
    Path("etc/key").write_text("k")
    Path("etc/b.yml").write_text(COMPLETE.replace("api_key: the-key", "api_key_file: key"))
    assert load(Path("etc/b.yml"), {}, {}).workspaces["main"].api_key_file == Path("etc/key")
    Path("key").write_text("k")
    assert main(environ={f"{WS}API_KEY_FILE": "key"}).api_key_file == Path("key")


def test_a_flag_that_was_not_given_says_nothing() -> None:
    """None is what a parser of the command line leaves for it."""
    assert loaded(flags={"log.level": None, "web.listen-address": None}) == loaded()
    assert loaded(flags={"web.listen-address": [":1", ":2"]}).web.listen_address == (":1", ":2")


def test_many_segments_load_fast() -> None:
    """Every mistake in a large file is found in seconds too."""
    workspaces = {
        f"w{number}": {
            "endpoint": "US-01",
            "api_key": "k",
            "segments": {"ids": [f"{number}-{each}" for each in range(50)]},
        }
        for number in range(200)
    }
    assert len(loaded(yaml.dump({"workspaces": workspaces})).workspaces) == 200


PLACES = st.sampled_from(
    ["api_key", "api_key_file", "apikey", "API_KEY", "key", "token", "api-key", "ca_file",
     "endpoint", "time_zone", "segments", "apps", "alerts", "concurrency", "reserve"]
)  # fmt: skip
SHAPES = st.sampled_from(
    [SECRET, f" {SECRET}", f"'{SECRET}'", f"Bearer {SECRET}", f"{SECRET}\n", f"{SECRET}é",
     f"https://x:{SECRET}@rest.iad-01.braze.com", f"{SECRET}%", f"({SECRET}", [SECRET],
     {"ids": [f"{SECRET}/"], "include": [f"(?P<{SECRET}"], "drop": SECRET, "ios": [SECRET]}]
)  # fmt: skip


def told(file: Path | None, environ: Mapping[str, str]) -> str:
    """All that anyone can see of the settings, or of what is wrong with them."""
    try:
        settings = load(file, {}, environ)
    except ConfigError as error:
        return f"{error} {error!r} {error.mistakes} {error.__cause__} {error.__context__}"
    return f"{settings} {settings!r} {settings.model_dump_json()}"


@tries(150)
@given(st.dictionaries(PLACES, SHAPES, max_size=4), st.sampled_from(["json", "yaml", "raw"]))
def test_no_secret_in_a_file_is_ever_told(workspace: Mapping[str, object], form: str) -> None:
    """Wherever it was put, and whatever is wrong around it."""
    tree = {"workspaces": {"main": {"endpoint": "US-01", **workspace}}}
    text = {"json": json.dumps(tree), "yaml": yaml.dump(tree)}.get(form)
    raw = "".join(f"{key}: {value}\n" for key, value in workspace.items())
    Path("b.yml").write_text(text or raw)
    assert SECRET not in told(Path("b.yml"), {})


@tries(150)
@given(st.dictionaries(PLACES, SHAPES.map(str), max_size=4))
def test_no_secret_in_the_environment_is_ever_told(workspace: Mapping[str, str]) -> None:
    """Nor of a variable that is misspelled."""
    environ = {f"{WS}{key}": value for key, value in workspace.items()}
    assert SECRET not in told(None, {f"{WS}ENDPOINT": "US-01"} | environ)


WORDS = st.sampled_from(
    [key for row in reference() for key in row.keys] + ["main", "a", "__", "<<", "1", "", "no"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
)


@tries(200)
@given(st.binary(max_size=100) | VALUES.map(lambda value: yaml.dump(value).encode()))
def test_any_file_ends_in_settings_or_mistakes(content: bytes) -> None:
    """Nothing else is raised, whatever stands in it."""
    Path("b.yml").write_bytes(content)
    with contextlib.suppress(ConfigError):
        load(Path("b.yml"), {}, {})


@tries(200)
@given(
    st.dictionaries(
        st.sampled_from([row.environment.replace("<NAME>", "MAIN") for row in reference()])
        | st.lists(WORDS).map(lambda words: f"BRAZE_EXPORTER_{'__'.join(words)}")
        | st.text(max_size=8),
        st.text(max_size=8) | VALUES.map(json.dumps) | st.sampled_from(["[" * 9999, "\udcff"]),
        max_size=6,
    )
)
def test_any_environment_ends_in_settings_or_mistakes(environ: Mapping[str, str]) -> None:
    """Nothing else is raised, whatever the names and values are."""
    with contextlib.suppress(ConfigError):
        load(None, {}, environ)


# Everything that can be set, and lines that break it.
EVERYTHING = f"""\
workspaces:
  main:
    endpoint: US-01
    api_key: {SECRET}
    time_zone: Europe/Berlin
    segments: {{ids: [a], discover: true, include: ['^L'], exclude: [x], limit: 20, zero_after: 6h}}
    apps: {{ios: i, android: a}}
    sessions: {{units: [day, hour], workspace_total: true, by_segment: [a]}}
    alerts: {{drop: 30%, min_size: 10, segments: {{a: 10%}}, apps: {{ios: 50%}}}}
    requests_per_hour: 10000
    reserve: 10%
    concurrency: 4
poll:
  segments: 30m
  keep: 6h
web:
  listen_address: [':10068', '127.0.0.1:1']
  telemetry_path: /metrics
log: {{level: info, format: logfmt}}
shard: 0/3
"""
SNIPPETS = st.sampled_from(
    [":", " ", "  ", "\n", "\t", "-", "- ", "[", "]", "{", "}", "'", '"', "#", "&a ", "*a", "|",
     ">", "!!int ", "%", "@", "<<: ", "? ", "012", "1:30", "no", "null", "~", "1e9", "0x_",
     "9" * 30, "\x00", "\ufeff", "\x85", "é", "main:", "workspaces:", "  main:", "poll: {}"]
)  # fmt: skip


@st.composite
def edited(draw: st.DrawFn) -> str:
    """A good file after a few slips of the hand."""
    text = EVERYTHING
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(start + draw(st.sampled_from((0, 0, 1, 1, 3, 30))), len(text))
        text = text[:start] + draw(SNIPPETS | st.just("")) + text[end:]
    return text


@tries(300)
@given(edited())
def test_every_mistake_in_a_file_names_its_line_and_never_the_key(text: str) -> None:
    """A file that was edited badly: settings, or mistakes that one can go to, all at once."""
    Path("b.yml").write_text(text, "utf-8")
    said = told(Path("b.yml"), {})
    # What an edit made the name of a setting is told, as all names are.
    assert SECRET not in said or f"\n    api_key: {SECRET}\n" not in text
    mistakes: tuple[str, ...] = ()
    try:
        load(Path("b.yml"), {}, {})
    except ConfigError as error:
        mistakes = error.mistakes
    lines = text.count("\n") + text.count("\x85") + 2
    for mistake in mistakes:
        place = re.match(r"b\.yml:([0-9]+):[0-9]+: ", mistake)
        assert place, mistake
        assert 1 <= int(place[1]) <= lines, mistake
