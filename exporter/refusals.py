"""When to stop asking: after refusals in a row, of one endpoint or of the whole workspace."""

import threading
from collections import defaultdict

_OF_ALL = frozenset({"unauthorized", "rate_limited"})


class Refusals:
    """Counts refusals in a row, from any thread.

    A missing permission says something of its endpoint alone, whatever else the key may. A key that
    is unknown and a spent rate limit say something of every endpoint, as do the reasons in `also`.
    After `most` in a row there is no use in asking more.
    """

    def __init__(self, most: int, also: frozenset[str] = frozenset()) -> None:
        self._most = most
        self._of_all = _OF_ALL | also
        self._lock = threading.Lock()
        self._everywhere = 0
        self._by_endpoint: defaultdict[str, int] = defaultdict(int)

    def note(self, endpoint: str, reason: str | None) -> None:
        """A question to `endpoint` failed for `reason`, None for an answer."""
        of_all = reason in self._of_all
        with self._lock:
            self._everywhere = self._everywhere + 1 if of_all else 0
            refused = of_all or reason == "forbidden"
            self._by_endpoint[endpoint] = self._by_endpoint[endpoint] + 1 if refused else 0

    def final(self, endpoint: str) -> bool:
        """Whether there is no use in asking `endpoint` any more."""
        with self._lock:
            return max(self._everywhere, self._by_endpoint[endpoint]) >= self._most
