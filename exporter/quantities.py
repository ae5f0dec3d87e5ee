"""What settings are written as -> durations, shares, numbers, regexes and listen addresses.

Every parser takes a value as YAML or the environment gives it, or one already parsed, and raises
ValueError with a sentence that says what is expected. The sentence never repeats text that was
given: it may be a secret in the wrong place.
"""

import math
import re
import warnings
from datetime import timedelta
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

_LONGEST = timedelta(days=3650)
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True} | {
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip
_SCALARS = {bool: "true or false", int: "a number", float: "a number"}
_OTHERS = {list: "a list", dict: "a map", type(None): "nothing"}


def text(value: object) -> str:
    """Text as given. YAML reads much as something else, so a number is not silently text."""
    if not isinstance(value, str):
        if scalar := _SCALARS.get(type(value)):
            raise ValueError(f"must be text, not {scalar}; put it in quotes")
        raise ValueError(f"must be text, not {_OTHERS.get(type(value), 'something else')}")
    if not _is_unicode(value):
        raise ValueError("must be text in UTF-8")
    return value


def boolean(value: object) -> bool:
    """True or false; the environment may say it as `true`, `yes`, `on` or `1`."""
    known = _BOOLEANS.get(str(value).lower()) if isinstance(value, bool | int | str) else None
    if known is None:
        raise ValueError("must be true or false")
    return known


def whole_number(value: object) -> int:
    """A whole number; the environment gives it as text."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value, re.ASCII):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("must be a whole number, such as 1000")
    return value


def duration(value: object) -> timedelta:
    """`1h30m` -> 90 minutes. A number without unit is refused, except 0."""
    if isinstance(value, timedelta):
        return value
    if _is_zero(value):
        return timedelta(0)
    if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()):
        raise ValueError("must be a duration with a unit, such as 30m; units are d, h, m and s")
    if not isinstance(value, str) or not re.fullmatch(r"([0-9]+[dhms])+", value):
        raise ValueError("must be a duration such as 30m or 1h30m; units are d, h, m and s")
    parts = re.findall(r"([0-9]+)([dhms])", value)
    # Fifteen digits of days are more than any limit, and int() of very many digits raises.
    if any(len(number.lstrip("0")) > 15 for number, _ in parts):
        seconds = math.inf
    else:
        seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"is too long; the longest is {_LONGEST.days}d")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """The shortest text that `duration` reads back as this value, to the second: `1h30m`."""
    left = int(value.total_seconds())
    written = ""
    for unit, seconds in _UNITS.items():
        if left >= seconds:
            written += f"{left // seconds}{unit}"
            left %= seconds
    return written or "0"


def share(value: object) -> float:
    """`30%` or 0.3 -> 0.3. One and more without `%` is refused: 1 could mean 1% or 100%."""
    number, percent = _number(value)
    if percent and 0 <= number <= 100:
        return number / 100
    if not percent and 0 <= number < 1:
        return number
    if not percent and 1 <= number <= 100:
        raise ValueError(f"must be a share such as 30% or 0.3; did you mean {number:g}%?")
    raise ValueError("must be a share from 0% to 100%, such as 30% or 0.3")


def rise(value: object) -> float:
    """`150%` or 1.5 -> 1.5: a share that may be more than the whole, up to ten times."""
    number, percent = _number(value)
    if percent and 0 <= number <= 1000:
        return number / 100
    if not percent and 0 <= number <= 10:
        return number
    hint = f"; did you mean {number:g}%?" if not percent and 10 < number <= 1000 else ""
    raise ValueError(f"must be a rise from 0% to 1000%, such as 150% or 1.5{hint}")


def _number(value: object) -> tuple[float, bool]:
    """The number, NaN if there is none, and whether it is in percent."""
    if isinstance(value, str):
        digits = value.removesuffix("%")
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,18})?", digits):
            return float(digits), digits != value
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9:
        return float(value), False
    return math.nan, False


def format_share(value: float) -> str:
    """0.3 -> `30%`."""
    return f"{value * 100:g}%"


def regex(value: object) -> re.Pattern[str]:
    """A regular expression of Python; searched anywhere in a name, so `^` and `$` anchor it."""
    if isinstance(value, re.Pattern):
        return value
    pattern = text(value)
    try:
        with warnings.catch_warnings():
            # What Python calls a possible mistake, such as `[[a]`, is one here.
            warnings.simplefilter("error")
            return re.compile(pattern)
    except re.error as error:
        place = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ValueError(f"is not a regular expression: {_plain(error.msg)}{place}") from None
    except Warning:
        raise ValueError("is an ambiguous regular expression; escape `[` inside a set") from None
    except (OverflowError, RecursionError, MemoryError):
        raise ValueError("is too large a regular expression") from None


class Address(NamedTuple):
    """Where to listen; an empty host means every address of this machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(value: object) -> Address:
    """`:10068`, `127.0.0.1:10069`, `localhost:80` or `[::1]:9`; port 0 lets the system choose."""
    expected = "must be an address to listen on, such as :10068, 127.0.0.1:10068 or [::1]:10068"
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65_535:
        raise ValueError(f"{expected}; did you mean ':{value}'?")
    if not isinstance(value, str):
        raise ValueError(expected)
    if re.fullmatch(r"[0-9]{1,5}", value, re.ASCII):
        raise ValueError(f"{expected}; did you mean ':{value}'?")
    parts = re.fullmatch(
        r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]*)):(?P<port>[0-9]{1,5})", value
    )
    if parts is None:
        raise ValueError(expected + _address_hint(value))
    if parts["v6"] and not _is_ipv6(parts["v6"]):
        raise ValueError("must have an IPv6 address in the brackets, such as [::1]:10068")
    port = int(parts["port"])
    if port > 65_535:
        raise ValueError("must have a port from 0 to 65535")
    return Address(parts["v6"] or parts["host"] or "", port)


def _address_hint(value: str) -> str:
    if "://" in value:
        return "; give no http:// and no path"
    if value.count(":") > 1 and "[" not in value:
        return "; an IPv6 address stands in brackets"
    return ""


def _is_zero(value: object) -> bool:
    return value == "0" or (isinstance(value, int) and not isinstance(value, bool) and value == 0)


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except AddressValueError:
        return False
    return True


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(reason: str) -> str:
    """The reason of `re` without the piece of the pattern that some of its messages end with."""
    return re.split(r"[:'\"\\]", reason)[0].strip()
