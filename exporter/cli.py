"""argv -> one command -> exit code.

Nothing heavy is imported before the command is known: `--help` answers at once.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

from exporter import __version__
from exporter.output import given_up

# The module that has the command, and what it does.
_COMMANDS = {
    "serve": ("commands", "poll Braze and serve metrics until stopped (the default)"),
    "check": ("commands", "read the settings, say what is wrong with them, and end"),
    "once": ("commands", "poll everything once and write the metrics to stdout or a file"),
    "doctor": (
        "inquiries",
        "find what keeps it from working with this account, and say what to do",
    ),
    "plan": (
        "inquiries",
        "say what the settings will cost: requests, time, series, bytes, memory",
    ),
    "discover": ("inquiries", "list Braze's segments: names, ids, tags, sizes"),
    "backfill": ("backfilling", "write the history of everything for Prometheus to import"),
    "demo": ("demonstration", "everything at work against a simulated Braze: no account needed"),
    "simulate": ("demonstration", "the simulated Braze alone"),
    "healthcheck": (
        "commands",
        "ask a running exporter whether it is healthy (for container images)",
    ),
}


_ENDLESS = frozenset({"serve", "demo", "simulate"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` names; returns 0 (done), 1 (failed) or 2 (usage or settings)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "serve")
    arguments = command_line().parse_args(words)
    with _starting(arguments.command):
        # Only now: the commands bring pydantic, requests and the rest.
        try:
            module, _ = _COMMANDS[arguments.command]
            command = getattr(import_module(f"exporter.{module}"), arguments.command)
            code: int = command(arguments)
            sys.stdout.flush()
        except OSError as error:  # such as a pipe of `| head`, once it has enough
            return given_up(error)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 1
        return code


@contextmanager
def _starting(command: str) -> Iterator[None]:
    """What runs until it is stopped takes its signals itself, once it has started.

    Until then SIGTERM ends it as asked, and SIGHUP, which would kill it, has nothing to reload.
    What ends by itself tidies up on SIGTERM as on Ctrl-C: by itself a container's first process
    would not even notice.
    """
    handlers: dict[int, signal.Handlers | Callable[..., object]]
    if command in _ENDLESS:
        handlers = {signal.SIGTERM: lambda *_: sys.exit(0), signal.SIGHUP: signal.SIG_IGN}
    else:
        handlers = {signal.SIGTERM: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def command_line() -> argparse.ArgumentParser:
    """Every command and flag."""
    parser = argparse.ArgumentParser(
        "braze-exporter",
        description="Prometheus exporter for Braze: segment sizes, app sessions, users and events.",
        epilog="`braze-exporter COMMAND --help` lists a command's flags. Without a command: serve.",
    )
    parser.add_argument("--version", action="version", version=f"braze-exporter {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    made = {
        name: commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        for name, (_, text) in _COMMANDS.items()
    }
    for name in ("serve", "check", "once", "doctor", "plan", "discover", "backfill", "healthcheck"):
        _add_settings(made[name])
    made["once"].add_argument(
        "--textfile",
        metavar="PATH",
        type=Path,
        help="write to this file, all at once, as node_exporter's textfile collector reads it",
    )
    _add_inquiries(made)
    _add_backfill(made["backfill"])
    made["demo"].add_argument(
        "--web.listen-address",
        dest="listen_address",
        metavar="ADDRESS",
        default="127.0.0.1:10068",
        help="where the exporter listens (default: %(default)s)",
    )
    made["simulate"].add_argument(
        "--web.listen-address",
        dest="listen_address",
        metavar="ADDRESS",
        default="127.0.0.1:10069",
        help="where the simulated Braze listens (default: %(default)s)",
    )
    for name in ("demo", "simulate"):
        made[name].add_argument(
            "--seed",
            type=int,
            default=1,
            help="another seed, another made-up workspace (default: 1)",
        )
    made["simulate"].add_argument(
        "--clock",
        metavar="TIME",
        type=_moment,
        help="its time at the start, from where it runs on: 2026-11-22T08:00:00Z (default: now)",
    )
    made["simulate"].add_argument(
        "--fault",
        metavar="NAME[@PATH][*TIMES]",
        action="append",
        default=[],
        help="misbehave in this way, such as rate-limited@/segments/data_series*3; may be repeated "
        "(see --list-faults)",
    )
    made["simulate"].add_argument(
        "--list-faults", action="store_true", help="list the ways to misbehave, and end"
    )
    return parser


def _add_inquiries(made: dict[str, argparse.ArgumentParser]) -> None:
    for name in ("doctor", "plan", "discover"):
        made[name].add_argument(
            "--workspace",
            metavar="NAME",
            action="append",
            default=[],
            help="only this workspace; may be repeated (default: all)",
        )
    for name in ("doctor", "plan"):
        made[name].add_argument("--json", action="store_true", help="write JSON, for programs")
    made["doctor"].add_argument(
        "--find-instance",
        action="store_true",
        help="send a key that is refused to each of Braze's other instances, to find its own",
    )
    made["plan"].add_argument(
        "--segments",
        metavar="N",
        type=_whole,
        help="take it that the list has so many segments and all pass, instead of asking Braze for "
        "it where the settings discover",
    )
    made["plan"].add_argument(
        "--latency",
        metavar="SECONDS",
        type=_seconds,
        default=0.5,
        help="how long a request is taken to need (default: 0.5; Braze was seen to need 0.25 to "
        "0.9)",
    )
    made["discover"].add_argument(
        "--sizes",
        action=argparse.BooleanOptionalAction,
        help="ask for the size of every segment or of none, a request each (default: of the first "
        "100 selected)",
    )
    form = made["discover"].add_mutually_exclusive_group()
    for name, text in (
        ("json", "write JSON, for programs"),
        ("yaml", "write the selected ids as the settings take them"),
    ):
        form.add_argument(
            f"--{name}", dest="form", action="store_const", const=name, default="table", help=text
        )


def _add_backfill(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        required=True,
        help="the file to write, in OpenMetrics",
    )
    parser.add_argument(
        "--days", metavar="N", type=_days, default=100, help="how far back (default: 100 days)"
    )
    parser.add_argument(
        "--until",
        metavar="TIME",
        type=_moment,
        help="where it ends, such as 2026-11-22T08:00:00Z (default, and the latest: 3 h ago)",
    )
    parser.add_argument(
        "--step",
        metavar="DURATION",
        type=_duration,
        default=timedelta(minutes=5),
        help="how far apart the samples lie (default: 5m, which every query finds)",
    )
    parser.add_argument(
        "--prometheus",
        metavar="URL",
        help="a Prometheus that scrapes the exporter, to be asked for the labels",
    )
    parser.add_argument(
        "--label",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a label of the live series; may be repeated",
    )
    parser.add_argument("--job", metavar="VALUE", help="the label job of the live series")
    parser.add_argument("--instance", metavar="VALUE", help="the label instance of the live series")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file", dest="config_file", metavar="PATH", type=Path, help="the settings, in YAML"
    )
    for flag, text in (
        ("web.telemetry-path", "the path of the metrics"),
        ("web.config.file", "TLS and basic auth, in exporter-toolkit's format"),
        ("log.level", "debug, info, warn or error"),
        ("log.format", "logfmt or json"),
    ):
        parser.add_argument(f"--{flag}", dest=flag, metavar="VALUE", help=text)
    parser.add_argument(
        "--web.listen-address",
        dest="web.listen-address",
        metavar="ADDRESS",
        action="append",
        help="where to listen, such as :10068; may be repeated",
    )


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError("must be a number of days from 1 to 3650")
    return int(text)


def _duration(text: str) -> timedelta:
    from exporter.quantities import duration

    try:
        return duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 <= int(text) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of segments")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        # The first and the last day of the calendar cannot be told in other zones.
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time such as 2026-11-22T08:00:00Z"
        ) from None
