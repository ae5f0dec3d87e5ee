"""A text without the API key, however whoever echoes it has spelled it: pure."""

import html
import json
import re
from base64 import b64encode
from functools import lru_cache
from urllib.parse import unquote

SHORTEST = 8
"""Characters of a key; a shorter one would be found in ordinary words, and is taken for none."""

_INSTEAD = "(key not shown)"
_DISGUISED = "(not shown: the key is in it, in other letters)"
_RUN = 10  # letters and digits of the key in a row that are too many; a UUID has 32
_ROUNDS = 3  # of undoing what was escaped
_ESCAPED = re.compile(r"\\+(?:u00|x)([0-9a-fA-F]{2})")
_OTHER = re.compile(r"[^0-9a-z]+")


def hidden(text: str, key: str) -> str:
    """The text without this key.

    As it is, and as JSON and HTML spell it, the key alone is replaced. A text that holds it, or a
    part of it, in any other way is not shown at all: in capitals, in pieces, with the escapes of
    JSON, HTML or URLs, in base64 or hexadecimal.
    """
    if len(key) < SHORTEST:
        return text
    for spelling in _spellings(key):
        text = text.replace(spelling, _INSTEAD)
    return _DISGUISED if _is_in(text, _runs(key)) else text


@lru_cache(maxsize=64)
def _spellings(key: str) -> tuple[str, ...]:
    in_json = json.dumps(key)[1:-1]
    found = {key, in_json, in_json.replace("/", "\\/"), html.escape(key, quote=False)}
    found |= {html.escape(key), html.escape(key).replace("&#x27;", "&#39;")}
    return tuple(sorted(found, key=len, reverse=True))


@lru_cache(maxsize=64)
def _runs(key: str) -> frozenset[str]:
    """What no text may hold, once it is bare: every run of the key, of its base64, of its hex."""
    octets = key.encode()
    # Where a group of three bytes begins depends on what stands before the key.
    codes = [b64encode(octets[skipped:]).decode() for skipped in range(3)]
    return frozenset().union(*(_windows(_bare(each)) for each in (key, octets.hex(), *codes)))


def _is_in(text: str, runs: frozenset[str]) -> bool:
    for _ in range(_ROUNDS):
        if not runs.isdisjoint(_windows(_bare(text))):
            return True
        plainer = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), html.unescape(unquote(text)))
        if plainer == text:
            return False
        text = plainer
    return not runs.isdisjoint(_windows(_bare(text)))


def _bare(text: str) -> str:
    """Its letters and digits, small and without what stands between them."""
    return _OTHER.sub("", text.lower())


def _windows(text: str) -> set[str]:
    return {text[at : at + _RUN] for at in range(len(text) - _RUN + 1)}
