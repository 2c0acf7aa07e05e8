"""What a platform sends that nobody can read, and what it says all at once: neither moves anything, nor stops all."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from apex_core.errors import PlatformDown, RejectStorm, SourceError, UnknownEnvelope
from apex_core.pipeline.ingest import ingest_files
from apex_core.pipeline.revisit import revisit_platform
from apex_core.sandbox import SandboxServer, World
from apex_core.settings import PLATFORMS, Platform, Settings
from apex_core.storage import Store
from tests.pipeline.live.runs import changed, ingest, rows, run, state
from tests.pipeline.nights import settings_for
from tests.sources.conftest import clip, song
from tests.sources.platform_server import CLOCK, PlatformServer, Reply

DAY = timedelta(days=1)
IDS = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(6)]
STRANGE = {"songs": [clip()], "has_more": False}
STORM = {"clips": [{"x": n} for n in range(200)], "has_more": False}


@pytest.fixture
def platform_server(tmp_path: Path) -> Iterator[PlatformServer]:
    with PlatformServer(tmp_path / "turns") as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, world: World, server: SandboxServer, platform_server: PlatformServer) -> Settings:
    usual = settings_for(tmp_path / "home", world, server)
    http = usual.http.model_copy(update={"retries": 0})
    address = f"http://{platform_server.address}"
    return changed(usual.model_copy(update={"http": http}), base_url=address, revisit_max_days=1.0)


def feed(*pages: dict[str, Any]) -> dict[Any, Any]:
    """Pages of a feed v3 by their cursor."""
    cursors = [None, *map(str, range(1, len(pages)))]
    more = [{"has_more": True, "next_cursor": cursor} for cursor in cursors[1:]] + [{"has_more": False}]
    return {cursor: follows | page for cursor, page, follows in zip(cursors, pages, more, strict=True)}


def clips(ids: list[str]) -> dict[str, Any]:
    return {"clips": [clip(id=track_id) for track_id in ids]}


def says(server: PlatformServer, pages: dict[Any, Any]) -> None:
    server.script = lambda request: Reply(pages[request.payload["cursor"]])


def test_a_refused_page_that_says_it_is_the_last_moves_no_watermark(
    settings: Settings, platform_server: PlatformServer
) -> None:
    says(platform_server, feed(STRANGE))
    with pytest.raises(UnknownEnvelope):
        ingest(settings, CLOCK)
    assert state(settings)["watermark"] is state(settings)["full_listed_at"] is None
    says(platform_server, feed(clips(IDS)))
    ingest(settings, CLOCK + DAY)
    says(platform_server, feed(STRANGE))
    with pytest.raises(UnknownEnvelope):
        ingest(settings, CLOCK + 2 * DAY)
    assert state(settings)["watermark"] == CLOCK + DAY
    says(platform_server, feed(clips(IDS)))
    ingest(settings, CLOCK + 3 * DAY)
    assert state(settings)["watermark"] == CLOCK + 3 * DAY


def ambiguous(page: dict[str, Any]) -> str:
    """A page that has its list twice: the walk goes by the last one, the contract by the first and refuses it."""
    return json.dumps(page).replace("{", '{"clips": {}, ', 1)


def test_a_refused_page_is_a_hole_even_when_the_listing_saw_its_end(
    settings: Settings, platform_server: PlatformServer
) -> None:
    says(platform_server, feed(clips(IDS[:1]), clips(IDS[1:])))
    ordered = platform_server.script
    platform_server.script = lambda request: (
        ordered(request) if request.payload["cursor"] else Reply(ambiguous(ordered(request).body))
    )
    with pytest.raises(UnknownEnvelope):
        ingest(settings, CLOCK)
    assert len(rows(settings, "FROM track")) == 5
    assert state(settings)["watermark"] is None


def test_after_a_refused_page_a_listing_that_breaks_off_starts_afresh(
    settings: Settings, platform_server: PlatformServer
) -> None:
    first, _ = feed(clips(IDS[:1]), clips(IDS[1:])).values()
    platform_server.script = lambda request: Reply(status=503) if request.payload["cursor"] else Reply(ambiguous(first))
    with pytest.raises(PlatformDown):
        ingest(settings, CLOCK)
    assert state(settings)["resume_cursor"] is None
    says(platform_server, feed(clips(IDS[:1]), clips(IDS[1:])))
    ingest(settings, CLOCK + DAY)
    assert len(rows(settings, "FROM track")) == 6


def first_seen(platform: Platform) -> Reply:
    if platform == "suno":
        return Reply(feed(clips(IDS))[None])
    return Reply({"data": [song(id=track_id) for track_id in IDS], "trendingId": "t"})


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_address_that_is_gone_buries_no_catalog(
    settings: Settings, platform_server: PlatformServer, platform: Platform
) -> None:
    platform_server.script = lambda request: first_seen(platform)
    ingest(settings, CLOCK, platform)
    assert len(rows(settings, "FROM track")) == 6
    nothing = {"suno": Reply({"detail": "Not Found"}, status=404), "udio": Reply({"songs": []})}[platform]
    platform_server.script = lambda request: nothing
    with pytest.raises(SourceError, match=f"{platform} knows none of 6 "):
        revisit_platform(run(settings, CLOCK + 9 * DAY), platform)
    assert rows(settings, "SELECT DISTINCT status FROM track") == [("active",)]
    few = changed(settings, revisits_per_run=4)
    assert revisit_platform(run(few, CLOCK + 10 * DAY), platform).counts["gone"] == 4


def landed(settings: Settings) -> list[str]:
    return Store.open(settings.store_url).list("landing/suno")


def test_a_storm_that_was_landed_does_not_stop_the_runs_after_it(
    settings: Settings, platform_server: PlatformServer
) -> None:
    says(platform_server, feed(clips(IDS[:1])))
    ingest(settings, CLOCK)
    says(platform_server, feed(STORM))
    with pytest.raises(RejectStorm, match=r"landing/suno/.*\.jsonl\.zst: 200 of 200"):
        ingest(settings, CLOCK + DAY)
    (_, stormy) = landed(settings)
    says(platform_server, feed(clips(IDS)))
    report = ingest(settings, CLOCK + 2 * DAY)
    assert f"{settings.store_url}/{stormy}" in report.note
    assert report.counts["adopted"] == 0
    assert state(settings)["watermark"] == CLOCK + 2 * DAY
    assert len(rows(settings, "FROM track")) == 6
    assert (stormy,) not in rows(settings, "SELECT uri FROM landing")

    assert ingest(settings, CLOCK + 4 * DAY).note == "", "said to once, not every night"
    sources = settings.sources.model_copy(update={"max_reject_share": 1.0})
    patient = settings.model_copy(update={"sources": sources})
    file = f"{settings.store_url}/{stormy}"
    assert ingest_files(run(patient, CLOCK + 5 * DAY), [file], CLOCK + DAY, "suno").counts["rejected"] == 200


def test_of_several_landed_files_only_the_stormy_one_is_left(
    settings: Settings, platform_server: PlatformServer
) -> None:
    says(platform_server, feed(STORM))
    with pytest.raises(RejectStorm):
        ingest(settings, CLOCK)
    (stormy,) = landed(settings)
    store = Store.open(settings.store_url)
    page = json.dumps({"page": 0, "url": "http://x", "fetched_at": CLOCK.isoformat(), "body": json.dumps(clips(IDS))})
    good = stormy.replace("000000", "000001")
    store.put(good, zstandard.compress(f"{page}\n".encode()))
    platform_server.script = lambda request: Reply(status=503)
    with pytest.raises(PlatformDown):
        ingest(settings, CLOCK + DAY)
    assert rows(settings, "SELECT uri FROM landing") == [(good,)]
    assert len(rows(settings, "FROM track")) == 6
