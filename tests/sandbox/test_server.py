"""Both platforms over real HTTP: paging, tokens, audio, faults, and a clock of their own."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from apex_core.errors import ApexError
from apex_core.sandbox import SandboxServer, World

Record = dict[str, Any]
Connect = Callable[[SandboxServer], httpx.Client]
DAY = timedelta(days=1)


def _feed_v3(client: httpx.Client, limit: int = 5, filters: dict[str, str] | None = None) -> list[Record]:
    clips: list[Record] = []
    cursor: str | None = None
    while True:
        body = {"cursor": cursor, "limit": limit, "filters": filters or {}}
        page = client.post("/api/feed/v3", json=body).raise_for_status().json()
        clips += page["clips"]
        if not page["has_more"]:
            assert page["next_cursor"] == ""
            return clips
        cursor = page["next_cursor"]


def _feed_v2(client: httpx.Client, first: int) -> list[Record]:
    clips: list[Record] = []
    for page in range(first, 99):
        body = client.get("/api/feed/v2", params={"page": page, "limit": 7}).raise_for_status().json()
        if not body["clips"]:
            return clips
        clips += body["clips"]
    raise AssertionError("no end")


def _search(client: httpx.Client, size: int = 4, echo: bool = True) -> list[Record]:
    songs: list[Record] = []
    payload: dict[str, Any] = {"searchQuery": {"sort": "created_at", "searchTerm": ""}, "pageSize": size}
    while True:
        page = client.post("/api/songs/search", json=payload | {"pageParam": len(songs)}).raise_for_status().json()
        songs += page["data"]
        if len(page["data"]) < size:
            return songs
        if echo:
            payload["trendingId"] = page["trendingId"]


def _ids(records: list[Record]) -> Counter[str]:
    return Counter(str(record.get("id")) for record in records)


def test_a_wrong_or_missing_token_is_refused(server: SandboxServer, shapes: Path) -> None:
    with httpx.Client(base_url=server.base_url, trust_env=False) as stranger:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            for path in ("/api/feed/v2", "/api/songs", "/api/clip/x"):
                answer = stranger.get(path, headers=headers)
                assert answer.status_code == 401
                assert answer.json() == json.loads((shapes / "suno_env_401.json").read_text())


def test_feed_v3_gives_every_row_once(client: httpx.Client, world: World) -> None:
    clips = _feed_v3(client)
    assert len(clips) == world.planted["suno"]["rows"]
    assert clips == _feed_v3(client, limit=100)
    ids = _ids(clips)
    assert {song.track_id for song in world.tracks if song.platform == "suno"} <= set(ids)
    assert sum(times - 1 for times in ids.values()) == world.planted["suno"]["duplicates"]


def test_a_duplicate_is_not_on_the_page_of_its_first(client: httpx.Client) -> None:
    ids = [clip.get("id") for clip in _feed_v3(client)]
    twice = next(one for one in ids if ids.count(one) > 1)
    places = [place for place, one in enumerate(ids) if one == twice]
    assert places[1] - places[0] == 20 or places[1] == len(ids) - 1


def test_feed_v3_envelopes_have_the_keys_of_the_real_ones(client: httpx.Client, shapes: Path) -> None:
    page = client.post("/api/feed/v3", json={"cursor": None, "limit": 3, "filters": {}}).json()
    assert set(page) == set(json.loads((shapes / "suno_env_feed_v3.json").read_text()))
    assert page["has_more"] is True


def test_filters_are_strings(client: httpx.Client, world: World) -> None:
    kept = _feed_v3(client, filters={"trashed": "False"})
    assert len(kept) == world.planted["suno"]["rows"] - world.planted["suno"]["skipped"]["trashed"]
    assert client.post("/api/feed/v3", json={"filters": {"trashed": False}}).status_code == 422
    assert client.post("/api/feed/v3", json={"cursor": "nonsense"}).status_code == 422
    assert client.post("/api/feed/v3", content=b"{").status_code == 422


@pytest.mark.parametrize("first", [0, 1])
def test_feed_v2_loses_nothing_from_whichever_page_one_starts(client: httpx.Client, shapes: Path, first: int) -> None:
    assert set(_ids(_feed_v2(client, first))) == set(_ids(_feed_v3(client)))
    envelope = client.get("/api/feed/v2").json()
    assert set(envelope) == set(json.loads((shapes / "suno_env_feed_v2.json").read_text()))
    assert len(envelope["clips"]) == 20


def test_clip_is_full_or_403_or_404(client: httpx.Client, world: World) -> None:
    known = {song.fate: song for song in world.plan.oddities}
    slim = next(song for song in world.songs if song.vintage == "2026_slim")
    clip = client.get(f"/api/clip/{slim.track_id}").raise_for_status().json()
    assert "prompt" in clip["metadata"]
    assert "is_following_creator" in clip
    assert client.get(f"/api/clip/{known['private'].track_id}").status_code == 403
    assert client.get(f"/api/clip/{known['trashed'].track_id}").status_code == 404
    assert client.get("/api/clip/00000000-0000-0000-0000-000000000000").status_code == 404


def test_search_pages_by_offset(client: httpx.Client, world: World, shapes: Path) -> None:
    songs = _search(client)
    assert len(songs) == world.planted["udio"]["rows"]
    assert songs == _search(client, size=100)
    page = client.post("/api/songs/search", json={"pageParam": 0, "pageSize": 2}).json()
    assert set(page) == set(json.loads((shapes / "udio_env_search.json").read_text()))


def test_without_the_trending_id_pages_shift(client: httpx.Client) -> None:
    assert _ids(_search(client, echo=False)) != _ids(_search(client))


def test_songs_by_id_drop_what_is_not_there(client: httpx.Client, world: World) -> None:
    ids = [song.track_id for song in world.songs if song.platform == "udio"]
    found = client.get("/api/songs", params={"songIds": ",".join([*ids, "missing"])}).json()["songs"]
    assert [song["id"] for song in found] == ids
    assert client.get("/api/songs", params={"songIds": ",".join(ids * 5)}).status_code == 400


def test_one_id_is_two_songs_on_two_platforms(client: httpx.Client, world: World) -> None:
    shared = next(one for one, times in Counter(song.track_id for song in world.songs).items() if times == 2)
    udio = client.get("/api/songs", params={"songIds": shared}).json()["songs"][0]
    suno = client.get(f"/api/clip/{shared}").json()
    assert suno["id"] == udio["id"] == shared
    assert suno["user_id"] != udio["user_id"]


def test_audio_comes_whole_in_parts_and_not_again(server: SandboxServer, world: World) -> None:
    song = world.songs[1]
    url, content = f"{server.base_url}/{song.file_name}", world.path(song).read_bytes()
    with httpx.Client(trust_env=False) as listener:
        whole = listener.get(url)
        assert whole.content == content
        assert whole.headers["content-type"] in ("audio/mpeg", "audio/flac")
        part = listener.get(url, headers={"Range": "bytes=100-199", "If-Range": whole.headers["etag"]})
        assert (part.status_code, part.content) == (206, content[100:200])
        rest = listener.get(url, headers={"Range": "bytes=200-"})
        assert (rest.status_code, rest.content) == (206, content[200:])
        assert listener.get(url, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
        assert listener.get(url, headers={"Range": f"bytes={len(content)}-"}).status_code == 416


def test_audio_that_cannot_be_had_fails_in_its_own_way(client: httpx.Client, world: World) -> None:
    def fetch(sound: str) -> httpx.Response:
        song = next(song for song in world.unavailable if song.sound == sound)
        return client.get(f"/{song.file_name}")

    assert fetch("http_403").status_code == 403
    assert client.get("/api/forbidden").status_code == 403
    assert client.get("/suno/None.mp3").status_code == 403
    assert fetch("html").headers["content-type"].startswith("text/html")
    assert fetch("empty").content == b""
    assert len(fetch("truncated").content) > 1000


def test_the_date_is_the_virtual_clock(client: httpx.Client, server: SandboxServer) -> None:
    assert client.get("/api/feed/v2").headers.get_list("date") == ["Sun, 01 Nov 2026 00:00:00 GMT"]
    server.set_clock(server.clock + DAY)
    for path in ("/api/feed/v2", "/nowhere", "/suno/None.mp3"):
        assert client.get(path).headers.get_list("date") == ["Mon, 02 Nov 2026 00:00:00 GMT"]


def test_equal_clocks_give_equal_bodies_on_every_server(
    client: httpx.Client, server: SandboxServer, connect: Connect
) -> None:
    before = _feed_v3(client), _search(client)
    server.set_clock(server.clock + 3 * DAY)
    later = _feed_v3(client), _search(client)
    assert later != before
    with SandboxServer(server.world, clock=server.clock, faults=False) as other:
        there = connect(other)
        assert other.address != server.address
        assert (_feed_v3(there), _search(there)) == later


def test_a_song_that_vanishes_is_gone_everywhere(client: httpx.Client, server: SandboxServer, world: World) -> None:
    suno, udio = world.vanishing
    assert client.get(f"/api/clip/{suno.track_id}").status_code == 200
    server.set_clock(server.clock + 2 * DAY)
    assert suno.track_id not in _ids(_feed_v3(client))
    assert udio.track_id not in _ids(_search(client))
    assert client.get(f"/api/clip/{suno.track_id}").status_code == 404
    assert client.get("/api/songs", params={"songIds": udio.track_id}).json() == {"songs": []}
    assert client.get(f"/{suno.file_name}").status_code == 403


def test_before_it_was_published_a_song_is_not_listed(client: httpx.Client, server: SandboxServer) -> None:
    everything = len(_feed_v3(client))
    server.set_clock(server.clock - 60 * DAY)
    assert 0 < len(_feed_v3(client)) < everything


def test_released_spares_come_first_and_can_be_heard(client: httpx.Client, server: SandboxServer, world: World) -> None:
    before = _feed_v3(client)
    assert client.get(f"/{world.spares[0].file_name}").status_code == 403
    released = server.release(2)
    assert [song.platform for song in released] == ["suno", "udio"]
    assert [song.track_id for song in released] == [song.track_id for song in world.spares[:2]]
    after = _feed_v3(client)
    assert after[1:] == before
    assert after[0]["id"] == released[0].track_id
    assert _search(client)[0]["id"] == released[1].track_id
    assert client.get(f"/{released[0].file_name}").content == world.path(released[0]).read_bytes()
    assert len(server.release(99)) == len(world.spares) - 2


def _statuses(client: httpx.Client, path: str, times: int) -> list[object]:
    found: list[object] = []
    for _ in range(times):
        try:
            answer = client.get(path)
            found.append("busy" if answer.text == "Too many requests." else answer.status_code)
        except httpx.RemoteProtocolError:
            found.append("cut")
    return found


@pytest.mark.parametrize("start", ["first", "second"])
def test_planned_faults_come_once_a_server_in_order_and_pass(world: World, connect: Connect, start: str) -> None:
    with SandboxServer(world) as faulty:
        client = connect(faulty)
        assert _statuses(client, "/api/feed/v2", 8) == [429, 200, 503, 200, "cut", 200, 200, 200], start
        assert _statuses(client, "/api/songs?songIds=x", 8) == ["busy", 503, 200, 429, 200, "cut", 200, 200]
        down, *_, cut = [song for song in world.songs if song.codec == "mp3"]
        assert _statuses(client, f"/{down.file_name}", 2) == [503, 200]
        assert _statuses(client, f"/{cut.file_name}", 2) == ["cut", 200]


def test_being_told_to_wait_says_for_how_long(world: World, connect: Connect) -> None:
    with SandboxServer(world) as faulty:
        assert connect(faulty).get("/api/feed/v2").headers["retry-after"] == "0"


def test_a_server_is_gone_after_its_block_and_is_not_started_twice(world: World) -> None:
    server = SandboxServer(world, faults=False)
    with server:
        url = server.base_url
        httpx.get(f"{url}/api/forbidden", trust_env=False)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/api/forbidden", trust_env=False)
    with pytest.raises(ApexError, match="started before"):
        server.__enter__()
