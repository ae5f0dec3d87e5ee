"""The status page as people see it: in Chromium, light and dark, on a screen and on a phone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.status import Status
from tests import pictures, scenes
from tests.browser import Browser, opened, served

SCENES: dict[str, Callable[[], Status]] = {
    "demo": scenes.demo,
    "failing": scenes.failing,
    "unpolled": scenes.unpolled,
    "nothing": scenes.nothing,
    "hostile": lambda: scenes.named([scenes.MARKUP, "W" * 300, "\u202edesrever", "\ud83d"]),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened() as browser:
        yield browser


@pytest.fixture(scope="module", params=SCENES)
def scene(request: pytest.FixtureRequest) -> tuple[str, Status]:
    return request.param, SCENES[request.param]()


WINDOWS = pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")]
)


@WINDOWS
def test_every_scene_can_be_read(
    browser: Browser, scene: tuple[str, Status], width: int, scheme: str, tmp_path: Path
) -> None:
    """No complaint of the browser, nothing beyond the edge, and nothing that axe-core finds:
    contrast, names of things, order of headings.
    """
    name, status = scene
    with (
        served(lambda: status) as url,
        browser.look(f"{url}?refresh=off", width=width, scheme=scheme) as look,
    ):
        look.picture(tmp_path / f"{name}-{width}-{scheme}.png")
        assert look.overflow() <= 0
        assert look.violations() == []
        assert look.complaints == []


@WINDOWS
def test_500_segments_can_be_read(
    browser: Browser, width: int, scheme: str, tmp_path: Path
) -> None:
    """The same without axe-core, which takes long over so many rows that are alike."""
    status = scenes.many(500)
    with (
        served(lambda: status) as url,
        browser.look(f"{url}?refresh=off", width=width, scheme=scheme) as look,
    ):
        look.picture(tmp_path / f"many-{width}-{scheme}.png", whole=True)
        assert look.overflow() <= 0
        assert look.complaints == []


def test_the_looks_find_what_is_wrong(browser: Browser) -> None:
    """Else the others would prove nothing: too little contrast, too wide a word, a complaint."""
    status = scenes.well()
    with served(lambda: status) as url, browser.look(url, width=390) as look:
        look.page.evaluate("document.querySelector('h1').style.color = '#ccc'")
        assert [each.split(":")[0] for each in look.violations()] == ["color-contrast"]
        look.page.evaluate("document.querySelector('h1').style.whiteSpace = 'pre'")
        look.page.evaluate("document.querySelector('h1').textContent = 'wide '.repeat(20)")
        assert look.overflow() > 0
        look.page.evaluate("console.error('heard')")
        assert look.complaints == ["heard"]


def test_the_collapsed_segment_is_met_first(browser: Browser) -> None:
    """Above the fold of a laptop: the headline, its card, its row at the top of the table."""
    status = scenes.demo()
    with served(lambda: status) as url, browser.look(url, height=720) as look:
        assert look.page.inner_text("h1") == "1 segment and 1 app are below normal."
        assert look.page.inner_text("article >> nth=0 >> h2") == "Push Enabled - iOS"
        first = look.page.locator("table[aria-labelledby=segments] tbody tr").first
        assert first.locator(".name").inner_text() == "Push Enabled - iOS"
        assert first.locator(".badge").inner_text() == "dropped"
        assert first.bounding_box()["y"] < 720
        # A change has a sign beside its colour.
        assert first.locator(".change").first.inner_text().startswith("\N{MINUS SIGN}")


def test_names_from_braze_are_text(browser: Browser) -> None:
    """Whatever somebody called a segment or an app: it stands there as it was written."""
    status = scenes.named([scenes.MARKUP], app=scenes.MARKUP)
    with served(lambda: status) as url, browser.look(url) as look:
        rows = look.page.locator("table.rows .name")
        assert {rows.nth(number).inner_text() for number in range(rows.count())} == {scenes.MARKUP}
        assert look.page.locator("img").count() == 0
        assert look.complaints == []


def test_a_style_that_is_smuggled_in_is_not_used(browser: Browser) -> None:
    """The policy lets in one style, by its hash: proof that the browser obeys it."""
    status = scenes.demo()
    with served(lambda: status) as url, browser.look(url) as look:
        look.page.evaluate(
            """() => {
                const style = document.createElement("style");
                style.textContent = "h1 { display: none !important }";
                document.head.append(style);
            }"""
        )
        assert look.page.is_visible("h1")
        assert "Content Security Policy" in look.complaints[0]


def test_it_is_sorted_searched_and_paged_by_links(browser: Browser) -> None:
    """Without script: every click is a query, and each keeps what the others said."""
    status = scenes.many(450)
    with served(lambda: status) as url, browser.look(url) as look:
        page = look.page
        segments = "table[aria-labelledby=segments] tbody tr"
        assert page.locator(segments).count() == 200
        look.click("table[aria-labelledby=segments] thead >> text=Newest")
        assert "sort=-value" in page.url
        values = page.locator(f"{segments} .value").all_inner_texts()
        sizes = [int(value.replace(",", "")) for value in values]
        assert sizes == sorted(sizes, reverse=True)
        look.click("nav.pages >> text=next")
        look.click("nav.pages >> text=next")
        assert page.locator(segments).count() == 50
        look.search("push")
        assert page.locator(segments).count() == 1
        assert "sort=-value" in page.url
        look.click("text=stand still")
        assert page.input_value("input[type=search]") == "push"
        look.click("text=clear")
        assert page.locator(segments).count() == 200
        assert look.complaints == []


def test_it_comes_again_by_itself(browser: Browser) -> None:
    """Soon while first polls are waited for; the query stays as it is."""
    shown = [scenes.unpolled(), scenes.demo()]
    with (
        served(lambda: shown.pop(0) if shown[1:] else shown[0]) as url,
        browser.look(f"{url}?q=push") as look,
    ):
        assert look.page.inner_text("h1") == "Waiting for the first polls."
        look.page.wait_for_selector("text=Push Enabled", timeout=10_000)
        assert look.page.url.endswith("?q=push")


@pytest.mark.parametrize("scheme", pictures.SCHEMES)
def test_the_pictures_of_the_readme_are_there(scheme: str) -> None:
    """PNGs that do not make the repository heavy."""
    content = pictures.path_of(scheme).read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) < 250_000
