"""What those on the other sides cannot do to a whole exporter: Braze, scrapers, other users."""

import http.client
import json
import os
import re
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.simulator import Server
from tests.doubles import KEY, Process, Running, eventually, listening, newest
from tests.fronts import serving
from tests.machine import program

Start = Callable[..., Process]
Run = Callable[[Path], Running]
Write = Callable[[Mapping[str, object]], Path]

# --- the request ---------------------------------------------------------------------------------

TARGETS = (
    "http://{}/metrics",
    "https://{}/metrics",
    "http://user:password@{}/metrics",
    "ftp://{}/metrics",
    "//{}/metrics",
    "/metrics?target=http://{}&url={}&module={}",
    "/status.json?workspace=http://{}&q=http://{}",
    "/?q=http://{}&sort={}&page={}",
    "/http://{}/",
    "/../../{}",
)


def test_no_request_makes_it_ask_elsewhere(simulator: Server, running: Run, write: Write) -> None:
    """Whatever names another host: it is Braze of the settings that is asked, and by polls only."""
    visitors: list[socket.socket] = []
    shop = {"endpoint": simulator.url, "api_key": KEY}
    exporter = running(
        write({"workspaces": {"shop": shop}, "web": {"listen_address": "127.0.0.1:0"}})
    )
    eventually(lambda: exporter.ask("/-/ready").status == 200, "everything was polled")
    eventually(lambda: exporter.value("braze_up", workspace="shop") == 1, "it is up")
    polled = newest(simulator)
    with listening(visitors.append) as port:
        other = f"127.0.0.1:{port}"
        headers = {
            "Host": other,
            "X-Forwarded-Host": other,
            "Forwarded": f"host={other}",
            "X-Original-URL": f"http://{other}/",
            "Referer": f"http://{other}/",
            "Origin": f"http://{other}",
            "Via": f"1.1 {other}",
        }
        server = exporter.url.removeprefix("http://")
        for method in ("GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS", "TRACE"):
            for target in (each.replace("{}", other) for each in TARGETS):
                connection = http.client.HTTPConnection(server, timeout=5)
                connection.putrequest(method, target, skip_host=True)
                for name, value in headers.items():
                    connection.putheader(name, value)
                connection.endheaders()
                answer = connection.getresponse()
                assert other not in str(answer.headers)
                assert not 300 <= answer.status < 400
                connection.close()

    assert visitors == []
    assert newest(simulator) == polled


# --- what Braze says -----------------------------------------------------------------------------

NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title><base href=//evil.example>",
    "javascript:alert(1)",
    'x"} 1\nbraze_up{workspace="forged"} 1\n# TYPE forged gauge\nforged 1\n#',
    "back\\slash and \\n and \\\" and a last \\",
    "line\r\nfeed\x0b\x0c\x85\u2028\u2029end",
    "a NUL \x00 within",
    "a terminal \x1b[2J\x1b]0;title\x07\x9b31m obeys",
    "turned \u202e round \u2066 and hidden \u200b\ufeff",
    "half \ud800 a character",
    "{{ 7 * 7 }} {% raw %} ${7*7} %s %(msg)s {0}",
    "ts=2026-01-01 level=error msg=forged",
)  # fmt: skip
FORGED = (
    'no\nts=2026-01-01T00:00:00Z level=error msg=forged\r\n{"msg": "forged"}\x1b[2J\x9b\u202e\ud800'
)


@contextmanager
def hostile() -> Iterator[str]:
    """A Braze of segments with such names; the first has no size, and says so in bad words."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            asked = parse_qs(url.query).get("segment_id")
            segments = [
                {"id": f"id-{number}", "name": name, "tags": [name]}
                for number, name in enumerate(NAMES)
            ]
            if url.path == "/segments/list":
                self._say(200, {"message": "success", "segments": segments})
            elif asked == ["id-0"]:
                self._say(400, {"message": FORGED})
            else:
                self._say(200, {"message": "success", "data": [{"time": "2026-01-01", "size": 7}]})

        def _say(self, status: int, payload: object) -> None:
            body = json.dumps(payload).encode()
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"


def of(url: str, **more: object) -> dict[str, object]:
    return {"workspaces": {"shop": {"endpoint": url, "api_key": KEY}}, **more}


def test_names_forge_no_sample(write: Write, process: Start, tmp_path: Path) -> None:
    """As Prometheus' own parsers read the page: one sample a segment, each with its name."""
    written = tmp_path / "braze.prom"
    with hostile() as url:
        once = process("once", f"--textfile={written}", f"--config.file={write(of(url))}")
        assert once.end(120) == 1
    page = written.read_bytes()
    families = {family.name: family for family in text_string_to_metric_families(page.decode())}
    names = {
        sample.labels["segment_id"]: sample.labels["segment_name"]
        for sample in families["braze_segment_info"].samples
    }

    assert names == {
        f"id-{number}": name.replace("\ud800", "?") for number, name in enumerate(NAMES)
    }
    assert all(name.startswith("braze_") for name in families)
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"], input=page, capture_output=True
    )
    assert checked.returncode == 0, checked.stderr


def test_names_are_text_on_the_page(running: Run, write: Write) -> None:
    """Nothing of them is markup, and the document for programs stays one."""
    with hostile() as url:
        exporter = running(write(of(url, web={"listen_address": "127.0.0.1:0"})))
        eventually(lambda: exporter.ask("/-/ready").status == 200, "everything was polled", 60)
        eventually(lambda: "id-9" in exporter.ask("/metrics").text, "the names are known", 60)
        page = exporter.ask("/?q=%22%3E%3Cscript%3Ealert(2)%3C/script%3E").text
        page += exporter.ask("/").text
        status = json.loads(exporter.ask("/status.json").text)
        metrics = exporter.ask("/metrics")

    assert not re.search(r"<(script|img|base|iframe)\b|href=\"javascript:", page)
    assert page.count("</style>") == page.count("<style>") == 2
    assert page.count("{{ 7 * 7 }}") >= 1
    assert [row["segment_name"] for row in status["segments"] if row["segment_name"] in NAMES]
    assert "\nforged 1" not in metrics.text


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_what_braze_says_forges_no_log_line(write: Write, process: Start, form: str) -> None:
    """One record is one line, all of it can be seen, and a terminal obeys none of it."""
    with hostile() as url:
        once = process("once", f"--config.file={write(of(url, log={'format': form}))}")
        assert once.end(120) == 1
    lines = once.err.splitlines()

    assert all(line.isprintable() for line in lines)
    if form == "json":
        assert any("forged" in json.loads(line).get("reason", "") for line in lines)
        assert not any(json.loads(line)["msg"] == "forged" for line in lines)
    else:
        assert all(re.match(r"ts=\S+ level=\w+ caller=\w+\.py:\d+ msg=", line) for line in lines)
        assert any('reason="bad_request: status 400: no ts=' in line for line in lines)


@pytest.mark.parametrize(
    "words",
    [
        "discover --sizes",
        "discover --yaml --sizes",
        "doctor",
        "plan",
        "backfill --days=2 --job=a --instance=b --output=/dev/stdout",
    ],
)
def test_no_command_gives_a_terminal_orders(write: Write, process: Start, words: str) -> None:
    """Tables, findings, complaints: whatever is shown can be seen."""
    with hostile() as url:
        ran = process(*words.split(), f"--config.file={write(of(url))}")
        ran.end(120)

    assert ran.out + ran.err
    for line in (ran.out + ran.err).split("\n"):
        assert line.isprintable(), line


# --- other users of the machine ------------------------------------------------------------------

OUTPUTS = {
    "once": "once --textfile={}",
    "backfill": "backfill --days=2 --job=a --instance=b --output={}",
}


@pytest.mark.parametrize("words", OUTPUTS.values(), ids=OUTPUTS)
def test_a_link_that_is_laid_out_is_not_written_through(
    simulator: Server, write: Write, process: Start, tmp_path: Path, words: str
) -> None:
    """Who may write to the folder has no other file written by it: the link itself goes."""
    folder, theirs = tmp_path / "shared", tmp_path / "theirs"
    folder.mkdir()
    theirs.write_text("precious")
    output = folder / "output"
    output.symlink_to(theirs)
    (folder / ".output.").symlink_to(theirs)
    shop = {"endpoint": simulator.url, "api_key": KEY}
    path = write({"workspaces": {"shop": shop}})
    wrote = process(*words.format(output).split(), f"--config.file={path}")

    assert wrote.end(120) == 0, wrote.err
    assert theirs.read_text() == "precious"
    assert not output.is_symlink()
    assert "braze_segment_size{" in output.read_text()
    assert {each.name for each in folder.iterdir()} == {"output", ".output."}


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
@pytest.mark.parametrize("words", OUTPUTS.values(), ids=OUTPUTS)
def test_what_is_written_can_be_read_by_all_and_changed_by_its_owner(
    simulator: Server, write: Write, process: Start, tmp_path: Path, words: str, umask: int
) -> None:
    """Whatever the umask, and already while it is written."""
    folder = tmp_path / "shared"
    folder.mkdir()
    output = folder / "output"
    modes: set[int] = set()
    path = write({"workspaces": {"shop": {"endpoint": simulator.url, "api_key": KEY}}})
    before = os.umask(umask)
    try:
        wrote = process(*words.format(output).split(), f"--config.file={path}")
    finally:
        os.umask(before)
    while not output.exists():
        assert wrote.running, wrote.err
        for each in folder.glob(".output.*"):
            with suppress(FileNotFoundError):
                modes.add(stat.S_IMODE(each.stat().st_mode) & 0o022)

    assert wrote.end(120) == 0, wrote.err
    assert stat.S_IMODE(output.stat().st_mode) == 0o644
    assert modes <= {0}
