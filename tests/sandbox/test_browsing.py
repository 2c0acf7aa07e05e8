"""Suno's other listings have the envelopes of the real ones, and faults come where they are asked for."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from apex_core.sandbox import SandboxServer, World
from apex_core.sandbox.browsing import PLAYLIST, PROJECT
from apex_core.sandbox.faults import Fault

SHAPES = Path(__file__).parents[1] / "sources" / "shapes"


def get(client: httpx.Client, path: str, **params: Any) -> Any:
    return client.get(path, params=params).raise_for_status().json()


def keys(name: str) -> set[str]:
    return set(json.loads((SHAPES / name).read_text()))


def test_feed_v1_is_a_bare_array_that_ends_empty(client: httpx.Client, world: World) -> None:
    pages = [get(client, "/api/feed/", page=page) for page in range(1, 9)]
    assert sum(map(len, pages)) == world.planted["suno"]["rows"]
    assert pages[-1] == []
    assert get(client, "/api/feed/", page=0) == pages[0]


def test_a_profile_states_its_sums_on_page_one_alone(client: httpx.Client, world: World) -> None:
    song = next(song for song in world.songs if song.platform == "suno")
    first = get(client, f"/api/profiles/{song.creator.name}", page=1)
    assert set(first) < keys("suno_env_profile_p1.json")
    assert first["stats"]["play_count__sum"] == sum(clip.get("play_count", 0) for clip in first["clips"])
    assert first["num_total_clips"] == len(first["clips"])
    assert get(client, f"/api/profiles/{song.creator.name}", page=2)["stats"] == {}
    assert client.get("/api/profiles/nobody").status_code == 404


def test_playlists_and_projects_wrap_their_clips(client: httpx.Client) -> None:
    page = get(client, f"/api/playlist/{PLAYLIST}", page=1)
    assert {"id", "playlist_clips", "play_count", "num_total_results"} <= set(page) <= keys("suno_env_playlist.json")
    assert page["playlist_clips"][0]["clip"]["id"]
    assert get(client, f"/api/project/{PROJECT}", page=1)["project_clips"][0]["clip"]
    for path in ("playlist", "project"):
        assert client.get(f"/api/{path}/other").status_code == 404


def test_search_and_front_page_have_their_envelopes(client: httpx.Client) -> None:
    query = {"search_queries": [{"term": "", "from_index": 0, "size": 3}]}
    found = client.post("/api/search/", json=query).json()["result"]["public_song"]["result"]
    assert len(found) == 3
    page = client.post("/api/unified/homepage", json={"cursor": None}).json()
    assert set(page) == keys("suno_env_homepage.json")
    assert {item["content_type"] for item in page["feeds"][0]["items"]} == {"clip", "playlist"}
    assert client.post("/api/search/", json={}).status_code == 422


def test_clips_by_ids_drop_what_is_missing_or_private(client: httpx.Client, world: World) -> None:
    known = {song.fate: song for song in world.plan.oddities}
    ids = [song.track_id for song in world.songs if song.platform == "suno"][:4]
    odd = [known["private"].track_id, "00000000-0000-0000-0000-000000000000"]
    clips = get(client, "/api/clips/get_songs_by_ids", ids=[*ids, *odd])["clips"]
    assert [clip["id"] for clip in clips] == ids
    assert client.get("/api/clips/get_songs_by_ids").status_code == 422
    assert client.get("/api/clips/get_songs_by_ids", params={"ids": ids * 6}).status_code == 422


@pytest.mark.parametrize("path", ["profiles/x", "playlist/x", "project/x", "feed/", "clips/get_songs_by_ids"])
def test_none_of_them_is_open_to_strangers(server: SandboxServer, path: str) -> None:
    assert httpx.get(f"{server.base_url}/api/{path}", trust_env=False).status_code == 401


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        ("rate_limited_long", 429, "7"),
        ("rate_limited_until", 429, "Sun, 01 Nov 2026 00:00:09 GMT"),
        ("rate_limited_bare", 429, None),
        ("broken", 500, None),
        ("unauthorized", 401, None),
        ("forbidden", 403, None),
        ("missing", 404, None),
        ("redirect", 302, None),
        ("login_page", 200, None),
    ],
)
def test_a_planted_fault_comes_at_its_request_and_passes(
    client: httpx.Client, server: SandboxServer, fault: Fault, status: int, retry_after: str | None
) -> None:
    usual = client.get("/api/feed/v2").text
    server.plant("suno", fault, at=2)
    assert client.get("/api/feed/v2").text == usual
    answer = client.get("/api/feed/v2")
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry_after)
    assert answer.text != usual
    assert client.get("/api/feed/v2").text == usual


def test_silence_and_a_drip_outlast_patience(client: httpx.Client, server: SandboxServer) -> None:
    for fault in ("silent", "silent"):
        server.plant("suno", fault)
        with pytest.raises(httpx.ReadTimeout):
            client.get("/api/feed/v2", timeout=0.2)
    server.plant("suno", "drip")
    with client.stream("GET", "/api/feed/v2") as answer:
        assert len(next(answer.iter_raw())) == 1


def test_a_platforms_faults_are_its_own(client: httpx.Client, server: SandboxServer) -> None:
    server.plant("udio", "broken", times=2)
    assert client.get("/api/feed/v2").status_code == 200
    assert [client.get("/api/songs?songIds=x").status_code for _ in range(3)] == [500, 500, 200]
