"""Every listing of SOURCES §1–2 against the sandbox: all of it, each page once, and an end that is known."""

import json
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast

import pytest

from apex_core.errors import Missing, SourceError
from apex_core.sandbox import SandboxServer, World
from apex_core.sandbox.browsing import PLAYLIST, PROJECT
from apex_core.sources import Listing, Page, list_pages
from apex_core.sources.connectors import Kind
from apex_core.sources.listing import at
from tests.sources.live.conftest import Asked


def records(pages: list[Page], *path: str, item: str | None = None) -> list[Any]:
    """The records of pages, by where a page keeps them."""
    bodies = [json.loads(page.body) for page in pages]
    lists = [cast(list[Any], at(body, *path) if path else body) for body in bodies]
    found = [record for records in lists for record in records]
    return [record[item] for record in found] if item else found


def ids(found: list[Any]) -> Counter[str]:
    return Counter(str(record.get("id")) for record in found)


def listed(listing: Listing) -> list[Page]:
    pages = list(listing)
    assert listing.complete
    assert listing.cursor is None
    return pages


@pytest.mark.parametrize(("kind", "path"), [("feed_v1", ()), ("feed_v2", ("clips",)), ("feed_v3", ("clips",))])
def test_every_feed_brings_every_row_once(world: World, asked: Asked, kind: Kind, path: tuple[str, ...]) -> None:
    pages = listed(list_pages(asked(), world.epoch, kind=kind))
    found = records(pages, *path)
    assert len(found) == world.planted["suno"]["rows"]
    assert all(one.body != other.body for one, other in pairwise(pages))


@pytest.mark.parametrize("kind", ["feed_v1", "feed_v2", "feed_v3"])
def test_a_feed_goes_on_where_it_was_left(world: World, asked: Asked, kind: Kind) -> None:
    everything = listed(list_pages(asked(), world.epoch, kind=kind))
    left = list_pages(asked(), world.epoch, kind=kind)
    begun = iter(left)
    before = [next(begun).body for _ in range(3)]
    rest = [page.body for page in listed(list_pages(asked(), world.epoch, kind=kind, cursor=left.cursor))]
    # The page that was being read comes again, or is the next one; nothing is left out.
    assert {*before, *rest} >= {page.body for page in everything}
    assert len(rest) < len(everything)


def creator(world: World) -> str:
    """Who has the most public songs."""
    public = [song for song in world.tracks if song.platform == "suno"]
    return Counter(song.creator.name for song in public).most_common(1)[0][0]


def test_a_profile_is_counted_out(world: World, asked: Asked) -> None:
    pages = listed(list_pages(asked(), world.epoch, kind="profile", of=creator(world)))
    first = json.loads(pages[0].body)
    clips = records(pages, "clips")
    assert len(clips) == first["num_total_clips"]
    assert first["stats"]["play_count__sum"] == sum(clip.get("play_count", 0) for clip in clips)
    assert [json.loads(page.body)["current_page"] for page in pages] == list(range(1, len(pages) + 1))
    with pytest.raises(Missing):
        list(list_pages(asked(), world.epoch, kind="profile", of="nobody"))


def test_a_playlist_and_a_project_are_counted_out(world: World, asked: Asked) -> None:
    pages = listed(list_pages(asked(), world.epoch, kind="playlist", of=PLAYLIST))
    assert len(records(pages, "playlist_clips", item="clip")) == json.loads(pages[0].body)["num_total_results"]
    pages = listed(list_pages(asked(), world.epoch, kind="project", of=PROJECT))
    assert len(records(pages, "project_clips", item="clip")) == world.planted["suno"]["rows"]
    assert len(pages) > 1


def test_a_search_ends_at_a_short_page(world: World, asked: Asked) -> None:
    everything = records(listed(list_pages(asked(), world.epoch, kind="search")), "result", "public_song", "result")
    assert max(ids(everything).values()) == 1
    word = everything[0]["title"].split()[0].lower()
    some = records(listed(list_pages(asked(), world.epoch, kind="search", of=word)), "result", "public_song", "result")
    assert ids(some) == ids([clip for clip in everything if word in clip["title"].lower()])


def test_the_front_page_is_followed_to_its_end(world: World, asked: Asked) -> None:
    pages = listed(list_pages(asked(), world.epoch, kind="homepage"))
    items = [item for feed in records(pages, "feeds") for item in feed["items"]]
    clips = [item["content_item"] for item in items if item["content_type"] == "clip"]
    search = records(listed(list_pages(asked(), world.epoch, kind="search")), "result", "public_song", "result")
    assert ids(clips) == ids(search)


def test_udio_is_listed_whole_and_by_a_word(world: World, asked: Asked) -> None:
    songs = records(listed(list_pages(asked("udio"), world.epoch)), "data")
    assert len(songs) == world.planted["udio"]["rows"]
    word = songs[0]["title"].split()[0].lower()
    some = records(listed(list_pages(asked("udio"), world.epoch, of=word)), "data")
    assert ids(some) == ids([song for song in songs if word in song["title"].lower()])


@pytest.mark.parametrize("of", ["../clip", "", "a/b", ".hidden", "x" * 101])
def test_what_is_no_name_does_not_become_a_path(world: World, asked: Asked, of: str) -> None:
    with pytest.raises(SourceError, match="does not name a profile"):
        list_pages(asked(), world.epoch, kind="profile", of=of)


@pytest.mark.parametrize("kind", ["feed_v1", "feed_v2", "feed_v3"])
def test_a_newest_first_listing_ends_at_the_first_page_that_is_old(world: World, asked: Asked, kind: Kind) -> None:
    days = sorted(song.created_at for song in world.tracks if song.platform == "suno")
    since = days[-len(days) // 4]
    found = list_pages(asked(page_size=5), world.epoch, kind=kind, since=since)
    pages = [
        [clip for clip in records([page], *(() if kind == "feed_v1" else ("clips",))) if isinstance(clip, dict)]
        for page in listed(found)
    ]
    newest = [max(str(clip.get("created_at", "")) for clip in page) for page in pages]
    assert all(moment >= f"{since:%Y-%m-%dT%H:%M:%S}" for moment in newest[:-1])
    assert len(pages) < len(listed(list_pages(asked(page_size=5), world.epoch, kind=kind)))
    wanted = {song.track_id for song in world.tracks if song.platform == "suno" and song.created_at >= since}
    assert wanted <= set(ids([clip for page in pages for clip in page]))


def test_udio_too_ends_at_the_first_page_that_is_old(world: World, asked: Asked) -> None:
    found = list_pages(asked("udio"), world.epoch, since=world.epoch + timedelta(days=1))
    assert len(listed(found)) == 1


def test_a_setting_that_does_not_list_everything_is_refused(world: World, asked: Asked) -> None:
    with pytest.raises(SourceError, match="does not list all of suno"):
        list_pages(asked(feed="search"), world.epoch)
    assert list_pages(asked(feed="feed_v1"), world.epoch)


def test_songs_released_while_a_listing_runs_cost_nothing_but_a_repetition(
    world: World, sandbox: SandboxServer, asked: Asked
) -> None:
    """Pages by number shift when something new comes on top: rows come twice, none is left out."""
    listing = list_pages(asked(), world.epoch, kind="feed_v2")
    found: list[Page] = []
    for page in listing:
        found.append(page)
        if len(found) == 2:
            sandbox.release(2)
    missing = {song.track_id for song in world.tracks if song.platform == "suno"} - set(ids(records(found, "clips")))
    assert missing == set()
