"""The exporter with leaks made on purpose, so that it is known that the soak sees them.

`leaking.py FILE [descriptor] [thread] [memory] -- ARGUMENTS` runs `braze-exporter ARGUMENTS`, and
leaks once whenever the exporter opens FILE: at each reload, if that is its settings file. Python's
audit hooks tell of it; nothing of the exporter is changed.
"""

import os
import runpy
import socket
import sys
import threading

KEPT: list[object] = []
_LEAKS = {
    "descriptor": lambda: KEPT.append(os.open(os.devnull, os.O_RDONLY)),
    "socket": lambda: KEPT.append(socket.socket()),
    "thread": lambda: threading.Thread(target=threading.Event().wait, daemon=True).start(),
    "memory": lambda: KEPT.append(bytearray(os.urandom(1 << 20))),
}


def main() -> None:
    """Run the exporter so."""
    file, *rest = sys.argv[1:]
    at = rest.index("--")
    leaks, sys.argv[1:] = rest[:at], rest[at + 1 :]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]) == file:
            for leak in leaks:
                _LEAKS[leak]()

    sys.addaudithook(hook)
    runpy.run_module("exporter", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
