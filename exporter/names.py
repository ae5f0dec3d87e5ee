"""What workspaces, segments, apps, time zones, files and web paths may be called.

Each function takes the name as it was given and returns it, or raises ValueError with a sentence
that does not repeat it.
"""

import re
from functools import cache
from pathlib import Path
from unicodedata import category
from zoneinfo import ZoneInfo, available_timezones

from exporter.mistakes import did_you_mean
from exporter.quantities import text


def workspace(value: object) -> str:
    """A label value that can also stand, in upper case, in the name of a variable."""
    name = text(value)
    if re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name) and "__" not in name:
        return name
    raise ValueError(
        "is no name for a workspace; use lower-case letters, digits and single underscores, "
        "beginning with a letter"
    )


def identifier(value: object) -> str:
    """The id of a segment or app. Braze gives UUIDs but promises only a random key."""
    given = text(value)
    if not given:
        raise ValueError("is empty; Braze shows the identifier on the page of each segment or app")
    if not re.fullmatch(r"[A-Za-z0-9._~-]{1,200}", given):
        raise ValueError("is no identifier; one has letters, digits, `-`, `_`, `.` and `~` only")
    return given


def app(value: object) -> str:
    """The name an app has in labels; any script, in one line."""
    name = text(value)
    if not name.strip():
        raise ValueError("needs a name")
    if not name.isprintable() or len(name) > 200:
        raise ValueError("is no name for an app; use up to 200 printable characters")
    return name


def event(value: object) -> str:
    """A custom event of Braze, compared as it is written: with no-break spaces and joined emoji."""
    name = text(value)
    if not name.strip():
        raise ValueError("needs a name")
    if len(name) > 255 or any(category(each) == "Cc" for each in name):
        raise ValueError("is no name for an event; use up to 255 characters, none for control")
    return name


def tag(value: object) -> str:
    """A tag of Braze, compared as it is written."""
    given = text(value)
    if not given:
        raise ValueError("is empty")
    return given


def time_zone(value: object) -> ZoneInfo:
    """A time zone of the IANA database; its names are case-sensitive."""
    if isinstance(value, ZoneInfo):
        return value
    given = text(value)
    try:
        return ZoneInfo(given)
    except (KeyError, ValueError, OSError):
        hint = did_you_mean(given, _zones())
    raise ValueError(f"must be a time zone such as UTC or Europe/Berlin{hint}")


def file(value: object) -> Path | None:
    """The path of a file, which need not exist; None if there is none."""
    if value is None or isinstance(value, Path):
        return value
    if not text(value):
        raise ValueError("is empty; give the path of a file")
    return Path(text(value))


def telemetry_path(value: object) -> str:
    """A path of the exporter's web server that its own pages leave free."""
    given = text(value)
    if not re.fullmatch(r"/[!-~]*", given) or re.search(r"[?#%]", given):
        raise ValueError("must begin with / and have no white space, `?`, `#` or `%`")
    if given in ("/", "/-", "/status.json") or given.startswith("/-/"):
        raise ValueError("is a page of the exporter itself; choose another, such as /metrics")
    return given


@cache
def _zones() -> frozenset[str]:
    # Reads some hundred directory entries: for hints only.
    return frozenset(available_timezones())
