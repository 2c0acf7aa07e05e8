"""A profile's own sums against what its pages add up to."""

import json
from pathlib import Path
from typing import Any

import pytest

from apex_core.sources import Page, ProfileSums
from tests.sources.conftest import day, record


def page(number: int, body: Any) -> Page:
    return Page("suno", number, f"http://test/{number}", day(0), body if isinstance(body, str) else json.dumps(body))


def profile(number: int, **stated: int) -> list[Page]:
    """A profile of clips with 10, 11, 12 … plays and two likes each, twenty a page, like the real ones."""
    shown = [
        record("suno_clip_2026_medium_profile.json", id=f"clip-{n}", play_count=10 + n, upvote_count=2)
        for n in range(number)
    ]
    sums = {"clips": number, "plays": sum(10 + n for n in range(number)), "likes": 2 * number, **stated}
    stats = {"play_count__sum": sums["plays"], "upvote_count__sum": sums["likes"], "followers_count": 2}
    starts = range(0, number, 20)
    return [
        page(n, {"clips": shown[start : start + 20], "stats": {} if start else stats, "num_total_clips": sums["clips"]})
        for n, start in enumerate(starts)
    ]


def read(pages: list[Page]) -> ProfileSums:
    sums = ProfileSums("someone")
    assert list(sums.read(pages)) == pages
    return sums


def test_pages_add_up_over_all_of_them() -> None:
    sums = read(profile(26))
    assert sums.found == sums.stated == {"clips": 26, "plays": 26 * 10 + 325, "likes": 52}
    assert sums.differences() == []


def test_every_difference_is_said() -> None:
    said = read(profile(26, clips=27, plays=600)).differences()
    assert said == ["profile someone: 27 clips stated, 26 found", "profile someone: 600 plays stated, 585 found"]


def test_a_clip_that_comes_twice_counts_once() -> None:
    pages = profile(21)
    assert read([*pages, pages[1]]).found["clips"] == 21


def test_what_is_not_stated_cannot_differ() -> None:
    assert read([page(0, {"clips": []}), page(1, "no json"), page(2, {"clips": [{"id": "a", "play_count": ""}]})])
    assert read([page(0, "[]")]).differences() == []


FIXTURES = Path(__file__).parents[3] / "shared" / "data" / "suno-fixtures"


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the raw API bodies are not beside this checkout")
def test_a_real_profile_adds_up() -> None:
    sums = read([page(n, (FIXTURES / f"profile-page{n}.json").read_text()) for n in (1, 2)])
    assert sums.found == sums.stated == {"clips": 26, "plays": 736, "likes": 55}
