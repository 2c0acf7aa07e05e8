"""The two platforms' routes as a Starlette app."""

import base64
import binascii
import json
from email.utils import format_datetime
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apex_core.sandbox import browsing, listing
from apex_core.sandbox.faults import FaultPlan, answer_fault, as_html, is_http, platform_of
from apex_core.sandbox.listing import Row
from apex_core.sandbox.song import Song
from apex_core.sandbox.stage import Stage, number, read_body, refusal, stage_of
from apex_core.sandbox.world import World

_SONGS_AT_ONCE = 20
_MEDIA_TYPES = {"mp3": "audio/mpeg", "flac": "audio/flac"}


def create_app(stage: Stage, token: str, faults: FaultPlan) -> Starlette:
    """The app: Suno's feeds and clips, Udio's search and songs, and both platforms' audio."""
    routes = [
        Route("/api/feed/v2", feed_v2),
        Route("/api/feed/v3", feed_v3, methods=["POST"]),
        Route("/api/clip/{track_id}", clip),
        Route("/api/songs/search", search, methods=["POST"]),
        Route("/api/songs", songs),
        *browsing.ROUTES,
        Route("/api/forbidden", forbidden),
        Route("/{platform}/{file}", audio),
    ]
    gate = Middleware(Gate, stage=stage, token=token, faults=faults)
    app = Starlette(routes=routes, middleware=[gate])
    app.state.stage = stage
    return app


class Gate:
    """Around every request: the virtual clock as Date, the token, and the planned faults."""

    def __init__(self, app: ASGIApp, stage: Stage, token: str, faults: FaultPlan) -> None:
        self._app = app
        self._stage = stage
        self._authorization = f"Bearer {token}".encode()
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_http(scope):
            await self._app(scope, receive, send)
            return
        dated = self._dated(send)
        path = scope["path"]
        if platform_of(path) and dict(scope["headers"]).get(b"authorization") != self._authorization:
            await JSONResponse({"detail": "Unauthorized"}, 401)(scope, receive, dated)
            return
        fault = self._faults.next_for(path)
        if fault == "mislabelled":
            await self._app(scope, receive, as_html(dated))
        elif fault:
            await answer_fault(fault, path, self._stage.clock, receive, dated)
        else:
            await self._app(scope, receive, dated)

    def _dated(self, send: Send) -> Send:
        date = format_datetime(self._stage.clock, usegmt=True).encode()

        async def with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"date", date)]
            await send(message)

        return with_date


async def feed_v2(request: Request) -> Response:
    """GET feed/v2?page=&limit=: {clips, current_page, num_total_results}; pages count from 1, page 0 is page 1."""
    stage = stage_of(request)
    limit = number(request.query_params.get("limit"), 20, 1, 100)
    page = number(request.query_params.get("page"), 1, 1, 1_000_000)
    rows = stage.rows("suno")
    clips = [row.record(stage.clock) for row in rows[(page - 1) * limit : page * limit]]
    return JSONResponse({"clips": clips, "current_page": page, "num_total_results": len(rows)})


async def feed_v3(request: Request) -> Response:
    """POST feed/v3 {cursor, limit, filters}: {clips, next_cursor, has_more}; the last page's cursor is ""."""
    stage = stage_of(request)
    body = await read_body(request)
    filters = (body or {}).get("filters") or {}
    if body is None or any(isinstance(value, bool) for value in filters.values()):
        return refusal(422, "filters are the strings True and False" if body is not None else "not a JSON object")
    below = _read_cursor(body.get("cursor"))
    if below is None:
        return refusal(422, "unknown cursor")
    rows = [row for row in stage.rows("suno") if row.rank < below and _passes(row.song, filters)]
    page = rows[: number(body.get("limit"), 20, 1, 100)]
    more = len(rows) > len(page)
    clips = [row.record(stage.clock) for row in page]
    return JSONResponse({"clips": clips, "next_cursor": _cursor(page[-1]) if more else "", "has_more": more})


def _cursor(row: Row) -> str:
    return base64.urlsafe_b64encode(json.dumps({"below": row.rank}).encode()).decode()


def _read_cursor(cursor: str | None) -> float | None:
    if not cursor:
        return float("inf")
    try:
        return int(json.loads(base64.urlsafe_b64decode(cursor))["below"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None


def _passes(song: Song, filters: dict[str, Any]) -> bool:
    """Boolean filters are the strings "True" and "False"; unknown ones are ignored."""
    facts = {
        "trashed": song.fate == "trashed",
        "public": song.fate not in ("private", "submitted", "streaming"),
    }
    return all(str(fact) == filters.get(name, str(fact)) for name, fact in facts.items())


async def clip(request: Request) -> Response:
    """GET clip/{id}: one full clip; 404 when missing or trashed, 403 when private."""
    stage = stage_of(request)
    song = stage.find("suno", request.path_params["track_id"])
    if song is None or song.fate in ("trashed", "playlist", "no_id", "bad_id"):
        return refusal(404, "Not found")
    if song.fate == "private":
        return refusal(403, "This clip is private")
    return JSONResponse(listing.full_clip(song, stage.clock))


async def search(request: Request) -> Response:
    """POST songs/search {searchQuery, pageParam, pageSize, trendingId?}: {data, trendingId}.

    pageParam is an offset. Without the first page's trendingId later pages have shifted by one row.
    """
    stage = stage_of(request)
    body = await read_body(request)
    if body is None or not isinstance(body.get("searchQuery", {}), dict):
        return refusal(422, "not a search")
    size = number(body.get("pageSize"), 20, 1, 100)
    start = number(body.get("pageParam"), 0, 0, 1_000_000)
    term = str(body.get("searchQuery", {}).get("searchTerm") or "").lower()
    rows = [row for row in stage.rows("udio") if term in row.song.title.lower()]
    trending = f"t-{len(rows)}-{stage.clock:%Y%m%d%H%M}"
    if start and body.get("trendingId") != trending:
        start -= 1
    data = [row.record(stage.clock) for row in rows[start : start + size]]
    return JSONResponse({"data": data, "trendingId": trending})


async def songs(request: Request) -> Response:
    """GET songs?songIds=a,b (20 at most): {songs}; missing ones drop out."""
    stage = stage_of(request)
    ids = [track_id for track_id in request.query_params.get("songIds", "").split(",") if track_id]
    if len(ids) > _SONGS_AT_ONCE:
        return refusal(400, f"{_SONGS_AT_ONCE} ids at most")
    found = [song for track_id in ids if (song := stage.find("udio", track_id)) is not None]
    known = [song for song in found if song.fate not in ("no_id", "bad_id")]
    return JSONResponse({"songs": [listing.record(song, stage.clock) for song in known]})


async def forbidden(_request: Request) -> Response:
    """The placeholder address of withheld audio."""
    return refusal(403, "Forbidden")


async def audio(request: Request) -> Response:
    """GET /<platform>/<file>: the audio, or one of the ways in which there is none."""
    stage = stage_of(request)
    song = stage.file(f"{request.path_params['platform']}/{request.path_params['file']}")
    if song is None or song.sound in ("http_403", "forbidden", "none_mp3"):
        return Response("<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml")
    if song.sound == "html":
        return Response("<!doctype html><title>Sign in</title><p>Sign in to listen.</p>", media_type="text/html")
    if song.sound == "empty":
        return Response(b"", media_type=_MEDIA_TYPES[song.codec])
    return _file(stage.world, song, request)


def _file(world: World, song: Song, request: Request) -> Response:
    etag = f'"{world.files[song.file_name].sha256[:32]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag})
    # Both validators come from the world, not from the file system: they are the same in every build.
    validators = {"etag": etag, "last-modified": format_datetime(song.created_at, usegmt=True)}
    return FileResponse(world.path(song), headers=validators, media_type=_MEDIA_TYPES[song.codec])
