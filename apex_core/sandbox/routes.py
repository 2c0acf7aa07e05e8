"""The two platforms' routes as a Starlette app."""

import base64
import binascii
import json
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apex_core.sandbox import listing
from apex_core.sandbox.faults import FaultPlan, answer_fault, is_http, platform_of
from apex_core.sandbox.listing import Row
from apex_core.sandbox.song import Song
from apex_core.sandbox.world import World
from apex_core.settings import Platform

_AGE_AT_RELEASE = timedelta(minutes=5)
_SONGS_AT_ONCE = 20
_MEDIA_TYPES = {"mp3": "audio/mpeg", "flac": "audio/flac"}


class Stage:
    """What the platforms show now: the world, the virtual clock and the spares released so far."""

    def __init__(self, world: World, clock: datetime) -> None:
        self.world = world
        self.clock = clock
        self._rows = dict(world.rows)
        self._spares = list(world.spares)
        self._files = {song.file_name: song for song in world.tracks}

    def release(self, number: int, at: datetime) -> list[Song]:
        """List the next spares as songs published shortly before ``at``."""
        released = [replace(spare, created_at=at - _AGE_AT_RELEASE) for spare in self._spares[:number]]
        del self._spares[:number]
        for song in released:
            self._rows[song.platform] = listing.on_top(self._rows[song.platform], song)
            self._files[song.file_name] = song
        return released

    def rows(self, platform: Platform) -> list[Row]:
        """The platform's visible rows, newest first."""
        return [row for row in self._rows[platform] if row.song.visible(self.clock)]

    def find(self, platform: Platform, track_id: str) -> Song | None:
        """The visible item with this id, if there is one."""
        return next((row.song for row in self.rows(platform) if row.song.track_id == track_id), None)

    def file(self, name: str) -> Song | None:
        """The visible song whose audio has this name, if there is one."""
        song = self._files.get(name)
        return song if song is not None and song.visible(self.clock) else None


def create_app(stage: Stage, token: str, faults: FaultPlan | None) -> Starlette:
    """The app: Suno's feeds and clips, Udio's search and songs, and both platforms' audio."""
    routes = [
        Route("/api/feed/v2", feed_v2),
        Route("/api/feed/v3", feed_v3, methods=["POST"]),
        Route("/api/clip/{track_id}", clip),
        Route("/api/songs/search", search, methods=["POST"]),
        Route("/api/songs", songs),
        Route("/api/forbidden", forbidden),
        Route("/{platform}/{file}", audio),
    ]
    gate = Middleware(Gate, stage=stage, token=token, faults=faults)
    app = Starlette(routes=routes, middleware=[gate])
    app.state.stage = stage
    return app


class Gate:
    """Around every request: the virtual clock as Date, the token, and the planned faults."""

    def __init__(self, app: ASGIApp, stage: Stage, token: str, faults: FaultPlan | None) -> None:
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
        fault = self._faults.next_for(path) if self._faults else None
        if fault:
            await answer_fault(fault, path, receive, dated)
        else:
            await self._app(scope, receive, dated)

    def _dated(self, send: Send) -> Send:
        date = format_datetime(self._stage.clock, usegmt=True).encode()

        async def with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"date", date)]
            await send(message)

        return with_date


def _stage(request: Request) -> Stage:
    return request.app.state.stage


def _refusal(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status)


async def _body(request: Request) -> dict[str, Any] | None:
    try:
        body = await request.json()
    except json.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _number(value: str | float | None, default: int, least: int, most: int) -> int:
    try:
        return max(least, min(most, default if value is None else int(value)))
    except (TypeError, ValueError):
        return default


async def feed_v2(request: Request) -> Response:
    """GET feed/v2?page=&limit=: {clips, current_page, num_total_results}; pages count from 1, page 0 is page 1."""
    stage = _stage(request)
    limit = _number(request.query_params.get("limit"), 20, 1, 100)
    page = _number(request.query_params.get("page"), 1, 1, 1_000_000)
    rows = stage.rows("suno")
    clips = [row.record(stage.clock) for row in rows[(page - 1) * limit : page * limit]]
    return JSONResponse({"clips": clips, "current_page": page, "num_total_results": len(rows)})


async def feed_v3(request: Request) -> Response:
    """POST feed/v3 {cursor, limit, filters}: {clips, next_cursor, has_more}; the last page's cursor is ""."""
    stage = _stage(request)
    body = await _body(request)
    filters = (body or {}).get("filters") or {}
    if body is None or any(isinstance(value, bool) for value in filters.values()):
        return _refusal(422, "filters are the strings True and False" if body is not None else "not a JSON object")
    below = _read_cursor(body.get("cursor"))
    if below is None:
        return _refusal(422, "unknown cursor")
    rows = [row for row in stage.rows("suno") if row.rank < below and _passes(row.song, filters)]
    page = rows[: _number(body.get("limit"), 20, 1, 100)]
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
    stage = _stage(request)
    song = stage.find("suno", request.path_params["track_id"])
    if song is None or song.fate in ("trashed", "playlist", "no_id", "bad_id"):
        return _refusal(404, "Not found")
    if song.fate == "private":
        return _refusal(403, "This clip is private")
    return JSONResponse(listing.full_clip(song, stage.clock))


async def search(request: Request) -> Response:
    """POST songs/search {searchQuery, pageParam, pageSize, trendingId?}: {data, trendingId}.

    pageParam is an offset. Without the first page's trendingId later pages have shifted by one row.
    """
    stage = _stage(request)
    body = await _body(request)
    if body is None or not isinstance(body.get("searchQuery", {}), dict):
        return _refusal(422, "not a search")
    size = _number(body.get("pageSize"), 20, 1, 100)
    start = _number(body.get("pageParam"), 0, 0, 1_000_000)
    term = str(body.get("searchQuery", {}).get("searchTerm") or "").lower()
    rows = [row for row in stage.rows("udio") if term in row.song.title.lower()]
    trending = f"t-{len(rows)}-{stage.clock:%Y%m%d%H%M}"
    if start and body.get("trendingId") != trending:
        start -= 1
    data = [row.record(stage.clock) for row in rows[start : start + size]]
    return JSONResponse({"data": data, "trendingId": trending})


async def songs(request: Request) -> Response:
    """GET songs?songIds=a,b (20 at most): {songs}; missing ones drop out."""
    stage = _stage(request)
    ids = [track_id for track_id in request.query_params.get("songIds", "").split(",") if track_id]
    if len(ids) > _SONGS_AT_ONCE:
        return _refusal(400, f"{_SONGS_AT_ONCE} ids at most")
    found = [song for track_id in ids if (song := stage.find("udio", track_id)) is not None]
    known = [song for song in found if song.fate not in ("no_id", "bad_id")]
    return JSONResponse({"songs": [listing.record(song, stage.clock) for song in known]})


async def forbidden(_request: Request) -> Response:
    """The placeholder address of withheld audio."""
    return _refusal(403, "Forbidden")


async def audio(request: Request) -> Response:
    """GET /<platform>/<file>: the audio, or one of the ways in which there is none."""
    stage = _stage(request)
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
