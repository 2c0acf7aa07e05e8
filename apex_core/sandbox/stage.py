"""What the platforms show at a time, and what every route needs."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from apex_core.sandbox import listing
from apex_core.sandbox.listing import Row
from apex_core.sandbox.song import Song
from apex_core.sandbox.world import World
from apex_core.settings import Platform

_AGE_AT_RELEASE = timedelta(minutes=5)


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


def stage_of(request: Request) -> Stage:
    """What the platforms show, for a route."""
    return request.app.state.stage


def refusal(status: int, detail: str) -> JSONResponse:
    """An answer that is none."""
    return JSONResponse({"detail": detail}, status)


async def read_body(request: Request) -> dict[str, Any] | None:
    """The JSON object that was sent; None for anything else."""
    try:
        body = await request.json()
    except json.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def number(value: str | float | None, default: int, least: int, most: int) -> int:
    """A number from a request, kept within bounds; the default when it is none."""
    try:
        return max(least, min(most, default if value is None else int(value)))
    except (TypeError, ValueError):
        return default
