"""What an API key may do.

Of every key the simulator knows, say `demo`, there are kin whose names say what they may not:
`demo-without-sessions.data_series` (several permissions joined by `+`) and `demo-forbidden`, the
key of an inactive account.
"""

from collections.abc import Iterable
from enum import Enum, auto


class Access(Enum):
    """The verdict on one key and one permission."""

    GRANTED = auto()
    UNKNOWN_KEY = auto()  # 401
    DENIED = auto()  # 403 Access Denied: the key lacks the permission
    INACTIVE = auto()  # 403 Forbidden: the account is inactive


def access(key: str, permission: str | None, known: Iterable[str]) -> Access:
    """May this key use what needs this permission (None: nothing does)?"""
    for root in known:
        if key == root:
            return Access.GRANTED
        if key == f"{root}-forbidden":
            return Access.INACTIVE
        name, _, missing = key.partition("-without-")
        if name == root and missing:
            return Access.DENIED if permission in missing.split("+") else Access.GRANTED
    return Access.UNKNOWN_KEY
