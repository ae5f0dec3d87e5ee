"""A text without the API key, however whoever echoes it has spelled it: pure."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote

_SHORT = 8  # characters of a key that may also be a word, or part of one
_INSTEAD = "(key not shown)"
_DISGUISED = "(not shown: the key is in it, in other letters)"
_RUN = 10  # letters and digits of the key in a row that are too many; a UUID has 32
_KINDS = 5  # different ones among them at least, and a digit: else they are words, or zeros
_ROUNDS = 3  # of undoing what was escaped
_ESCAPED = re.compile(r"(?<!\\)\\+(?:u00|x)([0-9a-fA-F]{2})")
_OTHER = re.compile(r"[^0-9a-z]+")


def hidden(text: str, key: str, *, short: bool = False) -> str:
    """The text without this key.

    As it is, and as JSON and HTML spell it, the key alone is replaced. One of less than 8
    characters may be a word: it is only hidden where `short` says so, as in what Braze says of it,
    and where it is no part of a longer one. A text that holds the key, or a part of it, in any
    other way is not shown at all: in capitals, in pieces, with the escapes of JSON, HTML or URLs,
    in base64 or hexadecimal. A part without a digit is not looked for: it may be words.
    """
    if not key or (len(key) < _SHORT and not short):
        return text
    text = _spellings(key).sub(_INSTEAD, text)
    return _DISGUISED if _is_in(text, _runs(key)) else text


@lru_cache(maxsize=64)
def _spellings(key: str) -> re.Pattern[str]:
    in_json = json.dumps(key)[1:-1]
    found = {key, in_json, in_json.replace("/", "\\/"), html.escape(key, quote=False)}
    found |= {html.escape(key), html.escape(key).replace("&#x27;", "&#39;")}
    any_of_them = "|".join(map(re.escape, sorted(found, key=len, reverse=True)))
    alone = ("(?<![0-9A-Za-z])", "(?![0-9A-Za-z])") if len(key) < _SHORT else ("", "")
    return re.compile(f"{alone[0]}(?:{any_of_them}){alone[1]}")


@lru_cache(maxsize=64)
def _runs(key: str) -> frozenset[str]:
    """What no text may hold, once it is bare: every run of the key, of its base64, of its hex."""
    octets = key.encode()
    # Where a group of three bytes begins depends on what stands before the key.
    codes = [b64encode(octets[skipped:]).decode() for skipped in range(3)]
    spelled = (_bare(each) for each in (key, octets.hex(), *codes))
    return frozenset(run for each in spelled for run in _windows(each) if _telling(run))


def _is_in(text: str, runs: frozenset[str]) -> bool:
    for _ in range(_ROUNDS):
        if any(run in runs for run in _windows(_bare(text))):
            return True
        plainer = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), html.unescape(unquote(text)))
        if plainer == text:
            return False
        text = plainer
    return any(run in runs for run in _windows(_bare(text)))


def _bare(text: str) -> str:
    """Its letters and digits, small and without what stands between them."""
    return _OTHER.sub("", text.lower())


def _windows(text: str) -> Iterator[str]:
    return (text[at : at + _RUN] for at in range(len(text) - _RUN + 1))


def _telling(run: str) -> bool:
    return len(set(run)) >= _KINDS and any(map(str.isdigit, run))
