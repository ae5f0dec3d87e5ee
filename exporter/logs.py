"""Log lines for machines that people can read too: logfmt or JSON, and never a secret."""

import json
import logging
import re
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TextIO

from exporter.redaction import hidden

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_NAMES = {number: name for name, number in _LEVELS.items()} | {logging.CRITICAL: "error"}
_BARE = re.compile(r"[^\s\"=\\]+")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Lines(logging.Formatter):
    """One line a record: time, level, source and message, then what `extra` brings.

    `secrets` gives the API keys, which must not be written, anew for each record.
    """

    def __init__(self, form: str, secrets: Callable[[], Iterable[str]] = tuple) -> None:
        super().__init__()
        self._write = _json if form == "json" else _logfmt
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The line, without the newline that ends it."""
        fields: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": _NAMES.get(record.levelno, record.levelname.lower()),
            "caller": f"{record.filename}:{record.lineno}",
            "msg": record.getMessage(),
        }
        fields |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        # Values, not the finished line: quoting may have changed how a secret is spelled there.
        # The longest first: it may begin with another one.
        for secret in sorted(self._secrets(), key=len, reverse=True):
            fields = {
                key: value if isinstance(value, int | float) else hidden(str(value), secret)
                for key, value in fields.items()
            }
        return self._write(fields)


def set_up(
    level: str,
    form: str,
    secrets: Callable[[], Iterable[str]] = tuple,
    stream: TextIO | None = None,
) -> None:
    """Have every log line of `level` (debug, info, warn, error) or above written to `stream`,
    stderr unless given.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Lines(form, secrets))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(_LEVELS[level])
    # These name every URL and every run of a job, and only say what our lines say; the warnings of
    # urllib3 repeat what came from Braze as it came.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    logging.getLogger("apscheduler").setLevel(max(_LEVELS[level], logging.WARNING))


def _logfmt(fields: dict[str, object]) -> str:
    def spelled(value: object) -> str:
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return text if text.isprintable() and _BARE.fullmatch(text) else _quoted(text)

    return " ".join(f"{key}={spelled(value)}" for key, value in fields.items())


def _json(fields: dict[str, object]) -> str:
    return _quoted(fields)


def _quoted(value: object) -> str:
    """As JSON, which leaves some characters as they are that terminals obey: the controls of C1,
    those that turn the direction of writing, and halves of characters, which cannot be written.
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
