"""Numbers that look random and are always the same for the same arguments."""

import hashlib
import uuid


def digest(*parts: object, size: int = 16) -> bytes:
    """`size` bytes (at most 64) that depend on every part and on nothing else."""
    text = "\x1f".join(map(str, parts))
    return hashlib.blake2b(text.encode(), digest_size=size).digest()


def chance(*parts: object) -> float:
    """A number from 0 up to, not including, 1."""
    return int.from_bytes(digest(*parts, size=6), "big") / 2**48


def swing(*parts: object) -> float:
    """A number between -1 and 1, mostly near 0 (the sum of two even ones)."""
    return chance("first", *parts) + chance("second", *parts) - 1


def random_uuid(*parts: object) -> str:
    """A lower-case UUID, version 4, like every real Braze id (AIRBYTE-REC, RUBY-VCR)."""
    return str(uuid.UUID(bytes=digest(*parts), version=4))
