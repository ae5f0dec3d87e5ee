"""Log lines: two formats, four levels, and never a secret."""

import io
import json
import logging
import re
from collections.abc import Callable

import pytest

from exporter import logs

SECRET = "0f6b3c52-9d1e-4c0a-8a35-7be12c4d9e60"
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}\+00:00")

Written = Callable[[], list[str]]


def set_up(level: str = "info", form: str = "logfmt", *secrets: str) -> Written:
    """Log into a string; returns what gives its lines."""
    stream = io.StringIO()
    logs.set_up(level, form, lambda: secrets, stream)
    return lambda: stream.getvalue().splitlines()


def test_a_logfmt_line() -> None:
    """Time, level, source and message first, as in Prometheus' own logs; then what there is to
    add.
    """
    written = set_up()
    logging.getLogger("exporter.test").info(
        "polled", extra={"workspace": "shop", "read": 12, "seconds": 0.25}
    )

    [line] = written()
    ts, rest = line.split(" ", 1)
    assert TIME.fullmatch(ts.removeprefix("ts="))
    assert re.fullmatch(
        r"level=info caller=test_logs\.py:\d+ msg=polled workspace=shop read=12 seconds=0\.25", rest
    )


def test_json_gives_a_terminal_no_orders_either() -> None:
    """The single-character CSI is a control character that JSON itself lets through."""
    written = set_up("info", "json")
    logging.getLogger("exporter").info("x", extra={"value": "\x9b31mred"})

    [line] = written()
    assert line.isprintable()
    assert json.loads(line)["value"] == "\x9b31mred"


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("two words", '"two words"'),
        ('say "no"', r'"say \"no\""'),
        ("a=b", '"a=b"'),
        ("back\\slash", r'"back\\slash"'),
        ("line\nbreak", r'"line\nbreak"'),
        ("\x1b[31mred", r'"\u001b[31mred"'),
        ("\x9b31mred", r'"\u009b31mred"'),
        ("a\x7fb", r'"a\u007fb"'),
        ("a\u202eb", r'"a\u202eb"'),
        ("a\u2066b", r'"a\u2066b"'),
        ("a\u200bb", r'"a\u200bb"'),
        ("a\ud800b", r'"a\ud800b"'),
        ("a\U000e0001b", r'"a\udb40\udc01b"'),
        ("Österreich", "Österreich"),
        (None, "None"),
        (True, "True"),
        (300.0, "300"),
        (1e-05, "1e-05"),
    ],
)
def test_logfmt_quotes_what_would_break_the_line(value: object, spelled: str) -> None:
    """One record is one line, whatever Braze or the settings put into it."""
    written = set_up()
    logging.getLogger("exporter").info("x", extra={"value": value})

    [line] = written()
    assert line.endswith(f" value={spelled}")


def test_a_json_line() -> None:
    """The same fields as one object; numbers stay numbers, other scripts stay readable."""
    written = set_up("info", "json")
    logging.getLogger("exporter").warning(
        "cannot read", extra={"read": 12, "seconds": 0.25, "segment": "Öl\n"}
    )

    [line] = written()
    fields = json.loads(line)
    assert TIME.fullmatch(fields.pop("ts"))
    assert fields.pop("caller").startswith("test_logs.py:")
    assert fields == {
        "level": "warn",
        "msg": "cannot read",
        "read": 12,
        "seconds": 0.25,
        "segment": "Öl\n",
    }
    assert "Öl" in line


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["debug", "info", "warn", "error", "error"]),
        ("info", ["info", "warn", "error", "error"]),
        ("warn", ["warn", "error", "error"]),
        ("error", ["error", "error"]),
    ],
)
def test_levels(level: str, seen: list[str]) -> None:
    """From the level that is set upwards; worse than error there is nothing."""
    written = set_up(level)
    for number in (10, 20, 30, 40, 50):
        logging.getLogger("exporter").log(number, "x")

    assert [line.split()[1].removeprefix("level=") for line in written()] == seen


def test_a_traceback_stands_in_the_line() -> None:
    """A bug in the program is one record as well."""
    for form in ("logfmt", "json"):
        written = set_up("info", form)
        try:
            raise ZeroDivisionError("by 0")
        except ZeroDivisionError:
            logging.getLogger("exporter").exception("a poll failed by a bug")

        [line] = written()
        assert "Traceback (most recent call last)" in line
        assert "ZeroDivisionError: by 0" in line


def test_libraries_log_only_what_we_do_not() -> None:
    """Each request and each run of a job has a line of ours. The scheduler's warnings still come;
    those of urllib3 repeat what Braze sent, before anything was taken out of it.
    """
    written = set_up("info")
    for name in ("apscheduler.scheduler", "apscheduler.executors.default"):
        logging.getLogger(name).info("Running job")
    logging.getLogger("urllib3.connectionpool").debug("GET /segments/list")
    logging.getLogger("apscheduler.scheduler").warning("that is odd")
    logging.getLogger("urllib3.connectionpool").warning("Failed to parse headers: what came")

    assert [line.split("msg=")[1] for line in written()] == ['"that is odd"']


def test_libraries_say_no_more_at_debug() -> None:
    """Their lines would name every URL."""
    written = set_up("debug")
    logging.getLogger("urllib3.connectionpool").debug("GET /segments/list")
    logging.getLogger("apscheduler.scheduler").info("Running job")

    assert written() == []


def test_set_up_again_replaces_what_was() -> None:
    """No line is written twice."""
    first, second = set_up(), set_up()
    logging.getLogger("exporter").info("x")

    assert (len(first()), len(second())) == (0, 1)


# Secrets


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_a_secret_is_written_nowhere(form: str) -> None:
    """Not in the message, its arguments, what is added to it, nor a traceback."""
    written = set_up("info", form, SECRET)
    log = logging.getLogger("exporter")
    log.info("the key %s is unknown", SECRET)
    log.info("a header", extra={"header": f"Bearer {SECRET}", "all": [SECRET]})
    try:
        raise ValueError(f"bad header {SECRET}")
    except ValueError:
        log.exception("oops")

    assert SECRET not in "\n".join(written())
    assert [line.count("(key not shown)") for line in written()] == [1, 2, 1]


def test_a_secret_is_found_however_the_format_would_spell_it() -> None:
    """Quotes and backslashes in a key are escaped in the line: it is looked for before."""
    secret = 'ab"cd\\ef'
    for form in ("logfmt", "json"):
        written = set_up("info", form, secret)
        logging.getLogger("exporter").info("x", extra={"key": f"is {secret}."})

        assert written()[0].endswith('"is (key not shown)."' + ("}" if form == "json" else ""))


def test_a_short_key_does_not_hide_ordinary_words() -> None:
    """The demo's key is `demo`: a workspace of that name stays readable."""
    written = set_up("info", "logfmt", "demo", "a", "")
    logging.getLogger("exporter").info("polled", extra={"workspace": "demo"})

    assert written()[0].endswith("msg=polled workspace=demo")


def test_a_key_of_8_characters_is_a_secret() -> None:
    """From there on nothing ordinary is hidden by it."""
    written = set_up("info", "logfmt", "s3cr3t-8")
    logging.getLogger("exporter").info("x", extra={"key": "s3cr3t-8"})

    assert written()[0].endswith('key="(key not shown)"')


def test_a_secret_that_begins_with_another_is_hidden_whole() -> None:
    """Of two keys, one may be the beginning of the other."""
    written = set_up("info", "logfmt", "first-key", "first-key-and-more")
    logging.getLogger("exporter").info("x", extra={"key": "first-key-and-more"})

    assert written()[0].endswith('key="(key not shown)"')


def test_secrets_are_asked_for_anew() -> None:
    """A key that was changed on disk is hidden from its first use on."""
    keys = ["the-old-key"]
    stream = io.StringIO()
    logs.set_up("info", "logfmt", lambda: keys, stream)
    keys[:] = ["the-new-key"]
    logging.getLogger("exporter").info("x", extra={"key": "the-new-key"})

    assert stream.getvalue().endswith('key="(key not shown)"\n')
