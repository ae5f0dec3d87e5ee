"""Settings are right or refused, with every mistake in one line that names its place and remedy.

The files here stand below a workspace that is complete:

    1 workspaces:
    2   main:
    3     endpoint: US-01
    4     api_key: the-key
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

from exporter.config import ConfigError, Settings, load
from exporter.shard import Shard

COMPLETE = """\
workspaces:
  main:
    endpoint: US-01
    api_key: the-key
"""
NONE: Mapping[str, str] = MappingProxyType({})
WS = "BRAZE_EXPORTER_WORKSPACES__MAIN__"
SHARE = "must be a share from 0% to 100%, such as 30% or 0.3"
NAME = (
    "is no name for a workspace; use lower-case letters, digits and single underscores, "
    "beginning with a letter"
)
ENDPOINT = (
    "is missing; it is the instance of Braze, such as `US-01`, or the https URL of its REST API"
)
KEY = "is missing; name the file that holds Braze's key, or set api_key"
ZONE = "must be a time zone such as UTC or Europe/Berlin"
WHOLE = "must be a whole number, such as 1000"
FORM = "must be a shard such as 0/3, of three the first, or auto/3"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File names in messages are as they were given: relative ones stay short."""
    monkeypatch.chdir(tmp_path)


def loaded(
    file: str | None = COMPLETE,
    environ: Mapping[str, str] = NONE,
    flags: Mapping[str, object] = NONE,
    hostname: str = "laptop",
) -> Settings:
    if file is None:
        return load(None, flags, environ, lambda: hostname)
    Path("b.yml").write_text(file)
    return load(Path("b.yml"), flags, environ, lambda: hostname)


class Wrong(NamedTuple):
    """A configuration, as lines after the complete workspace, and what is said about it."""

    says: str
    adds: str = ""
    environ: Mapping[str, str] = NONE
    flags: Mapping[str, object] = NONE
    file: str | None = COMPLETE
    hostname: str = "laptop"


WRONG = (
    # Keys and sections
    Wrong("b.yml:5:5: workspaces.main.apikey: is not a setting; did you mean api_key?",
          adds="    apikey: s3cret"),
    Wrong("b.yml:5:1: segments: is not a setting; here may stand workspaces, poll, web, log, shard",
          adds="segments: {}"),
    Wrong("b.yml:5:1: time_zone: is not a setting here; did you mean workspaces.<name>.time_zone?",
          adds="time_zone: UTC"),
    Wrong("b.yml:1:1: workspaes: is not a setting; did you mean workspaces?",
          file="workspaes: {}\n"),
    Wrong("b.yml:5:1: pol: is not a setting; did you mean poll?", adds="pol: {}"),
    Wrong("b.yml:5:7: poll: must be a section, one `key: value` a line", adds="poll: 5m"),
    Wrong("b.yml:5:11: workspaces.main.apps: must be a map, one `key: value` a line",
          adds="    apps: [ios]"),
    Wrong("b.yml:1:13: workspaces: must be a map, one `key: value` a line",
          file="workspaces: [main]"),
    Wrong("b.yml:5:21: workspaces.main.segments.ids: must be a list, such as [one, two]",
          adds="    segments: {ids: x}"),
    Wrong(f"b.yml:5:3: workspaces.Prod: {NAME}",
          adds="  Prod: {endpoint: US-01, api_key: k}"),
    Wrong(f"b.yml:5:3: workspaces.a__b: {NAME}",
          adds="  a__b: {endpoint: US-01, api_key: k}"),
    Wrong("b.yml:5:5: workspaces.main.endpoint: stands twice, first in line 3; keep one",
          adds="    endpoint: EU-01"),
    # What is missing
    Wrong(f"b.yml:2:3: workspaces.main.endpoint: {ENDPOINT}",
          file="workspaces:\n  main: {api_key: k}"),
    Wrong(f"b.yml:2:3: workspaces.main.api_key_file: {KEY}",
          file="workspaces:\n  main: {endpoint: US-01, api_key: }"),
    Wrong(f"b.yml:5:3: workspaces.empty.endpoint: {ENDPOINT}\n"
          f"b.yml:5:3: workspaces.empty.api_key_file: {KEY}",
          adds="  empty:"),
    Wrong(f"environment {WS}ENDPOINT: {ENDPOINT}", file=None, environ={f"{WS}API_KEY": "k"}),
    # Endpoint and key
    Wrong("b.yml:3:15: workspaces.main.endpoint: is the host for SDKs, not the REST API; "
          "use https://rest.iad-01.braze.com",
          file=COMPLETE.replace("US-01", "https://sdk.iad-01.braze.com")),
    Wrong("b.yml:3:15: workspaces.main.endpoint: would send Braze's key unencrypted; "
          "begin it with https://, or set allow_http: true if that is meant",
          file=COMPLETE.replace("US-01", "http://proxy.internal")),
    Wrong("b.yml:3:15: workspaces.main.endpoint: must be text, not a number; put it in quotes",
          file=COMPLETE.replace("US-01", "1")),
    Wrong("b.yml:4:14: workspaces.main.api_key: is empty", file=COMPLETE.replace("the-key", '""')),
    Wrong("b.yml:4:14: workspaces.main.api_key: contains white space; give the key alone",
          file=COMPLETE.replace("the-key", "the key")),
    Wrong("b.yml:4:14: workspaces.main.api_key: must be text, not a number; put it in quotes",
          file=COMPLETE.replace("the-key", "123456")),
    Wrong("b.yml:4:14: workspaces.main.api_key: YAML reads this as a number in base 8; "
          "put it in quotes", file=COMPLETE.replace("the-key", "01234567")),
    Wrong(f"environment {WS}API_KEY: is in quotes that belong to the key; remove them",
          environ={f"{WS}API_KEY": '"the-key"'}),
    Wrong("b.yml:4:5: workspaces.main.api_key: stands beside api_key_file; keep one of them",
          adds="    api_key_file: b.yml"),
    Wrong(f"environment {WS}API_KEY: stands beside api_key_file; keep one of them",
          environ={f"{WS}API_KEY": "k", f"{WS}API_KEY_FILE": "b.yml"}),
    Wrong("b.yml:4:19: workspaces.main.api_key_file: cannot be read: it does not exist",
          file=COMPLETE.replace("api_key: the-key", "api_key_file: s3cret")),
    Wrong("b.yml:4:19: workspaces.main.api_key_file: has several lines; "
          "it must hold the key alone",
          file=COMPLETE.replace("api_key: the-key", "api_key_file: b.yml")),
    Wrong("b.yml:4:19: workspaces.main.api_key_file: is empty; give the path of a file",
          file=COMPLETE.replace("api_key: the-key", 'api_key_file: ""')),
    Wrong("b.yml:5:14: workspaces.main.ca_file: names a file that does not exist",
          adds="    ca_file: ca.pem"),
    Wrong("b.yml:5:14: workspaces.main.ca_file: names something that is no file",
          adds="    ca_file: ."),
    # Segments, sessions, apps
    Wrong("b.yml:5:22: workspaces.main.segments.ids[0]: must be text, not a number; "
          "put it in quotes", adds="    segments: {ids: [12345678901234]}"),
    Wrong("b.yml:5:22: workspaces.main.segments.ids[0]: is no identifier; one has letters, "
          "digits, `-`, `_`, `.` and `~` only", adds="    segments: {ids: [a/b]}"),
    Wrong("b.yml:5:25: workspaces.main.segments.ids[1]: is empty; Braze shows the identifier on "
          "the page of each segment or app", adds="    segments: {ids: [a, '']}"),
    Wrong("b.yml:5:28: workspaces.main.segments.ids[2]: stands twice, first as item 1; keep one",
          adds="    segments: {ids: [a, b, a]}"),
    Wrong("b.yml:5:26: workspaces.main.segments.include[0]: is not a regular expression: "
          "missing ), unterminated subpattern at character 1",
          adds="    segments: {include: [(]}"),
    Wrong("b.yml:5:26: workspaces.main.segments.discover: must be true or false",
          adds="    segments: {discover: maybe}"),
    Wrong("b.yml:5:26: workspaces.main.segments.tags: has no effect without discovery; "
          "set discover: true, or remove it", adds="    segments: {ids: [a], tags: [b]}"),
    Wrong("b.yml:5:16: workspaces.main.segments.discover: leaves nothing to do; "
          "give segments.ids, apps, sessions.by_segment, sessions.workspace_total, kpi.metrics or "
          "events.names",
          adds="    segments: {discover: false}"),
    Wrong("b.yml:5:23: workspaces.main.segments.limit: must be a number, 1 to 100000",
          adds="    segments: {limit: 0}"),
    Wrong("b.yml:5:24: workspaces.main.sessions.units[0]: must be day or hour",
          adds="    sessions: {units: [week]}"),
    Wrong("b.yml:5:23: workspaces.main.sessions.units: must not be empty",
          adds="    sessions: {units: []}"),
    Wrong("b.yml:5:26: workspaces.main.kpi.metrics[1]: stands twice, first as item 1; keep one",
          adds="    kpi: {metrics: [dau, dau]}"),
    Wrong("b.yml:5:34: workspaces.main.events.names[1]: stands twice, first as item 1; keep one",
          adds="    events: {names: ['added: a', 'added: a']}"),
    *(Wrong("b.yml:5:22: workspaces.main.events.names[0]: is no name for an event; use up to 255 "
            "characters, none for control", adds=f"    events: {{names: [\"{name}\"]}}")
      for name in (r"two\nlines", r"\x1b[2J", r"a\x85b", 256 * "n")),
    Wrong("b.yml:5:22: workspaces.main.events.names[0]: needs a name",
          adds="    events: {names: [' ']}"),
    Wrong("b.yml:5:21: workspaces.main.alerts.surge: must be a rise from 0% to 1000%, such as 150% "
          "or 1.5", adds="    alerts: {surge: 1001%}"),
    Wrong("b.yml:5:22: workspaces.main.apps.b: has the same app_id as a; keep one",
          adds="    apps: {a: id, b: id}"),
    Wrong('b.yml:5:12: workspaces.main.apps."": needs a name', adds="    apps: {'': id}"),
    Wrong("b.yml:5:12: workspaces.main.apps.no: YAML reads this key as true or false; "
          "put it in quotes", adds="    apps: {no: id}"),
    Wrong("b.yml:5:17: workspaces.main.apps.ios: must be text, not nothing",
          adds="    apps: {ios: }"),
    # Alerts and limits
    Wrong("b.yml:5:20: workspaces.main.alerts.drop: must be a share such as 30% or 0.3; "
          "did you mean 30%?", adds="    alerts: {drop: 30}"),
    Wrong("b.yml:6:21: workspaces.main.alerts.apps.iso: is not among the apps of this workspace; "
          "did you mean ios?", adds="    apps: {ios: a}\n    alerts: {apps: {iso: 10%}}"),
    Wrong("b.yml:6:25: workspaces.main.alerts.segments.b: is not among the segments to read; "
          "add it to segments.ids",
          adds="    segments: {ids: [a]}\n    alerts: {segments: {b: 1%}}"),
    Wrong(f"b.yml:5:28: workspaces.main.alerts.segments.a: {SHARE}",
          adds="    alerts: {segments: {a: 200%}}"),
    Wrong("b.yml:5:24: workspaces.main.alerts.min_size: must be a number, at least 0",
          adds="    alerts: {min_size: -1}"),
    Wrong("b.yml:5:14: workspaces.main.reserve: must be a share, at most 90%",
          adds="    reserve: 95%"),
    Wrong("b.yml:5:18: workspaces.main.concurrency: must be a number, 1 to 64",
          adds="    concurrency: 65"),
    Wrong(f"b.yml:5:18: workspaces.main.concurrency: {WHOLE}", adds="    concurrency: yes"),
    Wrong("b.yml:5:24: workspaces.main.requests_per_hour: must be a number, 1 to 250000",
          adds="    requests_per_hour: 300000"),
    Wrong(f"b.yml:5:16: workspaces.main.time_zone: {ZONE}", adds="    time_zone: GMT+1"),
    Wrong(f"b.yml:5:16: workspaces.main.time_zone: {ZONE}; did you mean Europe/Berlin?",
          adds="    time_zone: europe/berlin"),
    Wrong(f"b.yml:5:16: workspaces.main.time_zone: {ZONE}",
          adds="    time_zone: ../../etc/passwd"),
    # Poll, web and log
    Wrong("b.yml:5:18: poll.segments: must be a duration, at least 1s",
          adds="poll: {segments: 0s}"),
    Wrong("b.yml:5:14: poll.keep: must be a duration with a unit, such as 30m; "
          "units are d, h, m and s", adds="poll: {keep: 300}"),
    Wrong("b.yml:5:17: poll.timeout: must be a duration, more than 0", adds="poll: {timeout: 0}"),
    Wrong("b.yml:5:23: web.listen_address[0]: must be an address to listen on, such as :10068, "
          "127.0.0.1:10068 or [::1]:10068; did you mean ':10068'?",
          adds="web: {listen_address: 10068}"),
    Wrong("b.yml:5:23: web.telemetry_path: is a page of the exporter itself; "
          "choose another, such as /metrics", adds="web: {telemetry_path: /-/m}"),
    Wrong("b.yml:5:23: web.telemetry_path: must begin with / and have no white space, "
          "`?`, `#` or `%`", adds="web: {telemetry_path: metrics}"),
    Wrong("b.yml:5:20: web.config_file: names a file that does not exist",
          adds="web: {config_file: web.yml}"),
    Wrong("b.yml:5:14: log.level: must be debug, info, warn or error",
          adds="log: {level: warning}"),
    # Shard
    *(Wrong(f"b.yml:5:8: shard: {FORM}", adds=f"shard: {written}")
      for written in ("3", "0.33", "1/", "-1/3", "1/3/5", "one/3", "auto")),
    Wrong("b.yml:5:8: shard: is beyond the last one: shards count from 0, so 2/3 is the last",
          adds="shard: 3/3"),
    Wrong("b.yml:5:8: shard: must be one of 1 to 1000 shards, such as 0/3", adds="shard: 0/0"),
    Wrong("b.yml:5:8: shard: must be one of 1 to 1000 shards, such as 0/3", adds="shard: 7/5000"),
    Wrong("environment BRAZE_EXPORTER_SHARD: is beyond the last one: "
          "shards count from 0, so 2/3 is the last", environ={"BRAZE_EXPORTER_SHARD": "5/3"}),
    Wrong("b.yml:5:8: shard: needs a host name that ends in a number, as a StatefulSet's pod has "
          "it (exporter-0); this one does not: write the number, such as 0/3",
          adds="shard: auto/3"),
    Wrong("b.yml:5:8: shard: is of 3 shards, but this host's name ends in -3: "
          "set as many as there are replicas; they count from 0",
          adds="shard: auto/3", hostname="braze-exporter-3"),
    # Files as a whole
    Wrong("b.yml:5:6: is not YAML: mapping values are not allowed in this context",
          adds="a: b : c"),
    Wrong("nowhere.yml: does not exist; check --config.file or BRAZE_EXPORTER_CONFIG__FILE",
          file=None, environ={"BRAZE_EXPORTER_CONFIG__FILE": "nowhere.yml"}),
    Wrong(".: is a directory; name the file in it",
          file=None, environ={"BRAZE_EXPORTER_CONFIG__FILE": "."}),
    # Environment
    Wrong("environment BRAZE_EXPORTER_LOG__LEVL: is not a setting; "
          "did you mean BRAZE_EXPORTER_LOG__LEVEL?", environ={"BRAZE_EXPORTER_LOG__LEVL": "info"}),
    Wrong("environment BRAZE_EXPORTER_LOG_LEVEL: is not a setting; "
          "did you mean BRAZE_EXPORTER_LOG__LEVEL?", environ={"BRAZE_EXPORTER_LOG_LEVEL": "info"}),
    Wrong("environment BRAZE_EXPORTER_DEBUG: is not a setting; "
          "two underscores stand between the parts of a name",
          environ={"BRAZE_EXPORTER_DEBUG": "1"}),
    Wrong(f"environment {WS}APIKEY: is not a setting; did you mean {WS}API_KEY?",
          environ={f"{WS}APIKEY": "s3cret"}),
    Wrong("environment BRAZE_EXPORTER_LOG: is a section; set its keys, "
          "such as BRAZE_EXPORTER_LOG__LEVEL", environ={"BRAZE_EXPORTER_LOG": "{}"}),
    Wrong(f"environment {WS}APPS__IOS: is one key of a map; set {WS}APPS to the whole map as JSON",
          environ={f"{WS}APPS__IOS": "id"}),
    Wrong(f'environment {WS}APPS: must be JSON, such as {{"key": "value"}}',
          environ={f"{WS}APPS": "ios=id"}),
    Wrong(f"environment {WS}APPS: has a key that stands twice; keep one",
          environ={f"{WS}APPS": '{"ios": "a", "ios": "b"}'}),
    Wrong(f"environment {WS}APPS: ios: must be text, not a number; put it in quotes",
          environ={f"{WS}APPS": '{"ios": 1}'}),
    Wrong(f"environment {WS}SEGMENTS__INCLUDE: "
          'must be a JSON list, such as ["^Lifecycle"]; a regex may hold commas',
          environ={f"{WS}SEGMENTS__INCLUDE": "^a{1,2}"}),
    Wrong(f"environment {WS}SEGMENTS__IDS: [1]: stands twice, first as item 1; keep one",
          environ={f"{WS}SEGMENTS__IDS": "a, a"}),
    Wrong(f"environment {WS}CONCURRENCY: {WHOLE}", environ={f"{WS}CONCURRENCY": "four"}),
    Wrong("environment braze_exporter_log__level: is also given in other case; keep one",
          environ={"BRAZE_EXPORTER_LOG__LEVEL": "info", "braze_exporter_log__level": "warn"}),
    # Flags
    Wrong("flag --log.level: must be debug, info, warn or error", flags={"log.level": "trace"}),
    Wrong("flag --web.listen-address: [1]: must have a port from 0 to 65535",
          flags={"web.listen-address": [":1", ":70000"]}),
    Wrong("flag --log.colour: is not a setting", flags={"log.colour": "always"}),
)  # fmt: skip


@pytest.mark.parametrize("asked", ["kpi: {metrics: [mau]}", "events: {names: [bought]}"])
def test_users_or_events_alone_are_enough(asked: str) -> None:
    """Whoever has no segments to watch has a complete configuration all the same."""
    settings = loaded(f"{COMPLETE}    segments: {{discover: false}}\n    {asked}\n")
    assert settings.workspaces["main"].segments.discover is False


@pytest.mark.parametrize(
    "name", ["10\N{NO-BREAK SPACE}€", "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET} start", "é" * 255]
)
def test_an_event_may_be_called_as_braze_has_it(name: str) -> None:
    main = loaded(f"{COMPLETE}    events: {{names: ['{name}']}}\n").workspaces["main"]
    assert main.events.names == (name,)


def test_lists_of_users_and_events_in_the_environment() -> None:
    """Separated by commas, or as JSON where a name has one."""
    environ = {
        f"{WS}KPI__METRICS": "dau,mau",
        f"{WS}EVENTS__NAMES": '["bought, twice"]',
        f"{WS}ALERTS__SURGE": "250%",
    }
    main = loaded(environ=environ).workspaces["main"]
    assert main.kpi.metrics == ("dau", "mau")
    assert main.events.names == ("bought, twice",)
    assert main.alerts.surge == 2.5


@pytest.mark.parametrize("wrong", WRONG, ids=[each.says.partition(";")[0][:90] for each in WRONG])
def test_each_mistake_has_its_message(wrong: Wrong) -> None:
    """Place, path, what is wrong, and what to do: to the letter."""
    file = None if wrong.file is None else f"{wrong.file}{wrong.adds}\n"
    with pytest.raises(ConfigError) as caught:
        loaded(file, wrong.environ, wrong.flags, wrong.hostname)
    assert str(caught.value) == wrong.says


def test_all_mistakes_are_listed_at_once() -> None:
    """In the order of the file, then the environment, then the flags."""
    file = COMPLETE + "    concurrency: 0\n    apps: {on: id}\npoll: {keep: 3}\nlog: {levl: x}\n"
    with pytest.raises(ConfigError) as caught:
        loaded(
            file, {"BRAZE_EXPORTER_X": "1", "BRAZE_EXPORTER_POLL__SETTLE": "x"}, {"log.level": 3}
        )
    assert [each.partition(": ")[0] for each in caught.value.mistakes] == [
        "b.yml:5:18", "b.yml:6:12", "b.yml:7:14", "b.yml:8:7",
        "environment BRAZE_EXPORTER_POLL__SETTLE", "environment BRAZE_EXPORTER_X",
        "flag --log.level",
    ]  # fmt: skip


def test_an_unreadable_file_does_not_hide_other_mistakes() -> None:
    """But nothing is said to be missing that may stand in the file."""
    with pytest.raises(ConfigError) as caught:
        loaded("workspaces: {", {"BRAZE_EXPORTER_POLL__KEEP": "x"}, {"log.level": "trace"})
    assert [each.partition(": ")[0] for each in caught.value.mistakes] == [
        "b.yml:2:1", "environment BRAZE_EXPORTER_POLL__KEEP", "flag --log.level",
    ]  # fmt: skip


@pytest.mark.parametrize("file", [None, "", "workspaces:\n", "workspaces: {}\n"])
def test_without_a_workspace_an_example_is_shown(file: str | None) -> None:
    """Whoever starts the exporter for the first time learns what it needs; the example works."""
    with pytest.raises(ConfigError, match="no workspace is configured") as caught:
        loaded(file)
    (mistake,) = caught.value.mistakes
    example = "\n".join(mistake.splitlines()[1:7])
    Path("key").write_text("k")
    settings = loaded(example.replace("/run/secrets/braze", "key"))
    assert settings.workspaces["production"].apps == {"ios": "3bbc4555-8fa0-4c9b-a5c0-4505edf3e064"}
    variables = dict(re.findall(r"(BRAZE\w+)=(\S+)", mistake))
    assert "production" in loaded(None, variables).workspaces


@pytest.mark.parametrize(
    ("written", "hostname", "ordinal", "total"),
    [
        (None, "laptop", 0, 1),
        ("0/1", "laptop", 0, 1),
        ("2/3", "laptop", 2, 3),
        ("2/3", "braze-exporter-0", 2, 3),
        ("auto/3", "braze-exporter-0", 0, 3),
        ("auto/30", "braze-exporter-27", 27, 30),
        ("auto/3", "braze-exporter-2.braze.monitoring.svc.cluster.local", 2, 3),
    ],
)
def test_the_shard(written: str | None, hostname: str, ordinal: int, total: int) -> None:
    """By number, or by the number that a StatefulSet gives to its pod; alone it is everything."""
    environ = {} if written is None else {"BRAZE_EXPORTER_SHARD": written}
    assert loaded(environ=environ, hostname=hostname).shard == Shard(ordinal, total)
