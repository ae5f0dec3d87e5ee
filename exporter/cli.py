"""argv -> one command -> exit code.

Nothing heavy is imported before the command is known: `--help` answers at once.
"""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from exporter import __version__

_COMMANDS = {
    "serve": "poll Braze and serve metrics until stopped (the default)",
    "check": "read the settings, say what is wrong with them, and end",
    "once": "poll everything once and write the metrics to stdout or a file",
    "demo": "everything at work against a simulated Braze: no account needed",
    "simulate": "the simulated Braze alone",
    "healthcheck": "ask a running exporter whether it is healthy (for container images)",
}


_ENDLESS = frozenset({"serve", "demo", "simulate"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` names; returns 0 (done), 1 (failed) or 2 (usage or settings)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "serve")
    arguments = _parser().parse_args(words)
    with _starting(arguments.command):
        # Only now: the commands bring pydantic, requests and the rest.
        from exporter import commands

        command = getattr(commands, arguments.command)
        try:
            code: int = command(arguments)
        except KeyboardInterrupt:
            return commands.FAILED
        return code


@contextmanager
def _starting(command: str) -> Iterator[None]:
    """What runs until it is stopped takes its signals itself, once it has started.

    Until then SIGTERM ends it as asked, and SIGHUP, which would kill it, has nothing to reload.
    """
    if command not in _ENDLESS:
        yield
        return
    before = {
        number: signal.signal(number, handler)
        for number, handler in (
            (signal.SIGTERM, lambda *_: sys.exit(0)),
            (signal.SIGHUP, signal.SIG_IGN),
        )
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "braze-exporter",
        description="Prometheus exporter for Braze: segment sizes and app sessions.",
        epilog="`braze-exporter COMMAND --help` lists a command's flags. Without a command: serve.",
    )
    parser.add_argument("--version", action="version", version=f"braze-exporter {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    made = {
        name: commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        for name, text in _COMMANDS.items()
    }
    for name in ("serve", "check", "once", "healthcheck"):
        _add_settings(made[name])
    made["once"].add_argument(
        "--textfile",
        metavar="PATH",
        type=Path,
        help="write to this file, all at once, as node_exporter's textfile collector reads it",
    )
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


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time such as 2026-11-22T08:00:00Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
