"""More clients at the same moment than the exporter may have descriptors."""

import resource
import signal
import socket
from contextlib import ExitStack, closing
from pathlib import Path

from bench.processes import Caller
from tests.soak.watched import watched

FILES = 512  # what may be open; a systemd unit has 1024 by default
CLIENTS = 600


def test_a_burst_of_clients_uses_up_no_descriptors(tmp_path: Path) -> None:
    """All of them are there before the exporter looks: it stands still until they are."""
    with watched(tmp_path) as (process, _), ExitStack() as clients:
        hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (FILES, hard))
        process.process.send_signal(signal.SIGSTOP)
        for _ in range(CLIENTS):
            clients.enter_context(socket.create_connection(("127.0.0.1", process.port)))
        process.process.send_signal(signal.SIGCONT)
        with closing(Caller(process.port)) as caller:
            answer = caller.ask()
        assert answer.status == 200
        assert process.log.read_text() == ""
