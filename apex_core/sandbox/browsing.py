"""Suno's other listings: by number, creator, playlist, project, search word, front page, and by ids."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apex_core.sandbox.listing import full_clip
from apex_core.sandbox.stage import Row, Stage, number, read_body, refusal, stage_of

Record = dict[str, Any]

PAGE, PLAYLIST_PAGE, FRONT_PAGE, IDS_AT_ONCE = 20, 50, 10, 20
PLAYLIST = "4268c004-51c0-5d4e-a009-5de482a8d8a1"  # the one playlist: every third public song
PROJECT = "default"  # the one project: everything
_ODD = ("playlist", "no_id", "bad_id")
_HIDDEN = ("private", "submitted", "streaming", "trashed", *_ODD)


async def feed_v1(request: Request) -> Response:
    """GET feed/?page=: a bare array; pages count from 1, page 0 is page 1, and one after the last is empty."""
    stage = stage_of(request)
    return JSONResponse(_records(stage, _cut(request, stage.rows("suno"), PAGE)))


async def profile(request: Request) -> Response:
    """GET profiles/{handle}?page=: {clips, stats, num_total_clips}; only page 1 has the sums."""
    stage, handle = stage_of(request), request.path_params["handle"]
    rows = [row for row in _public(stage) if row.song.creator.name == handle]
    if not rows:
        return refusal(404, "Not found")
    clips = _records(stage, rows)
    sums = {name: sum(_count(clip, key) for clip in clips) for name, key in _SUMS.items()}
    page = _page(request)
    shown = _records(stage, _cut(request, rows, PAGE))
    stats: Record = {"upvote_count__sum": sums["likes"], "play_count__sum": sums["plays"]} if page == 1 else {}
    facts = {"handle": handle, "display_name": handle.title(), "stats": stats, "num_total_clips": len(rows)}
    return JSONResponse({**facts, "clips": shown, "current_page": page, "playlists": []})


async def playlist(request: Request) -> Response:
    """GET playlist/{id}?page=: playlist_clips[].clip, fifty a page; the counts beside them are the playlist's own."""
    stage = stage_of(request)
    if request.path_params["playlist_id"] != PLAYLIST:
        return refusal(404, "Not found")
    rows = _public(stage)[::3]
    shown = _records(stage, _cut(request, rows, PLAYLIST_PAGE))
    clips = [{"clip": clip, "relative_index": float(place)} for place, clip in enumerate(shown, 1)]
    facts = {"entity_type": "playlist_schema", "id": PLAYLIST, "name": "Explore", "is_public": True}
    counts = {"play_count": 62, "upvote_count": 4, "num_total_results": len(rows), "current_page": _page(request)}
    return JSONResponse({**facts, **counts, "playlist_clips": clips, "next_cursor": None})


async def project(request: Request) -> Response:
    """GET project/{id}?page=: project_clips[].clip."""
    stage = stage_of(request)
    if request.path_params["project_id"] != PROJECT:
        return refusal(404, "Not found")
    rows = stage.rows("suno")
    clips = [{"clip": clip} for clip in _records(stage, _cut(request, rows, PAGE))]
    return JSONResponse({"id": PROJECT, "name": "My Workspace", "clip_count": len(rows), "project_clips": clips})


async def search(request: Request) -> Response:
    """POST search {search_queries: [{term, from_index, size}]}: result.public_song.result[]."""
    stage, body = stage_of(request), await read_body(request)
    queries = (body or {}).get("search_queries")
    if not isinstance(queries, list) or not queries or not isinstance(queries[0], dict):
        return refusal(422, "search_queries is missing")
    query: Record = queries[0]
    start, size = number(query.get("from_index"), 0, 0, 1_000_000), number(query.get("size"), PAGE, 1, 100)
    term = str(query.get("term", "")).lower()
    rows = [row for row in _public(stage) if term in row.song.title.lower()]
    result = {"result": _records(stage, rows[start : start + size]), "total_hits": len(rows)}
    return JSONResponse({"result": {"public_song": result}})


async def homepage(request: Request) -> Response:
    """POST unified/homepage {cursor}: feeds[].items[].content_item, some of which are no clips; null ends it."""
    stage, body = stage_of(request), await read_body(request)
    rows, start = _public(stage), number((body or {}).get("cursor"), 0, 0, 1_000_000)
    clips = _records(stage, rows[start : start + FRONT_PAGE])
    items = [{"content_id": clip["id"], "content_type": "clip", "content_item": clip} for clip in clips]
    items.append({"content_id": PLAYLIST, "content_type": "playlist", "content_item": {"id": PLAYLIST}})
    more = start + FRONT_PAGE < len(rows)
    feeds = [{"feed_id": "f", "feed_title": "New", "feed_container_type": "playlist", "items": items}]
    return JSONResponse({"feeds": feeds, "next_cursor": str(start + FRONT_PAGE) if more else None})


async def by_ids(request: Request) -> Response:
    """GET clips/get_songs_by_ids?ids=a&ids=b (20 at most): {clips}; missing and private ones drop out."""
    stage, ids = stage_of(request), request.query_params.getlist("ids")
    if not ids or len(ids) > IDS_AT_ONCE:
        return refusal(422, f"1 to {IDS_AT_ONCE} ids")
    found = [song for track_id in ids if (song := stage.find("suno", track_id)) is not None]
    shown = [song for song in found if song.fate not in ("private", *_ODD)]
    return JSONResponse({"clips": [full_clip(song, stage.clock) for song in shown]})


ROUTES = (
    Route("/api/feed/", feed_v1),
    Route("/api/profiles/{handle}", profile),
    Route("/api/playlist/{playlist_id}", playlist),
    Route("/api/project/{project_id}", project),
    Route("/api/search/", search, methods=["POST"]),
    Route("/api/unified/homepage", homepage, methods=["POST"]),
    Route("/api/clips/get_songs_by_ids", by_ids),
)
_SUMS = {"plays": "play_count", "likes": "upvote_count"}


def _public(stage: Stage) -> list[Row]:
    """What everybody can see, each song once."""
    seen: dict[str, Row] = {}
    for row in stage.rows("suno"):
        if row.song.fate not in _HIDDEN:
            seen.setdefault(row.song.track_id, row)
    return list(seen.values())


def _records(stage: Stage, rows: list[Row]) -> list[Record]:
    return [row.record(stage.clock) for row in rows]


def _page(request: Request) -> int:
    return number(request.query_params.get("page"), 1, 1, 1_000_000)


def _cut(request: Request, rows: list[Row], size: int) -> list[Row]:
    page = _page(request)
    return rows[(page - 1) * size : page * size]


def _count(clip: Record, key: str) -> int:
    value = clip.get(key)
    return value if isinstance(value, int) else 0
