"""A bar on the terminal for work that takes long."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

tqdm.monitor_interval = 0  # no thread that watches the bar


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[], object]]:
    """Shows on stderr how many of `total` are done, and how long the rest takes; call what it gives
    after each. Where stderr is no terminal nothing is shown.
    """
    with tqdm(total=total, desc=what, file=sys.stderr, disable=None, dynamic_ncols=True) as bar:
        yield bar.update
