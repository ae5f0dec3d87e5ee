"""The whole exporter against the simulator: start, isolation, reload and stop."""

import http.client
import json
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from exporter.config import load
from exporter.daemon import Daemon
from exporter.secretfile import KeyFileError
from exporter.server import ListenError
from exporter.simulator import Server
from tests.doubles import (
    KEY,
    OTHER_KEY,
    Page,
    Process,
    Running,
    ask,
    eventually,
    listens,
    newest,
    no_thread_left,
    samples,
    simulated,
    value_of,
)
from tests.machine import free_port

LIST, SIZES, COUNTS = "/segments/list", "/segments/data_series", "/sessions/data_series"
APPS = {"ios": "5d1f3c0e-9a47-4b62-8c1d-2e7f60b4a911"}
SUCCESS = "braze_exporter_collector_success"
LAST_ATTEMPT = "braze_exporter_collector_last_attempt_timestamp_seconds"

Run = Callable[[Path], Running]
Write = Callable[[Mapping[str, object]], Path]


def workspace(server: Server, **changes: object) -> dict[str, object]:
    return {"endpoint": server.url, "api_key": KEY, "apps": APPS, **changes}


def settings(
    poll: Mapping[str, str] | None = None, **workspaces: Mapping[str, object]
) -> dict[str, object]:
    """Settings that listen on a free port."""
    return {
        "workspaces": workspaces,
        "poll": {"timeout": "1s", **(poll or {})},
        "web": {"listen_address": "127.0.0.1:0"},
    }


def ready(running: Running) -> None:
    eventually(lambda: running.ask("/-/ready").status == 200, "everything was polled once")


def more(server: Server, seen: int) -> bool:
    """Whether the server has got more than so many requests."""
    return len(server.requests) > seen


@pytest.fixture
def other() -> Iterator[Server]:
    """A second Braze, in the same thread hygiene as the first."""
    with no_thread_left(), simulated(keys=(OTHER_KEY,)) as server:
        yield server


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[..., int]:
    """How many lines were logged with this message and these fields."""
    caplog.set_level("INFO", "exporter")

    def count(message: str, **fields: object) -> int:
        return sum(
            record.getMessage() == message
            and all(vars(record).get(name) == value for name, value in fields.items())
            for record in list(caplog.records)
        )

    return count


# The start


def test_every_collector_is_polled_within_a_second(
    simulator: Server, running: Run, write: Write
) -> None:
    """Whatever its interval: a new exporter has values at once."""
    begun = time.monotonic()
    exporter = running(write(settings(shop=workspace(simulator))))
    ready(exporter)

    firsts = {request.path: request.monotonic for request in reversed(simulator.requests)}
    assert set(firsts) == {LIST, SIZES, COUNTS}
    assert all(moment - begun < 1 for moment in firsts.values())


def test_explicit_segments_do_not_wait_for_the_list(
    simulator: Server, running: Run, write: Write
) -> None:
    """Their sizes are read while the list hangs."""
    simulator.simulator.faults.add(f"hang@{LIST}")
    id_ = simulator.simulator.world.segments[0].id
    exporter = running(write(settings(shop=workspace(simulator, segments={"ids": [id_]}))))

    eventually(
        lambda: exporter.value("braze_segment_size", workspace="shop", segment_id=id_),
        "the size",
        0.9,
    )
    assert exporter.value(SUCCESS, workspace="shop", collector="discovery") is None


def test_at_the_start_no_series_is_asked_for_again_and_again(
    simulator: Server, running: Run, write: Write
) -> None:
    """Whether the poll of segments comes before the list or after it."""
    for _ in range(5):
        exporter = running(write(settings(shop=workspace(simulator))))
        ready(exporter)
        exporter.stop()

    asked = [
        (request.path, *sorted(request.query.items()))
        for request in simulator.requests
        if "ending_at" not in request.query
    ]
    counts = {each: asked.count(each) for each in asked}
    sizes = {each for each in counts if each[0] == SIZES}
    assert {counts[each] for each in counts.keys() - sizes} == {5}
    # Where the list comes in the very moment a poll of sizes begins, they are asked for twice.
    assert all(5 <= counts[each] <= 10 for each in sizes)


def test_ready_is_503_until_everything_was_polled(
    simulator: Server, running: Run, write: Write
) -> None:
    """Well or badly: a Braze that hangs makes it late, not unready for ever; and what waits is
    named.
    """
    simulator.simulator.faults.add(f"hang@{COUNTS}")
    exporter = running(write(settings(shop=workspace(simulator))))
    first = exporter.ask("/-/ready")
    eventually(
        lambda: exporter.ask("/-/ready").text == "not ready: not polled yet: shop/sessions\n",
        "the others were polled",
    )
    ready(exporter)

    assert first.status == 503
    assert exporter.ask("/-/healthy").status == 200
    assert exporter.value(SUCCESS, workspace="shop", collector="sessions") == 0


def test_the_first_page_is_whole(simulator: Server, running: Run, write: Write) -> None:
    """The first scrape has the build, the settings, the intervals and each counter at 0, and is
    never early enough to miss them; nothing of it claims what is not known yet.
    """
    simulator.simulator.faults.add("hang")
    exporter = running(write(settings(shop=workspace(simulator))))
    page = exporter.samples()

    interval = "braze_exporter_collector_interval_seconds"
    assert value_of(page, interval, workspace="shop", collector="segments") == 1800
    assert value_of(page, "braze_exporter_config_last_reload_successful") == 1
    assert any(name.startswith("braze_exporter_build_info{") for name in page)
    requested = "braze_exporter_api_requests_total"
    assert value_of(page, requested, workspace="shop", endpoint=SIZES) == 0
    assert not [name for name in page if name.startswith(("braze_up", SUCCESS, "braze_segment_"))]


def test_the_status_tells_what_is_read_and_what_is_not(
    simulator: Server, running: Run, write: Write
) -> None:
    """For people and for programs; without the key, though Braze repeats it."""
    simulator.simulator.faults.add("key-echo@/sessions/data_series")
    exporter = running(write(settings(shop=workspace(simulator))))
    ready(exporter)
    status = json.loads(exporter.ask("/status.json").text)
    page = exporter.ask("/")
    [shop] = status["workspaces"]
    collectors = {each["collector"]: each for each in shop["collectors"]}

    assert page.status == 200
    assert "Push Enabled - iOS" in page.text
    assert shop["state"] == "failing"
    assert collectors["sessions"]["failures"][0]["reason"] == "unauthorized"
    assert collectors["segments"]["next_poll"] > status["generated"]
    assert shop["quota"]["remaining"] > 0
    assert len(status["segments"]) == 12
    assert KEY not in page.text + json.dumps(status)


def test_threads_hand_the_interpreter_on_often_while_it_serves(
    simulator: Server, running: Run, write: Write
) -> None:
    """Or a scrape would wait for five thousandths of a second each time."""
    usual = sys.getswitchinterval()
    exporter = running(write(settings(shop=workspace(simulator))))
    assert sys.getswitchinterval() < usual / 10
    exporter.stop()
    assert sys.getswitchinterval() == usual


def test_polls_go_on(simulator: Server, running: Run, write: Write) -> None:
    """Each at its interval."""
    running(write(settings({"sessions": "1s"}, shop=workspace(simulator))))

    eventually(lambda: newest(simulator, COUNTS) >= 6, "three polls of two series", 5)
    assert newest(simulator, LIST) == 1


def test_newly_selected_segments_are_polled_at_once(
    simulator: Server, running: Run, write: Write
) -> None:
    """Not half an hour later."""
    simulator.simulator.faults.add("list-empty")
    exporter = running(write(settings({"discovery": "1s"}, shop=workspace(simulator))))
    ready(exporter)
    assert newest(simulator, SIZES) == 0
    simulator.simulator.faults.clear()

    eventually(lambda: newest(simulator, SIZES) == 12, "the sizes are asked for", 3)
    eventually(
        lambda: sum(name.startswith("braze_segment_size{") for name in exporter.samples()) == 12,
        "the sizes are there",
        1,
    )


# Isolation


def test_a_key_that_may_not_read_sessions_still_reads_segments(
    simulator: Server, running: Run, write: Write
) -> None:
    """Braze answers, and knows us: `braze_up` is 1."""
    key = f"{KEY}-without-sessions.data_series"
    exporter = running(write(settings(shop=workspace(simulator, api_key=key))))
    ready(exporter)
    page = exporter.samples()

    assert sum(name.startswith("braze_segment_size{") for name in page) == 12
    assert value_of(page, "braze_up", workspace="shop") == 1
    assert value_of(page, SUCCESS, workspace="shop", collector="segments") == 1
    assert value_of(page, SUCCESS, workspace="shop", collector="sessions") == 0


def test_an_unknown_key_is_down(simulator: Server, running: Run, write: Write) -> None:
    """A 401 to everything: `braze_up` is 0, the exporter itself is healthy."""
    exporter = running(write(settings(shop=workspace(simulator, api_key=OTHER_KEY))))
    ready(exporter)

    assert exporter.value("braze_up", workspace="shop") == 0
    assert exporter.ask("/-/healthy").status == 200


def test_a_workspace_that_hangs_leaves_the_other_alone(
    simulator: Server, other: Server, running: Run, write: Write
) -> None:
    """The other one is polled as often as ever, and all its values are there."""
    simulator.simulator.faults.add("hang")
    exporter = running(
        write(
            settings(
                {"sessions": "1s", "timeout": "30s"},
                hangs=workspace(simulator, concurrency=1),
                works=workspace(other, api_key=OTHER_KEY),
            )
        )
    )

    eventually(lambda: newest(other, COUNTS) >= 6, "three polls of the other", 5)
    page = exporter.samples()
    assert value_of(page, "braze_up", workspace="works") == 1
    assert value_of(page, "braze_up", workspace="hangs") is None
    assert sum('workspace="works"' in name and "_size{" in name for name in page) == 12


def test_values_outlive_a_failure(simulator: Server, running: Run, write: Write) -> None:
    """The key is withdrawn between two polls: the sizes stay, the failure shows."""
    exporter = running(write(settings({"segments": "1s"}, shop=workspace(simulator))))
    ready(exporter)
    before = {name: v for name, v in exporter.samples().items() if "braze_segment_size{" in name}
    simulator.simulator.faults.add(f"unauthorized@{SIZES}")
    eventually(lambda: exporter.value("braze_up", workspace="shop") == 0, "the failure shows")

    after = {name: v for name, v in exporter.samples().items() if "braze_segment_size{" in name}
    assert len(before) == 12
    assert after == before
    assert exporter.value(SUCCESS, workspace="shop", collector="segments") == 0


# Lines of log


def test_each_poll_is_one_line_and_each_failure_two(
    simulator: Server, running: Run, write: Write, logged: Callable[..., int]
) -> None:
    """One when it begins and one when it ends, however many polls lie between."""
    days = workspace(simulator, sessions={"units": ["day"]})
    exporter = running(write(settings({"sessions": "1s"}, shop=days)))
    ready(exporter)
    simulator.simulator.faults.add(f"bad-request@{COUNTS}")
    eventually(lambda: logged("polled", collector="sessions", failed=1) >= 2, "two bad polls")
    simulator.simulator.faults.clear()
    eventually(lambda: logged("can be read again", collector="sessions"), "the recovery")
    eventually(lambda: logged("polled", collector="sessions", failed=0) >= 2, "a good poll")

    assert logged("cannot read") == 1
    assert logged("can be read again") == 1
    assert logged("polled", collector="discovery") == 1


# Reload


def reload(running: Running) -> Page:
    return running.ask("/-/reload", "POST")


def test_a_bad_file_changes_nothing(simulator: Server, running: Run, write: Write) -> None:
    """The answer says what is wrong with it, a metric says so too, and polls go on."""
    exporter = running(write(settings({"sessions": "1s"}, shop=workspace(simulator))))
    ready(exporter)
    read = exporter.value("braze_exporter_config_last_reload_success_timestamp_seconds")
    write(settings(shop=workspace(simulator, nonsense=1)))
    status, text = reload(exporter)

    assert status == 500
    assert text.startswith("not reloaded: ")
    assert "nonsense" in text
    assert KEY not in text
    page = exporter.samples()
    assert value_of(page, "braze_exporter_config_last_reload_successful") == 0
    assert value_of(page, "braze_exporter_config_last_reload_success_timestamp_seconds") == read
    before = newest(simulator, COUNTS)
    eventually(lambda: newest(simulator, COUNTS) > before, "the next poll", 3)

    write(settings({"sessions": "1s"}, shop=workspace(simulator)))
    assert reload(exporter) == (200, "reloaded\n")
    assert exporter.value("braze_exporter_config_last_reload_successful") == 1


def test_a_removed_workspace_is_gone_when_the_answer_comes(
    simulator: Server, other: Server, running: Run, write: Write
) -> None:
    """With every value and every counter of its own, although a poll of it is under way."""
    both = settings(
        {"sessions": "1s", "timeout": "30s"},
        stays=workspace(simulator),
        goes=workspace(other, api_key=OTHER_KEY),
    )
    exporter = running(write(both))
    ready(exporter)
    other.simulator.faults.add("hang")
    before = len(other.requests)
    eventually(lambda: len(other.requests) > before, "a poll is under way", 3)
    assert any('workspace="goes"' in name for name in exporter.samples())
    write(settings({"sessions": "1s", "timeout": "30s"}, stays=workspace(simulator)))

    assert reload(exporter).status == 200
    page = exporter.samples()
    assert not [name for name in page if 'workspace="goes"' in name]
    assert value_of(page, "braze_up", workspace="stays") == 1
    sent, goal = len(other.requests), newest(simulator, COUNTS) + 4
    eventually(lambda: newest(simulator, COUNTS) >= goal, "two polls of the one that stays")
    assert len(other.requests) == sent


def test_a_workspace_that_is_as_before_goes_on_undisturbed(
    simulator: Server, other: Server, running: Run, write: Write
) -> None:
    """It is neither polled anew nor does it lose a value; the new one is polled at once."""

    def own(exporter: Running) -> dict[str, float]:
        """Its values, and when it was polled."""
        metrics = ("braze_segment_size{", "braze_app_sessions_daily{", LAST_ATTEMPT)
        return {
            name: value
            for name, value in exporter.samples().items()
            if 'workspace="stays"' in name and name.startswith(metrics)
        }

    exporter = running(write(settings(stays=workspace(simulator))))
    ready(exporter)
    before = own(exporter)
    asked = newest(simulator)
    write(settings(stays=workspace(simulator), new=workspace(other, api_key=OTHER_KEY)))
    reload(exporter)
    eventually(
        lambda: exporter.value(SUCCESS, workspace="new", collector="segments"), "the new one", 2
    )

    assert newest(simulator) == asked
    assert own(exporter) == before


def test_an_exporter_that_was_ready_stays_so(
    simulator: Server, other: Server, running: Run, write: Write
) -> None:
    """A new workspace that hangs is no reason to take the others out of service."""
    exporter = running(write(settings(shop=workspace(simulator))))
    ready(exporter)
    other.simulator.faults.add("hang")
    write(settings(shop=workspace(simulator), new=workspace(other, api_key=OTHER_KEY)))
    reload(exporter)

    assert exporter.ask("/-/ready").status == 200


def test_a_changed_key_is_in_use_at_once(simulator: Server, running: Run, write: Write) -> None:
    """A workspace whose settings changed is polled anew; its values stay meanwhile."""
    exporter = running(write(settings(shop=workspace(simulator))))
    ready(exporter)
    write(settings(shop=workspace(simulator, api_key=OTHER_KEY)))
    reload(exporter)
    eventually(lambda: exporter.value("braze_up", workspace="shop") == 0, "the new key is used", 2)
    assert sum("braze_segment_size{" in name for name in exporter.samples()) == 12

    write(settings(shop=workspace(simulator)))
    reload(exporter)
    eventually(lambda: exporter.value("braze_up", workspace="shop") == 1, "the good one again", 2)


def test_segments_that_new_settings_select_are_polled_at_once(
    simulator: Server, running: Run, write: Write
) -> None:
    """The list is known: what changes is only who passes."""
    only = {"include": ["^VIP"]}
    exporter = running(write(settings(shop=workspace(simulator, segments=only))))
    ready(exporter)
    assert sum("braze_segment_size{" in name for name in exporter.samples()) == 1
    write(settings(shop=workspace(simulator)))
    reload(exporter)

    eventually(
        lambda: sum("braze_segment_size{" in name for name in exporter.samples()) == 12,
        "the others",
        2,
    )


def test_a_key_file_that_is_gone_is_a_bad_setting(
    simulator: Server, running: Run, write: Write, tmp_path: Path
) -> None:
    """Nothing is changed before all keys are there."""
    exporter = running(write(settings(shop=workspace(simulator))))
    ready(exporter)
    write(
        settings(
            shop=workspace(simulator, api_key=None, api_key_file=str(tmp_path / "none")),
            new=workspace(simulator),
        )
    )

    status, text = reload(exporter)
    assert status == 500
    assert "does not exist" in text
    assert not [name for name in exporter.samples() if 'workspace="new"' in name]


def test_changes_of_web_and_log_are_said_to_need_a_restart(
    simulator: Server, running: Run, write: Write, logged: Callable[..., int]
) -> None:
    """The rest of the file takes effect."""
    exporter = running(write(settings(shop=workspace(simulator))))
    changed = settings(shop=workspace(simulator)) | {"log": {"level": "debug"}}
    write(changed)

    assert reload(exporter) == (200, "reloaded\n")
    assert logged("changes of web and log need a restart") == 1


def test_reloads_and_polls_do_not_disturb_one_another(
    simulator: Server, other: Server, running: Run, write: Write, logged: Callable[..., int]
) -> None:
    """Twenty reloads that take a workspace away and bring it back, in the middle of its polls: each
    page in between is of one settings or the other, and the threads of the past are gone.
    """
    one = settings(shop=workspace(simulator))
    two = settings(shop=workspace(simulator), comes=workspace(other, api_key=OTHER_KEY))
    exporter = running(write(one))
    ready(exporter)
    for number in range(20):
        write(one if number % 2 else two)
        assert reload(exporter) == (200, "reloaded\n")
        there = any('workspace="comes"' in name for name in exporter.samples())
        assert there == (number % 2 == 0)
        seen = len(other.requests)
        if number % 2 == 0 and number > 5:
            eventually(partial(more, other, seen), "it is polled", 2)

    write(two)
    reload(exporter)
    eventually(
        lambda: sum("braze_segment_size{" in name for name in exporter.samples()) == 24,
        "the values of both",
    )
    eventually(
        lambda: sum("poll-comes" in each.name for each in threading.enumerate()) <= 4,
        "only the newest has threads",
    )
    assert not logged("a poll failed by a bug")


# The stop


def test_stop_ends_everything(simulator: Server, running: Run, write: Write) -> None:
    """Within 3 s, with every thread, although Braze hangs and a client keeps its connection."""
    simulator.simulator.faults.add("hang")
    exporter = running(write(settings({"timeout": "30s"}, shop=workspace(simulator))))
    eventually(lambda: len(simulator.requests) >= 2, "requests are under way")
    client = http.client.HTTPConnection(exporter.url.removeprefix("http://"), timeout=5)
    client.request("GET", "/metrics")
    client.getresponse().read()

    assert exporter.stop() < 3
    assert exporter.ended is True
    client.close()
    assert not listens(exporter.url)


def test_a_stop_answers_whoever_waits_for_a_reload(
    simulator: Server, running: Run, write: Write
) -> None:
    """Reloads that come with the stop are answered one way or the other, and at once."""
    exporter = running(write(settings(shop=workspace(simulator))))
    ready(exporter)
    with ThreadPoolExecutor(4) as clients:
        exporter.daemon.stop()
        answers = [clients.submit(reload_or_nothing, exporter.url) for _ in range(4)]
        assert exporter.stop() < 3
        for each in answers:
            assert each.result(5) in (200, 500, 503, None)


def reload_or_nothing(url: str) -> int | None:
    """The status that a reload is answered with, None for no answer."""
    try:
        return ask(f"{url}/-/reload", "POST").status
    except (OSError, http.client.HTTPException):
        return None


def run_in_thread(daemon: Daemon, config_file: Path) -> BaseException | None:
    """What `run` raises."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            daemon.run(load(config_file, {}, {}), lambda _: None)
        except (ListenError, KeyFileError) as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    return raised[0] if raised else None


def test_an_address_that_is_taken_leaves_nothing_running(
    simulator: Server, running: Run, write: Write
) -> None:
    """Not one request is sent by an exporter that cannot serve."""
    exporter = running(write(settings(shop=workspace(simulator))))
    ready(exporter)
    asked = newest(simulator)
    taken = settings(shop=workspace(simulator)) | {
        "web": {"listen_address": exporter.url.removeprefix("http://")}
    }
    with no_thread_left():
        path = write(taken)
        error = run_in_thread(Daemon(lambda: load(path, {}, {})), path)

    assert "cannot listen on" in str(error)
    assert newest(simulator) == asked


# A process and its signals

Start = Callable[..., Process]


class Served:
    """A process that serves."""

    def __init__(self, start: Start, write: Write, config: dict[str, object]) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        config["web"] = {"listen_address": f"127.0.0.1:{port}"}
        self.process = start("serve", f"--config.file={write(config)}")
        eventually(lambda: listens(f"{self.url}/-/healthy"), "it serves")

    def value(self, name: str, **labels: str) -> float | None:
        return value_of(samples(ask(f"{self.url}/metrics").text), name, **labels)


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        ("hang", signal.SIGTERM),
        ("hang", signal.SIGINT),
        ("rate-limited-retry-after", signal.SIGTERM),
        ("drip-head", signal.SIGTERM),
    ],
)
def test_a_signal_ends_the_process_within_3_seconds(
    simulator: Server, write: Write, process: Start, fault: str, number: signal.Signals
) -> None:
    """With exit code 0 and a last line that says so, whatever Braze is doing, also while it is
    asked to reload.
    """
    simulator.simulator.faults.add(fault)
    served = Served(process, write, settings({"timeout": "30s"}, shop=workspace(simulator)))
    eventually(lambda: simulator.requests, "requests are under way")
    with ThreadPoolExecutor(3) as clients:
        for _ in range(3):
            clients.submit(reload_or_nothing, served.url)
        begun = time.monotonic()
        served.process.signal(number)
        code = served.process.end()
        took = time.monotonic() - begun

    assert (code, took < 3) == (0, True), served.process.err
    assert "Traceback" not in served.process.err
    assert served.process.err.splitlines()[-1].endswith("msg=stopped")


def test_sighup_reloads(simulator: Server, write: Write, process: Start) -> None:
    """Like `POST /-/reload`: a good file takes effect, a bad one changes nothing."""
    served = Served(process, write, settings(shop=workspace(simulator)))
    listen = {"web": {"listen_address": served.url.removeprefix("http://")}}
    write(settings(market=workspace(simulator)) | listen)
    served.process.signal(signal.SIGHUP)
    eventually(lambda: served.value("braze_up", workspace="market") == 1, "the new workspace")
    assert served.value("braze_up", workspace="shop") is None

    write({"workspaces": {}})
    served.process.signal(signal.SIGHUP)
    eventually(
        lambda: served.value("braze_exporter_config_last_reload_successful") == 0, "the failure"
    )
    assert served.value("braze_up", workspace="market") == 1
    assert served.process.terminate()[0] == 0
    assert "the settings stay as they were" in served.process.err


def test_the_log_of_a_process(simulator: Server, write: Write, process: Start) -> None:
    """On stderr, one line a record, all of them ours; the key is in none."""
    simulator.simulator.faults.add(f"key-echo@{COUNTS}")
    served = Served(process, write, settings(shop=workspace(simulator)))
    eventually(lambda: served.process.err.count("msg=polled") == 3, "three polls")
    served.process.terminate()
    served.process.end()

    lines = served.process.err.splitlines()
    assert all(
        re.match(r"ts=\S+ level=(info|warn) caller=(journal|commands)\.py:\d+ ", line)
        for line in lines
    )
    assert len(lines) == 6  # it listens, three polls, one failure, it has stopped
    assert KEY not in served.process.err
    assert "Invalid API key: (key not shown)" in served.process.err
    assert served.process.out == ""
