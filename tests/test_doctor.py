"""`doctor` names what is wrong and a remedy that works: each is broken, named, remedied, passed."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
import trustme

from exporter.causes import CAUSES, CHECKS
from exporter.config import load
from exporter.doctor import STEPS, Step, examine
from exporter.findings import State
from exporter.patient import Means, Patient
from exporter.simulator import APP_IDS
from exporter.waychecks import tls
from tests.doubles import KEY, OTHER_KEY, listening, no_thread_left
from tests.fronts import proxy
from tests.lab import Lab, Names, bad
from tests.machine import free_port

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own environment names none, and no CA."""
    for name in (*PROXIES, *map(str.lower, PROXIES), "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with no_thread_left(), ExitStack() as opened:
        yield Lab(tmp_path, opened)


Env = pytest.MonkeyPatch
Story = Callable[[Lab, Env], Iterator[None]]


class Case(NamedTuple):
    """Breaks something, and after its `yield` does what `doctor` is to advise in `words`."""

    cause: str
    words: str
    story: Story


CASES: list[Case] = []


def case(cause: str, words: str) -> Callable[[Story], Story]:
    def noted(story: Story) -> Story:
        CASES.append(Case(cause, words, story))
        return story

    return noted


# Settings and key


@case("settings-wrong", "correct each at its place")
def a_key_of_the_settings_is_misspelt(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["time_zoen"] = "UTC"
    yield
    lab.shop["time_zone"] = lab.shop.pop("time_zoen")


def key_file(lab: Lab) -> Path:
    path = lab.folder / "key"
    del lab.shop["api_key"]
    lab.shop["api_key_file"] = str(path)
    return path


@case("key-unreadable", "the file of the API key cannot be read: it does not exist")
def the_key_file_is_missing(lab: Lab, _: Env) -> Iterator[None]:
    path = key_file(lab)
    yield
    path.write_text(KEY)


@case("key-unreadable", "the file of the API key is empty")
def the_key_file_is_empty(lab: Lab, env: Env) -> Iterator[None]:
    (lab.folder / "key").write_text("")
    yield from the_key_file_is_missing(lab, env)


@case("web-config-wrong", "correct each at its place")
def a_password_of_the_web_is_no_hash(lab: Lab, _: Env) -> Iterator[None]:
    path = lab.folder / "web.yml"
    path.write_text("basic_auth_users: {ann: plain}\n")
    lab.settings["web"]["config_file"] = str(path)
    yield
    del lab.settings["web"]["config_file"]


@case("key-unreadable", "write the key, and nothing else, into")
def the_key_file_goes_away(lab: Lab, _: Env) -> Iterator[None]:
    path = key_file(lab)
    path.write_text(KEY)
    lab.once_loaded = path.unlink
    yield
    lab.once_loaded = lambda: None
    path.write_text(KEY)


@case("key-unreadable", "the file of the API key contains white space; give the key alone")
def the_key_file_is_a_whole_line_of_settings(lab: Lab, env: Env) -> Iterator[None]:
    (lab.folder / "key").write_text(f"api_key: {KEY}\n")
    yield from the_key_file_is_missing(lab, env)


# Proxy


def through(lab: Lab, env: Env, url: str) -> None:
    lab.shop.update(endpoint=lab.secured(), ca_file=lab.ca_file)
    env.setenv("HTTPS_PROXY", url)


@case("proxy-unknown", "correct that variable")
def the_proxys_name_is_misspelt(lab: Lab, env: Env) -> Iterator[None]:
    through(lab, env, "http://prxy.invalid:3128")
    yield
    env.setenv("HTTPS_PROXY", f"http://127.0.0.1:{lab.open.enter_context(proxy())}")


@case("proxy-unreachable", "name 127.0.0.1 in NO_PROXY")
def the_proxy_is_down(lab: Lab, env: Env) -> Iterator[None]:
    through(lab, env, f"http://127.0.0.1:{free_port()}")
    yield
    env.setenv("NO_PROXY", "127.0.0.1")


@case("proxy-refuses", "allowed there")
def the_proxy_refuses(lab: Lab, env: Env) -> Iterator[None]:
    allowed: set[str] = set()
    port = lab.open.enter_context(proxy(allowed.__contains__))
    through(lab, env, f"http://127.0.0.1:{port}")
    yield
    allowed.add(lab.shop["endpoint"].removeprefix("https://"))


@case("proxy-login", "http://USER:PASSWORD@127.0.0.1:")
def the_proxy_wants_a_password(lab: Lab, env: Env) -> Iterator[None]:
    port = lab.open.enter_context(proxy(login="shop:p@ss"))
    through(lab, env, f"http://shop:wrong@127.0.0.1:{port}")
    yield
    env.setenv("HTTPS_PROXY", f"http://shop:p%40ss@127.0.0.1:{port}")


@case("proxy-odd", "name an HTTP proxy in HTTPS_PROXY")
def the_proxy_is_none(lab: Lab, env: Env) -> Iterator[None]:
    port = lab.open.enter_context(
        listening(lambda one: one.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))
    )
    through(lab, env, f"http://127.0.0.1:{port}")
    yield
    env.setenv("HTTPS_PROXY", f"http://127.0.0.1:{lab.open.enter_context(proxy())}")


# Name and connection


@case("host-unknown", "write the instance's name")
def the_host_is_misspelt(lab: Lab, _: Env) -> Iterator[None]:
    right, lab.shop["endpoint"] = lab.shop["endpoint"], "https://rest.iad-o1.invalid"
    yield
    lab.shop["endpoint"] = right


@case("dns-silent", "port 53")
def the_resolver_is_silent(lab: Lab, _: Env) -> Iterator[None]:
    right, lab.shop["endpoint"] = lab.shop["endpoint"], "https://silent.invalid"
    yield
    lab.shop["endpoint"] = right


@case("port-closed", "correct the port of endpoint")
def nobody_listens_on_the_port(lab: Lab, _: Env) -> Iterator[None]:
    right, lab.shop["endpoint"] = lab.shop["endpoint"], f"http://127.0.0.1:{free_port()}"
    yield
    lab.shop["endpoint"] = right


@case("unreachable", "allow outgoing TCP to 127.0.0.1:")
def a_firewall_drops_what_is_sent(lab: Lab, _: Env) -> Iterator[None]:
    # A queue of one that nobody serves: further connections are not answered.
    server = lab.open.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    port = server.getsockname()[1]
    for _number in range(3):
        waiting = lab.open.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(("127.0.0.1", port))
    lab.probes = Names(seconds=0.3)
    right, lab.shop["endpoint"] = lab.shop["endpoint"], f"http://127.0.0.1:{port}"
    yield
    lab.shop["endpoint"] = right


# TLS


@case("plain-port", "is written http://")
def tls_to_a_plain_port(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["endpoint"] = lab.braze.url.replace("http://", "https://")
    yield
    lab.shop["endpoint"] = lab.braze.url


@case("tls-expected", "write endpoint with https://")
def plain_http_to_a_port_with_tls(lab: Lab, _: Env) -> Iterator[None]:
    url = lab.secured()
    lab.shop.update(endpoint=url.replace("https://", "http://"), ca_file=lab.ca_file)
    yield
    lab.shop["endpoint"] = url


@case("ca-unknown", "name it as ca_file")
def the_ca_is_unknown(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["endpoint"] = lab.secured()
    yield
    lab.shop["ca_file"] = lab.ca_file


@case("settings-wrong", "ca_file")
def the_ca_file_is_missing(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop.update(endpoint=lab.secured(), ca_file=str(lab.folder / "none.pem"))
    yield
    lab.shop["ca_file"] = lab.ca_file


@case("ca-file", "correct ca_file (or REQUESTS_CA_BUNDLE)")
def the_variable_of_the_cas_names_no_certificate(lab: Lab, env: Env) -> Iterator[None]:
    lab.shop["endpoint"] = lab.secured()
    path = lab.folder / "bundle.pem"
    path.write_text("nothing")
    env.setenv("REQUESTS_CA_BUNDLE", str(path))
    yield
    env.setenv("REQUESTS_CA_BUNDLE", lab.ca_file)


@case("wrong-name", "or the host of the certificate as endpoint")
def the_certificate_is_for_another_name(lab: Lab, _: Env) -> Iterator[None]:
    url = lab.secured("localhost")
    lab.shop.update(endpoint=url, ca_file=lab.ca_file)
    yield
    lab.shop["endpoint"] = url.replace("127.0.0.1", "localhost")


@case("certificate-time", "has to renew it")
def the_certificate_has_expired(lab: Lab, _: Env) -> Iterator[None]:
    url = lab.secured(not_after=datetime.now() - timedelta(days=1))  # noqa: DTZ005 - trustme's way
    lab.shop.update(endpoint=url, ca_file=lab.ca_file)
    yield
    lab.shop["endpoint"] = lab.secured()


@case("tls-broken", "pass untouched")
def a_firewall_ends_tls(lab: Lab, _: Env) -> Iterator[None]:
    port = lab.open.enter_context(listening(lambda one: one.shutdown(socket.SHUT_RDWR)))
    lab.shop.update(endpoint=f"https://127.0.0.1:{port}", ca_file=lab.ca_file)
    yield
    lab.shop["endpoint"] = lab.secured()


# The first answer


@case("no-answer", "allow more time with poll.timeout")
def braze_is_slow(lab: Lab, _: Env) -> Iterator[None]:
    lab.braze.simulator.faults.add("slow*2")  # by two seconds
    lab.settings["poll"]["timeout"] = "1s"
    yield
    lab.settings["poll"]["timeout"] = "5s"


@case("server-error", "try again in some minutes")
def braze_is_down(lab: Lab, _: Env) -> Iterator[None]:
    lab.braze.simulator.faults.add("server-error-503-html*3")
    yield  # by now it is up again


@case("not-braze", "the URL of the REST API")
def a_login_page_answers(lab: Lab, _: Env) -> Iterator[None]:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<h1>Log in</"
    port = lab.open.enter_context(listening(lambda one: one.sendall(page)))
    lab.shop["endpoint"] = f"http://127.0.0.1:{port}"
    yield
    lab.shop["endpoint"] = lab.braze.url


@case("clock-off", "set the clock")
def the_clock_is_an_hour_behind(lab: Lab, _: Env) -> Iterator[None]:
    lab.clock.off = -3600.0
    yield
    lab.clock.off = 0.0


# The account


@case("key-unknown", "copy the key again")
def the_key_is_misspelt(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["api_key"] = KEY[:-1]
    yield
    lab.shop["api_key"] = KEY


@case("key-unknown", "compare the instance with the dashboard's address")
def the_key_is_of_another_instance(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["endpoint"] = lab.simulated(key=OTHER_KEY).url
    yield
    lab.shop["endpoint"] = lab.braze.url


@case("wrong-instance", "set endpoint: EU-01")
def the_key_is_of_another_instance_which_may_be_looked_for(lab: Lab, _: Env) -> Iterator[None]:
    here = lab.simulated(key=OTHER_KEY).url
    lab.instances = {"US-01": here, "US-02": lab.simulated(key="x").url, "EU-01": lab.braze.url}
    lab.find_instance = True
    lab.shop["endpoint"] = here
    yield
    lab.shop["endpoint"] = lab.instances["EU-01"]


@case("key-nowhere", "make a new key")
def no_instance_knows_the_key(lab: Lab, _: Env) -> Iterator[None]:
    lab.instances = {"US-01": lab.braze.url, "US-02": lab.simulated(key=OTHER_KEY).url}
    lab.find_instance = True
    lab.shop["api_key"] = OTHER_KEY[::-1]
    yield
    lab.shop["api_key"] = KEY


@case("account-inactive", "make a key whose allowlist")
def the_account_is_inactive(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["api_key"] = f"{KEY}-forbidden"
    yield
    lab.shop["api_key"] = KEY


@case("rate-limit-spent", "wait until 11:00 UTC")
def the_rate_limit_is_used_up(lab: Lab, _: Env) -> Iterator[None]:
    lab.at("2026-11-20T10:20:00Z")
    braze = lab.simulated(limit=30)
    for _number in range(40):
        braze.simulator.respond("GET", "/segments/list", (), {"authorization": f"Bearer {KEY}"})
    lab.shop["endpoint"] = braze.url
    yield
    lab.at("2026-11-20T11:00:01Z")


@case("rate-limit-spent", "lower reserve")
def less_than_the_reserve_is_left(lab: Lab, _: Env) -> Iterator[None]:
    lab.at("2026-11-20T10:20:00Z")
    braze = lab.simulated(limit=100)
    for _number in range(70):
        braze.simulator.respond("GET", "/segments/list", (), {"authorization": f"Bearer {KEY}"})
    lab.shop.update(endpoint=braze.url, reserve="50%")
    yield
    lab.shop["reserve"] = "5%"


def lacking(permission: str) -> Story:
    def story(lab: Lab, _: Env) -> Iterator[None]:
        lab.shop["api_key"] = f"{KEY}-without-{permission}"
        yield
        lab.shop["api_key"] = KEY

    story.__name__ = f"the_key_lacks_{permission.replace('.', '_')}"
    return story


for _permission in ("segments.list", "segments.data_series", "sessions.data_series"):
    case(
        "permission-missing",
        "make a new one with segments.data_series, segments.list, sessions.data_series",
    )(lacking(_permission))


@case("permission-missing-names", "make a new one with segments.data_series, segments.list")
def the_key_may_not_read_the_names_of_explicit_segments(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop.update(
        api_key=f"{KEY}-without-segments.list",
        segments={"ids": [lab.segment(tracked=True)]},
        apps={},
    )
    yield
    lab.shop["api_key"] = KEY


@case("unreadable", "try again in some minutes")
def one_endpoint_is_down(lab: Lab, _: Env) -> Iterator[None]:
    lab.braze.simulator.faults.add("server-error-500@/segments/data_series*3")
    yield  # by now it is up again


@case("unreadable", "try again in some minutes")
def the_list_is_a_bad_request(lab: Lab, _: Env) -> Iterator[None]:
    lab.braze.simulator.faults.add("bad-request@/segments/list")
    yield
    lab.braze.simulator.faults.clear()


@case("unreadable", "try again in some minutes")
def every_size_of_the_list_is_a_bad_request(lab: Lab, _: Env) -> Iterator[None]:
    lab.braze.simulator.faults.add("bad-request@/segments/data_series")
    yield
    lab.braze.simulator.faults.clear()


@case("rate-limit-spent", "find who sends so many")
def sizes_alone_are_over_the_rate_limit(lab: Lab, _: Env) -> Iterator[None]:
    lab.braze.simulator.faults.add("rate-limited@/segments/data_series*3")
    yield
    lab.braze.simulator.faults.clear()


# Segments and apps


@case("segment-unknown", "correct or remove it in segments.ids")
def an_id_is_misspelt(lab: Lab, _: Env) -> Iterator[None]:
    right = lab.segment(tracked=True)
    lab.shop["segments"] = {"ids": [right[:-1] + "x"]}
    yield
    lab.shop["segments"] = {"ids": [right]}


@case("segment-unknown", "correct or remove it in sessions.by_segment")
def an_id_by_segment_is_misspelt(lab: Lab, _: Env) -> Iterator[None]:
    right = lab.segment(tracked=True)
    lab.shop["sessions"] = {"by_segment": [right, right[:-1] + "x"]}
    yield
    lab.shop["sessions"] = {"by_segment": [right]}


@case("nothing-selected", "`braze-exporter discover` shows all segments")
def no_segment_passes(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["segments"] = {"include": ["^lifecycle"]}
    yield
    lab.shop["segments"] = {"include": ["^Lapsed"]}


@case("over-limit", "raise segments.limit")
def segments_are_over_the_limit(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["segments"] = {"limit": 5}
    yield
    lab.shop["segments"] = {"limit": 50}


@case("app-unknown", "copy the app identifier from Braze")
def an_app_id_is_misspelt(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["apps"] = {"ios": lab.world.apps[0].id[:-1]}
    yield
    lab.shop["apps"] = {"ios": lab.world.apps[0].id}


@case("app-silent", "compare its app_id")
def an_app_id_is_misspelt_and_braze_has_zeros_for_it(lab: Lab, env: Env) -> Iterator[None]:
    lab.braze.simulator.faults.add("unknown-app-zeros")
    yield from an_app_id_is_misspelt(lab, env)
    lab.braze.simulator.faults.clear()


@case("untracked", "switch on analytics tracking")
def a_segment_is_untracked(lab: Lab, _: Env) -> Iterator[None]:
    tracked = lab.segment(tracked=True)
    lab.shop["sessions"] = {"by_segment": [tracked, lab.segment(tracked=False)]}
    yield
    lab.shop["sessions"] = {"by_segment": [tracked]}


@case("kpi-silent", "switch on uninstall tracking")
def uninstalls_are_not_tracked(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["kpi"] = {"metrics": ["dau", "uninstalls"]}
    lab.braze.simulator.faults.add("data-empty@/kpi/uninstalls/data_series")
    yield
    lab.shop["kpi"] = {"metrics": ["dau"]}


@case("kpi-silent", "remove dau from kpi.metrics")
def an_app_has_no_users(lab: Lab, _: Env) -> Iterator[None]:
    [app, *_rest] = lab.world.apps
    lab.shop["kpi"] = {"metrics": ["dau"]}
    lab.braze.simulator.faults.add(f"zero-filled@/kpi/dau/data_series:app={app.id}")
    yield
    del lab.shop["kpi"]


@case("event-silent", "or remove it from events.names")
def an_event_is_misspelt(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["events"] = {"names": ["Added_To_Cart"], "units": ["hour"]}
    lab.shop["apps"] = {}
    yield
    lab.shop["events"]["names"] = ["added_to_cart"]


@case("permission-missing", "make a new one with events.data_series, kpi.dau.data_series")
def the_key_may_not_read_one_of_the_figures(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["kpi"] = {"metrics": ["dau", "mau"]}
    lab.shop["events"] = {"names": ["added_to_cart"]}
    lab.shop["api_key"] = f"{KEY}-without-kpi.mau.data_series"
    yield
    lab.shop["api_key"] = KEY


# Times


@case("time-unreadable", "report it with this line")
def braze_writes_times_in_a_new_way(lab: Lab, _: Env) -> Iterator[None]:
    lab.braze.simulator.faults.add("time-garbage@/sessions/data_series")
    yield
    lab.braze.simulator.faults.clear()


@case("no-points", "nothing, if the workspace is new")
def braze_has_counted_nothing(lab: Lab, _: Env) -> Iterator[None]:
    lab.braze.simulator.faults.add("data-empty@/segments/data_series")
    yield
    lab.braze.simulator.faults.clear()


@case("zone-wrong", "its clocks are at UTC+09:00, as in Asia/Tokyo")
def the_company_lies_further_east(lab: Lab, _: Env) -> Iterator[None]:
    lab.shop["endpoint"] = lab.simulated(zone=ZoneInfo("Asia/Tokyo"), hours="hour-naive").url
    yield
    lab.shop["time_zone"] = "Asia/Tokyo"


@case("zone-wrong", "its clocks are at UTC-08:00, as in America/Los_Angeles")
def the_company_lies_further_west(lab: Lab, _: Env) -> Iterator[None]:
    lab.at("2026-11-20T10:20:00Z")
    zone = ZoneInfo("America/Los_Angeles")
    lab.shop["endpoint"] = lab.simulated(zone=zone, hours="hour-naive").url
    yield
    lab.shop["time_zone"] = "America/Los_Angeles"


@case("zone-wrong", "set time_zone to the company's time zone in Braze")
def the_days_of_the_company_begin_earlier(lab: Lab, _: Env) -> Iterator[None]:
    lab.at("2026-11-20T18:20:00Z")  # in Tokyo the next day has begun
    lab.shop["endpoint"] = lab.simulated(zone=ZoneInfo("Asia/Tokyo")).url
    yield
    lab.shop["time_zone"] = "Asia/Tokyo"


@case("zone-doubtful", "compare time_zone with Settings > Company Settings")
def the_company_lies_an_hour_further_west(lab: Lab, _: Env) -> Iterator[None]:
    lab.at("2026-11-20T10:20:00Z")
    lab.shop.update(endpoint=lab.simulated(hours="hour-naive").url, time_zone="Europe/Berlin")
    yield
    lab.shop["time_zone"] = "UTC"


# Where the exporter listens


@case("port-taken", "set web.listen_address to another port")
def the_port_is_taken(lab: Lab, _: Env) -> Iterator[None]:
    lab.settings["web"]["listen_address"] = f"127.0.0.1:{lab.braze.port}"
    yield
    lab.settings["web"]["listen_address"] = f"127.0.0.1:{free_port()}"


@case("port-forbidden", "set web.listen_address to a port above 1023")
def the_port_is_for_the_administrator(lab: Lab, _: Env) -> Iterator[None]:
    class Nobody(Names):
        """A user who is not root, as tests may be."""

        def listen(self, host: str, port: int) -> None:
            if port < 1024:
                raise PermissionError(13, "Permission denied")
            super().listen(host, port)

    lab.probes = Nobody(seconds=5.0)
    lab.settings["web"]["listen_address"] = "127.0.0.1:80"
    yield
    lab.settings["web"]["listen_address"] = f"127.0.0.1:{free_port()}"


@case("address-foreign", "set web.listen_address to :PORT")
def the_address_is_of_another_machine(lab: Lab, _: Env) -> Iterator[None]:
    port = free_port()
    lab.settings["web"]["listen_address"] = f"192.0.2.1:{port}"
    yield
    lab.settings["web"]["listen_address"] = f":{port}"


def test_nothing_is_found_where_nothing_is_wrong(lab: Lab) -> None:
    """Every check says so, in order, for seven requests at most."""
    found = lab.examine()

    assert bad(found) == []
    assert list(dict.fromkeys(each.check for each in found)) == list(CHECKS)
    skipped = {each.check: each.what for each in found if each.state is State.SKIPPED}
    assert skipped.keys() == {"tracking", "kpi", "event", "time-zone"}
    assert skipped["time-zone"].endswith("compare Braze's Settings > Company Settings")
    assert lab.doctor.requests == {"shop": len(lab.braze.requests)}
    assert len(lab.braze.requests) <= 7
    assert {request.method for request in lab.braze.requests} == {"GET"}


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.story.__name__)
def test_the_cause_is_named_and_its_remedy_works(
    one: Case, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is broken is found, nothing else is; what the remedy says is done, and all is well."""
    story = one.story(lab, monkeypatch)
    next(story)
    found = lab.examine()

    assert {each.cause for each in bad(found)} == {one.cause}
    assert all(one.words in f"{each.what} -> {each.remedy}" for each in bad(found))
    assert lab.shop.get("api_key", KEY) not in repr(found)
    assert KEY not in repr(found)

    next(story, None)
    assert bad(lab.examine()) == []


def test_every_cause_has_such_a_case() -> None:
    """None is promised that was never seen; one can only be shown without a network."""
    assert {one.cause for one in CASES} == CAUSES.keys() - {"unencrypted"}


def test_a_key_that_travels_unencrypted_is_a_warning(lab: Lab) -> None:
    """To another machine than this one."""
    lab.shop.update(endpoint="http://braze.example", allow_http=True)
    lab.examine()
    settings = load(lab.folder / "exporter.yml", {}, {})
    patient = Patient("shop", settings.workspaces["shop"], settings.poll, Means())
    [finding] = examine(patient, [Step("tls", tls)])
    patient.close()

    assert (finding.cause, finding.state) == ("unencrypted", State.WARNING)


def test_the_checks_run_in_the_order_of_the_table() -> None:
    """The settings come first and the port last; each step rests on earlier ones only."""
    names = [step.name for step in STEPS]

    assert ["settings", *names, "port"] == list(CHECKS)
    for number, step in enumerate(STEPS):
        assert set(step.rests_on) <= set(names[:number])


def test_what_rests_on_a_failed_check_is_skipped_because_of_it(lab: Lab) -> None:
    """One cause is one finding, however much it takes with it."""
    lab.shop["endpoint"] = f"http://127.0.0.1:{free_port()}"
    found = lab.examine()

    skipped = {each.check: each.what for each in found if each.state is State.SKIPPED}
    assert skipped["tls"] == skipped["answer"] == skipped["time-zone"] == "because of tcp"
    assert lab.braze.requests == ()


def test_one_missing_permission_leaves_the_other_checks(lab: Lab) -> None:
    """It names the permission, and still looks at the segments."""
    lab.shop["api_key"] = f"{KEY}-without-sessions.data_series"
    found = lab.examine()

    [missing] = bad(found)
    assert missing.what == "the key lacks the permission sessions.data_series"
    states = {each.check: each.state for each in found}
    assert states["segment"] is State.OK
    assert states["app"] is State.SKIPPED


def test_no_segment_counts_as_read_where_no_size_is(lab: Lab) -> None:
    """What the settings select is all that is known then."""
    lab.shop["api_key"] = f"{KEY}-without-segments.data_series"
    [segment] = [each for each in lab.examine() if each.check == "segment"]

    assert segment.what == "12 of 12 are selected"


def test_figures_and_events_that_were_not_asked_for_are_told(lab: Lab) -> None:
    """Twenty of each at most are: here of 22 figures and 30 events."""
    apps = {f"app {number}": f"no-app-{number}" for number in range(10)}
    lab.shop["apps"] = apps | {"app 5": APP_IDS["ios"]}
    lab.shop["kpi"] = {"metrics": ["dau", "mau"]}
    lab.shop["events"] = {
        "names": ["added_to_cart", "completed_checkout", "invited_a_friend"],
        "units": ["day"],
    }
    told = {each.check: each.what for each in lab.examine()}

    assert told["kpi"] == "there are values of all that could be read; 2 were not asked for"
    assert told["event"] == "there are values of all that could be read; 10 were not asked for"


def test_figures_and_events_of_which_none_can_be_read_are_not_said_to_be_well(lab: Lab) -> None:
    """The permission that is missing is a finding of its own."""
    lab.shop["kpi"] = {"metrics": ["dau"]}
    lab.shop["events"] = {"names": ["added_to_cart"]}
    for path in ("/kpi/dau/data_series", "/events/data_series"):
        lab.braze.simulator.faults.add(f"access-denied@{path}")
    told = {each.check: each.what for each in lab.examine()}

    assert told["kpi"] == told["event"] == "none of them can be read"


def test_a_broken_workspace_does_not_hide_another(lab: Lab) -> None:
    """Each is examined; `only` leaves the others alone."""
    broken = lab.shop | {"api_key": "wrong"}
    lab.settings["workspaces"] = {"broken": broken, "shop": lab.shop}
    found = lab.examine()

    assert {each.workspace for each in bad(found)} == {"broken"}
    assert {each.workspace for each in found} == {"", "broken", "shop"}
    assert {each.workspace for each in lab.doctor.findings(["shop"])} == {"", "shop"}


def test_the_key_is_sent_to_no_other_instance_unless_allowed(lab: Lab) -> None:
    """`--find-instance` has to be given."""
    other = lab.simulated()
    lab.instances = {"US-01": lab.braze.url, "EU-01": other.url}
    lab.shop["api_key"] = OTHER_KEY
    lab.examine()

    assert other.requests == ()


def test_a_running_exporter_does_not_count_as_a_program_in_its_way(
    lab: Lab, running: Callable[[Path], object]
) -> None:
    """Doctor may run beside it."""
    lab.examine()
    running(lab.folder / "exporter.yml")
    [port] = [each for each in lab.examine() if each.check == "port"]

    assert port.state is State.OK
    assert "an exporter listens" in port.what


def test_a_wrong_certificate_authority_is_not_our_ca(lab: Lab) -> None:
    """A certificate of another CA of the same make is not trusted."""
    lab.shop.update(endpoint=lab.secured(ca=trustme.CA()), ca_file=lab.ca_file)

    assert [each.cause for each in bad(lab.examine())] == ["ca-unknown"]


@pytest.mark.parametrize(
    "fault",
    [
        "key-echo", "key-echo-500", "deep-json", "gzip-bomb", "endless-body", "drip-head",
        "huge-number", "invalid-utf8", "list-names-null", "data-not-a-list", "connection-reset",
    ],
)  # fmt: skip
def test_a_hostile_braze_neither_stops_it_nor_gets_the_key_shown(lab: Lab, fault: str) -> None:
    """Every check is there, in time, whatever the answers are."""
    lab.settings["poll"]["timeout"] = "1s"
    lab.braze.simulator.faults.add(fault)
    begun = time.monotonic()
    found = lab.examine()

    assert list(dict.fromkeys(each.check for each in found)) == list(CHECKS)
    assert KEY not in repr(found)
    assert time.monotonic() - begun < 10
