"""bcrypt: whether a hash is sound, and whether a password fits it."""

import re

import bcrypt

# The work doubles with each step: 10 is 70 ms, 14 more than a second, during which nobody else's
# password is checked.
_DEAREST = 14
_COUNTING = 72  # bytes; bcrypt passes over the rest, and its Python library refuses it


def fault(hashed: str) -> str:
    """What is wrong with this hash, without repeating it; empty if nothing is."""
    # 22 characters of salt, the last of which has two bits to say, and 31 of hash.
    form = r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"
    parts = re.fullmatch(form, hashed)
    if parts is None:
        return "is no bcrypt hash; make one with `htpasswd -nBC 10 USER`"
    if not 4 <= int(parts[1]) <= _DEAREST:
        return f"has a cost that is not 4 to {_DEAREST}; 10 takes about 70 ms"
    return ""


def fits(password: bytes, hashed: bytes) -> bool:
    """Whether `hashed`, a sound hash, is one of `password`. Takes long, without Python's lock."""
    return bcrypt.checkpw(password[:_COUNTING], hashed)
