"""The page in a real browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apex_core.catalog.reader import Snapshot
from apex_core.pipeline.page.page import render

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")]


@pytest.fixture
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


def test_it_reads_well_wide_and_narrow_light_and_dark(full: Snapshot, tmp_path: Path, browser: Any) -> None:
    path = tmp_path / "page.html"
    path.write_text(render(full), "utf-8")
    backgrounds: set[str] = set()
    for width, scheme in ((1280, "light"), (400, "light"), (400, "dark")):
        faults: list[str] = []
        asked: list[str] = []
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message, faults=faults: faults.append(message.text))
        page.on("pageerror", lambda error, faults=faults: faults.append(str(error)))
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(path.as_uri())
        assert faults == []
        assert asked == [path.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = page.evaluate(
            "[...document.querySelectorAll('figure svg')].map(s => [s.getBoundingClientRect(), s.getBBox()])"
            ".map(([outer, inner]) => [outer.width, outer.height, inner.width, inner.height])"
        )
        assert len(boxes) >= 14
        assert all(side > 100 for box in boxes for side in box)
        smallest = page.evaluate(
            "Math.min(...[...document.querySelectorAll('figure svg text')].map(t => t.getBoundingClientRect().height))"
        )
        assert smallest >= 9
        backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()
    assert len(backgrounds) == 2


def test_letters_in_pictures_do_not_lie_on_each_other(full: Snapshot, tmp_path: Path, browser: Any) -> None:
    path = tmp_path / "page.html"
    path.write_text(render(full), "utf-8")
    page = browser.new_page(viewport={"width": 400, "height": 900})
    page.goto(path.as_uri())
    overlapping = page.evaluate(
        """[...document.querySelectorAll('figure svg')].flatMap(svg => {
            const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
            return texts.flatMap(([a, p], i) => texts.slice(i + 1).filter(([b, q]) =>
                p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 2 && q.top < p.bottom - 2)
                .map(([b]) => `${svg.getAttribute('aria-label').slice(0, 40)}: ${a} | ${b}`));
        })"""
    )
    assert overlapping == []
