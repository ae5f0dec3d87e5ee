"""What the stories of faults that are not Braze's have in common: beginnings, checks, commands."""

import resource
import subprocess
import sys
from collections.abc import Mapping

from tests.doubles import clean_environment
from tests.matrix.life import Life


def well(life: Life, environ: Mapping[str, str] | None = None) -> None:
    """Begin with everything true."""
    life.write()
    life.turn()
    life.start(environ)
    life.watch("all is true")
    for patient in life.patients:
        patient.certain = True


def true_again(life: Life, what: str) -> None:
    """The values change, and are then shown."""
    life.turn()
    life.watch(what)


def require(life: Life, fact: object, otherwise: str) -> None:
    """Note what is not as it has to be."""
    if not fact:
        life.note(otherwise)


def run(
    life: Life, *words: str, stdout: int | None = subprocess.PIPE, largest_file: int | None = None
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself; no file may grow larger than `largest_file` bytes, as on a
    disk that is full.
    """

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    ended = subprocess.run(
        [sys.executable, "-m", "exporter", *words, f"--config.file={life.config}"],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        env=clean_environment(),
        preexec_fn=limit,
    )
    life.search([ended.stdout or "", ended.stderr])
    require(life, "Traceback" not in ended.stderr, f"a traceback of {words[0]}")
    return ended
