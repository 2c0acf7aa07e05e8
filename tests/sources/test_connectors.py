"""The live connectors, against a real server on loopback."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from apex_core.errors import (
    Forbidden,
    PagingFault,
    PlatformDown,
    RateLimited,
    SettingsError,
    SourceDisabled,
    SourceError,
    Unauthorized,
)
from apex_core.settings import PLATFORMS, ConnectorSettings, HttpSettings, Platform
from apex_core.sources import Access, Listing, land, list_pages, revisit
from apex_core.sources.connectors import Kind
from apex_core.storage import Store
from tests.sources.conftest import SUNO_ID, UDIO_ID, clip, day, shape, song
from tests.sources.platform_server import CLOCK, PlatformServer, Reply, Request

HOST = "api.platform.test"


def connector(**changes: Any) -> ConnectorSettings:
    values = {"enabled": True, "base_url": f"http://{HOST}", "token": "secret", "requests_per_second": 1e6}
    return ConnectorSettings.model_validate({**values, **changes})


def http(server: PlatformServer, **changes: Any) -> HttpSettings:
    values = {"connect_to": {HOST: server.address}, "timeout_s": 5.0, "retries": 3, "backoff_s": 2.0}
    return HttpSettings.model_validate({**values, **changes})


def access(server: PlatformServer, platform: Platform = "suno", **changes: Any) -> Access:
    return Access(platform, connector(**changes), http(server), server.home, server.naps.append)


def longer(naps: list[float]) -> list[float]:
    """The naps that are no mere pacing of a thousand requests a second."""
    return [nap for nap in naps if nap > 0.01]


def listing(server: PlatformServer, platform: Platform = "suno", **changes: Any) -> Listing:
    keep = {key: changes.pop(key) for key in ("kind", "of", "cursor", "since") if key in changes}
    return list_pages(access(server, platform, **changes), day(0), **keep)


def cursors(pages: dict[str | None, dict[str, Any]]) -> Any:
    """A feed v3 whose answers are chosen by the cursor that is asked for."""
    return lambda request: Reply(pages[request.payload["cursor"]])


THREE = {
    None: {"clips": [clip()], "next_cursor": "a", "has_more": True},
    "a": {"clips": [clip()], "next_cursor": "b", "has_more": True},
    "b": {"clips": [clip()], "next_cursor": "", "has_more": False},
}


def test_feed_v3_follows_cursors_to_the_end(server: PlatformServer) -> None:
    server.script = cursors(THREE)
    found = listing(server, page_size=7)
    pages = list(found)
    assert [page.number for page in pages] == [0, 1, 2]
    assert [request.payload["cursor"] for request in server.requests] == [None, "a", "b"]
    assert server.requests[0].payload == {"cursor": None, "limit": 7, "filters": {}}
    assert found.complete
    assert found.cursor is None
    assert {page.url for page in pages} == {f"http://{HOST}/api/feed/v3"}


def test_the_named_host_is_told_and_the_token_sent_while_loopback_is_dialled(server: PlatformServer) -> None:
    server.script = cursors(THREE)
    list(listing(server))
    assert server.requests[0].headers["Host"] == HOST
    assert server.requests[0].headers["Authorization"] == "Bearer secret"


def test_a_page_has_the_platforms_time_else_the_runs(server: PlatformServer) -> None:
    server.script = cursors(THREE)
    assert {page.fetched_at for page in listing(server)} == {CLOCK}
    server.script = lambda request: Reply(THREE["b"], dated=False)
    assert [page.fetched_at for page in listing(server)] == [day(0)]


def test_case_07_a_missing_has_more_is_incomplete_and_keeps_its_cursor(server: PlatformServer) -> None:
    server.script = cursors({None: THREE[None], "a": {"clips": [], "next_cursor": None}})
    found = listing(server)
    assert len(list(found)) == 2
    assert not found.complete
    assert found.cursor == "a"


def test_case_07_an_empty_cursor_is_none(server: PlatformServer) -> None:
    server.script = cursors({None: {"clips": [], "next_cursor": "", "has_more": True}})
    found = listing(server)
    assert len(list(found)) == 1
    assert not found.complete


def test_case_07_a_repeated_cursor_is_a_fault_after_its_page(server: PlatformServer) -> None:
    server.script = cursors({None: THREE[None], "a": {"clips": [], "next_cursor": "a", "has_more": True}})
    found, pages = listing(server), []
    with pytest.raises(PagingFault, match="'a' was sent twice"):
        pages.extend(found)
    assert len(server.requests) == 2
    assert not found.complete


def test_a_listing_without_end_stops_at_the_cap(server: PlatformServer) -> None:
    server.script = lambda request: Reply(
        {"clips": [], "next_cursor": f"{request.payload['cursor']}x", "has_more": True}
    )
    with pytest.raises(PagingFault, match="APEX_SOURCES__SUNO__MAX_PAGES"):
        list(listing(server, max_pages=4))
    assert len(server.requests) == 4


def test_a_listing_resumes_at_its_cursor(server: PlatformServer) -> None:
    server.script = cursors(THREE)
    found = listing(server, cursor="b")
    assert len(list(found)) == 1
    assert found.complete


def test_an_unknown_body_ends_the_listing_and_is_still_a_page(server: PlatformServer) -> None:
    server.script = lambda request: Reply({"surprise": []})
    for feed in ("feed_v3", "feed_v2"):
        found = listing(server, kind=feed)
        assert [page.body for page in found] == ['{"surprise": []}']
        assert not found.complete


_LAST = {"has_more": False, "next_cursor": None, "num_total_results": 0, "num_total_clips": 0, "clip_count": 0}


@pytest.mark.parametrize("strange", [{"songs": [clip()]}, {name: {} for name in ("clips", "feeds", "data", "result")}])
@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_page_without_a_list_never_ends_a_listing_whatever_it_says(
    server: PlatformServer, kind: Kind, strange: dict[str, Any]
) -> None:
    server.script = lambda request: Reply(strange | _LAST)
    for platform in PLATFORMS if kind == "search" else PLATFORMS[:1]:
        found = listing(server, platform=platform, kind=kind, of="someone")
        assert len(list(found)) == 1
        assert not found.complete


def test_feed_v2_counts_pages_until_the_total(server: PlatformServer) -> None:
    ids = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(5)]

    def page(request: Request) -> Reply:
        number = int(request.path.split("page=")[1].split("&")[0])
        clips = [clip(id=i) for i in ids[2 * number : 2 * number + 2]]
        return Reply({"clips": clips, "current_page": number, "num_total_results": 5})

    server.script = page
    found = listing(server, kind="feed_v2", page_size=2)
    assert len(list(found)) == 3
    assert found.complete
    resumed = listing(server, kind="feed_v2", page_size=2, cursor="1")
    assert len(list(resumed)) == 3  # two with clips, and the empty one that says so
    assert resumed.complete


def numbered(total: int, size: int, first: int) -> Any:
    """A feed v1 of a platform that counts pages from ``first`` and takes an earlier page for the first one."""
    ids = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(total)]

    def page(request: Request) -> Reply:
        number = max(int(request.path.split("page=")[1].split("&")[0]) - first, 0)
        return Reply([clip(id=i) for i in ids[size * number : size * (number + 1)]])

    return page


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("total", [0, 1, 2, 3, 4, 7])
def test_from_whichever_number_a_platform_counts_every_page_comes_once(
    server: PlatformServer, first: int, total: int
) -> None:
    server.script = numbered(total, 2, first)
    found = listing(server, kind="feed_v1")
    ids = [each["id"] for page in found for each in json.loads(page.body)]
    assert len(ids) == len(set(ids)) == total
    assert found.complete


def test_a_page_that_repeats_the_one_before_is_a_fault(server: PlatformServer) -> None:
    server.script = lambda request: Reply([clip()])
    with pytest.raises(PagingFault, match="page 2 of /api/feed/ is the page before"):
        list(listing(server, kind="feed_v1"))
    server.script = lambda request: Reply({"clips": [clip()], "num_total_clips": 9})
    with pytest.raises(PagingFault, match="page 2 of /api/profiles/someone"):
        list(listing(server, kind="profile", of="someone"))
    server.script = lambda request: Reply({"result": {"public_song": {"result": [clip()]}}})
    with pytest.raises(PagingFault, match="index 1"):
        list(listing(server, kind="search", page_size=1))


def test_a_front_page_says_that_it_ends(server: PlatformServer) -> None:
    for last, complete in (({"feeds": [], "next_cursor": None}, True), ({"feeds": []}, False)):
        pages = {None: {"feeds": [], "next_cursor": "a"}, "a": last}
        server.script = cursors(pages)
        found = listing(server, kind="homepage")
        assert len(list(found)) == 2
        assert found.complete == complete
    server.script = lambda request: Reply({"feeds": [], "next_cursor": "a"})
    with pytest.raises(PagingFault, match="sent twice"):
        list(listing(server, kind="homepage"))


@pytest.mark.parametrize(
    "times",
    [
        ["2026-10-01T00:00:00.123Z", "2026-10-02T00:00:00.12345+00:00"],
        ["2026-10-01T00:00:00Z", None],
        ["2026-10-01T00:00:00Z", "the other day"],
    ],
)
def test_a_page_is_old_when_every_time_that_can_be_read_is(server: PlatformServer, times: list[str | None]) -> None:
    old = [clip(created_at=time) for time in times]
    pages = {None: {"clips": [clip(created_at="2026-10-30T00:00:00Z"), *old], "next_cursor": "a", "has_more": True}}
    pages |= {"a": {"clips": old, "next_cursor": "b", "has_more": True}}
    server.script = cursors(pages)
    found = listing(server, since=day(-1) - timedelta(days=20))
    assert len(list(found)) == 2
    assert found.complete


def test_a_page_without_a_readable_time_is_not_the_last(server: PlatformServer) -> None:
    odd = {"clips": [clip(created_at=None), {"id": "x"}, "no clip"], "next_cursor": "b", "has_more": True}
    server.script = cursors({None: odd, "b": THREE["b"]})
    assert len(list(listing(server, since=day(0)))) == 2


def test_case_07_udio_moves_an_offset_echoes_the_trending_id_and_stops_at_a_short_page(server: PlatformServer) -> None:
    songs = [song(id=f"{n:08d}-0000-4000-8000-000000000000") for n in range(5)]

    def page(request: Request) -> Reply:
        start = request.payload["pageParam"]
        return Reply({"data": songs[start : start + 2], "trendingId": "t:1"})

    server.script = page
    found = listing(server, platform="udio", page_size=2)
    assert len(list(found)) == 3
    assert [r.payload["pageParam"] for r in server.requests] == [0, 2, 4]
    assert [r.payload.get("trendingId") for r in server.requests] == [None, "t:1", "t:1"]
    assert found.complete


def test_udio_that_ignores_the_offset_is_a_fault(server: PlatformServer) -> None:
    server.script = lambda request: Reply({"data": [song()], "trendingId": "t"})
    with pytest.raises(PagingFault, match="offset 1"):
        list(listing(server, platform="udio", page_size=1))


def test_a_revisit_of_clips_asks_alone_for_who_dropped_out(server: PlatformServer) -> None:
    ids = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(21)]
    gone, private, late = ids[3], ids[4], ids[20]
    codes = {gone: 404, private: 403, late: 200}

    def script(request: Request) -> Reply:
        if "/clip/" in request.path:
            one = request.path.rsplit("/", 1)[1]
            return Reply(clip(id=one), status=codes[one])
        return Reply({"clips": [clip(id=one) for one in ids if one in request.path and one not in codes]})

    server.script = script
    found = revisit(access(server), ids, day(0))
    assert len(list(found)) == 3  # two batches, and the one that was there when asked alone
    assert (found.gone, found.withheld, found.complete) == ([gone], [private], True)
    assert server.requests[0].path.count("ids=") == 20
    assert len(server.requests) == 5


@pytest.mark.parametrize("status", [403, 404])
def test_without_the_batch_endpoint_clips_are_asked_for_one_by_one(server: PlatformServer, status: int) -> None:
    server.script = lambda request: Reply(clip(), status=200 if "/clip/" in request.path else status)
    found = revisit(access(server), [SUNO_ID], day(0))
    assert len(list(found)) == 1
    assert found.gone == []


@pytest.mark.parametrize("platform", ["suno", "udio"])
def test_of_a_batch_that_cannot_be_read_nobody_is_said_to_be_gone(server: PlatformServer, platform: Platform) -> None:
    server.script = lambda request: Reply({"surprise": []})
    found = revisit(access(server, platform), [SUNO_ID, UDIO_ID], day(0))
    assert [page.body for page in found] == ['{"surprise": []}']
    assert (found.gone, found.withheld) == ([], [])


def test_a_revisit_of_songs_asks_twenty_at_a_time_and_again_for_who_dropped_out(server: PlatformServer) -> None:
    ids = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(21)] + [UDIO_ID]
    missing_once = ids[1:2]

    def script(request: Request) -> Reply:
        dropped = [UDIO_ID, *missing_once]
        missing_once.clear()
        return Reply({"songs": [song(id=i) for i in ids if i in request.path and i not in dropped]})

    server.script = script
    found = revisit(access(server, "udio"), ids, day(0))
    assert len(list(found)) == 4
    assert found.gone == [UDIO_ID]


EMPTY = {"suno": Reply({"detail": "Not Found"}, status=404), "udio": Reply({"songs": []})}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_when_all_of_a_batch_are_gone_it_is_the_address_that_is(server: PlatformServer, platform: Platform) -> None:
    ids = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(25)]
    there = {"suno": {"clips": [clip(id=ids[0])]}, "udio": {"songs": [song(id=ids[0])]}}[platform]
    server.script = lambda request: Reply(there) if f"s={ids[0]}" in request.path else EMPTY[platform]
    found = revisit(access(server, platform), ids, day(0))
    with pytest.raises(SourceError, match=rf"{platform} knows none of 5 .*{ids[20]}(.|\n)*REVISITS_PER_RUN=4"):
        list(found)
    assert found.gone == ids[1:20], "of the batch before, one was there"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_few_may_all_be_gone(server: PlatformServer, platform: Platform) -> None:
    ids = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(4)]
    server.script = lambda request: EMPTY[platform]
    found = revisit(access(server, platform), ids, day(0))
    list(found)
    assert found.gone == ids


def test_a_revisit_refuses_what_is_not_an_id(server: PlatformServer) -> None:
    with pytest.raises(SourceError, match="is not an id"):
        revisit(access(server), ["../../etc"], day(0))


@pytest.mark.parametrize(
    ("reply", "wait"),
    [
        (Reply(status=429, headers={"Retry-After": "7"}), 7.0),
        (Reply(status=429, headers={"Retry-After": "Thu, 05 Nov 2026 12:30:09 GMT"}), 9.0),
        (Reply(status=429), 2.0),
        (Reply("Too many requests."), 2.0),
        (Reply('"Too many requests."'), 2.0),
        (Reply(status=503, headers={"Retry-After": "0"}), 0.0),
        (Reply(status=500), 2.0),
        (Reply('{"clips": [', cut=True), 2.0),
    ],
)
def test_a_passing_fault_is_waited_out(server: PlatformServer, reply: Reply, wait: float) -> None:
    server.script = cursors(THREE)
    server.faults = [reply]
    found = listing(server)
    assert len(list(found)) == 3
    assert found.complete
    assert longer(server.naps)[:1] == pytest.approx([wait] if wait else [], abs=0.5)


def test_waits_grow_and_patience_ends(server: PlatformServer) -> None:
    server.script = lambda request: Reply(status=429)
    with pytest.raises(RateLimited, match="fewer requests"):
        list(listing(server))
    assert longer(server.naps) == pytest.approx([2, 4, 8], abs=0.5)
    assert len(server.requests) == 4


def test_a_wait_of_hours_is_not_waited(server: PlatformServer) -> None:
    server.script = lambda request: Reply(status=429, headers={"Retry-After": "86400"})
    with pytest.raises(RateLimited):
        list(listing(server))
    assert len(server.requests) == 1


@pytest.mark.parametrize("reply", [Reply(status=502), Reply("{", cut=True)])
def test_a_platform_that_stays_down_is_said_to_be_down(server: PlatformServer, reply: Reply) -> None:
    server.script = lambda request: reply
    with pytest.raises(PlatformDown, match="/api/feed/v3"):
        list(listing(server))
    assert len(server.requests) == 4


@pytest.mark.parametrize(("status", "error"), [(401, Unauthorized), (403, Forbidden), (302, SourceError)])
def test_a_refusal_is_not_repeated(server: PlatformServer, status: int, error: type[SourceError]) -> None:
    server.script = lambda request: Reply(shape("suno_env_401.json"), status=status)
    with pytest.raises(error) as caught:
        list(listing(server))
    assert len(server.requests) == 1
    assert "secret" not in str(caught.value)


def test_case_18_a_401_in_mid_run_lands_what_came_before(server: PlatformServer, tmp_path: Any) -> None:
    def script(request: Request) -> Reply:
        return Reply(THREE[request.payload["cursor"]]) if request.payload["cursor"] != "b" else Reply(status=401)

    server.script = script
    found, files = listing(server), []
    with pytest.raises(Unauthorized, match="APEX_SOURCES__SUNO__TOKEN"):
        files.extend(land(Store.open(tmp_path), "suno", "r1", day(0), found))
    assert [file.pages for file in files] == [2]
    assert not found.complete
    assert found.cursor == "b"


def test_requests_are_paced(server: PlatformServer) -> None:
    server.script = cursors(THREE)
    list(listing(server, requests_per_second=0.1))
    assert longer(server.naps) == pytest.approx([10, 10], abs=0.5)


def test_off_is_off(server: PlatformServer) -> None:
    with pytest.raises(SourceDisabled, match="APEX_SOURCES__UDIO__ENABLED=true"):
        list_pages(access(server, "udio", enabled=False), day(0))
    with pytest.raises(Unauthorized, match="APEX_SOURCES__SUNO__TOKEN"):
        list_pages(access(server, token=None), day(0))


def test_a_token_never_leaves_in_the_clear(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="in the clear"):
        list_pages(Access("suno", connector(), HttpSettings(), tmp_path), day(0))
    with pytest.raises(SettingsError, match="in the clear"):
        list_pages(Access("suno", connector(), HttpSettings(connect_to={HOST: "10.0.0.1:80"}), tmp_path), day(0))


def test_an_unknown_listing_is_named(server: PlatformServer) -> None:
    with pytest.raises(SourceError, match="has no listing"):
        list_pages(access(server, "udio"), day(0), kind="feed_v3")
