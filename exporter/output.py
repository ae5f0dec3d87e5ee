"""What becomes of a command whose output cannot be written: a pipe is closed, a disk is full."""

import errno
import os
import sys
from contextlib import suppress

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def given_up(error: OSError) -> int:
    """Write nothing more to stdout, and say why unless nobody reads it; returns the exit code.

    Raises `error` where it is about something else.
    """
    if not isinstance(error, BrokenPipeError) and error.errno not in _FULL:
        raise error
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what Python flushes at its end
    if error.errno in _FULL:
        with suppress(OSError):  # stderr may go to the same disk
            print(f"cannot write to stdout: {error.strerror}; make room", file=sys.stderr)
    return 1
