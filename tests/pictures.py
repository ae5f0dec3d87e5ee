"""The pictures of the README, taken of the demo's story at a fixed clock: `make pictures`."""

from pathlib import Path

from tests import scenes
from tests.browser import opened, served

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SCHEMES = ("light", "dark")


def path_of(scheme: str) -> Path:
    """Where the picture of the light or the dark page is kept."""
    return IMAGES / f"status-{scheme}.png"


if __name__ == "__main__":
    story = scenes.demo()
    with served(lambda: story) as url, opened() as browser:
        for scheme in SCHEMES:
            with browser.look(url, scheme=scheme) as look:
                look.picture(path_of(scheme))
