"""Faults of a server: a few that recover on a retry, each once and always at the same place, and those asked for."""

import asyncio
import json
from collections import Counter
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Literal

from starlette.types import Message, Receive, Scope, Send

Fault = Literal[
    "rate_limited",  # 429, Retry-After: 0
    "rate_limited_long",  # 429, Retry-After: 7
    "rate_limited_until",  # 429, Retry-After: a date, nine seconds on
    "rate_limited_bare",  # 429 without Retry-After
    "busy_text",  # "Too many requests." with status 200
    "down",  # 503
    "broken",  # 500
    "cut",  # the connection ends in the middle of the body
    "silent",  # no answer, for a minute
    "drip",  # a body that comes byte by byte, for a minute
    "unauthorized",  # 401
    "forbidden",  # 403
    "missing",  # 404
    "login_page",  # HTML with status 200
    "mislabelled",  # the answer, as text/html
    "redirect",  # 302 to a login page
    "oversize",  # two megabytes of JSON
    "unknown",  # JSON of a shape that nobody knows
]

# Which authorised request of a platform's API fails, counted from 1.
_API_FAULTS: dict[tuple[str, int], Fault] = {
    ("suno", 1): "rate_limited",
    ("suno", 3): "down",
    ("suno", 5): "cut",
    ("udio", 1): "busy_text",
    ("udio", 2): "down",
    ("udio", 4): "rate_limited",
    ("udio", 6): "cut",
}
_JSON, _TEXT, _HTML = "application/json", "text/plain", "text/html; charset=utf-8"
_BUSY = json.dumps({"detail": "Too many requests"}).encode()
_LOGIN = b"<!doctype html><title>Sign in</title><p>Sign in to go on."
_ANSWERS: dict[Fault, tuple[int, str, bytes]] = {
    "rate_limited": (429, _JSON, _BUSY),
    "rate_limited_long": (429, _JSON, _BUSY),
    "rate_limited_until": (429, _JSON, _BUSY),
    "rate_limited_bare": (429, _JSON, _BUSY),
    "busy_text": (200, _TEXT, b"Too many requests."),
    "down": (503, _TEXT, b"upstream connect error"),
    "broken": (500, _TEXT, b"Internal Server Error"),
    "cut": (200, _JSON, b'{"clips": ['),
    "drip": (200, _JSON, b" " * 600),
    "unauthorized": (401, _JSON, b'{"detail": "Unauthorized"}'),
    "forbidden": (403, _JSON, b'{"detail": "Forbidden"}'),
    "missing": (404, _JSON, b'{"detail": "Not found"}'),
    "login_page": (200, _HTML, _LOGIN),
    "redirect": (302, _HTML, b""),
    "oversize": (200, _JSON, b'{"clips": ["' + b"x" * (2 << 20) + b'"]}'),
    "unknown": (200, _JSON, b'{"surprise": []}'),
}
_DRIP_S, _SILENCE_S = 0.1, 60.0
_AUDIO_START = b"ID3\x04" + bytes(60)  # what has come of a song when the connection breaks
_PATHS = ("feed/", "clip/", "clips/", "profiles/", "playlist/", "project/", "search/", "unified/")


class FaultPlan:
    """Decides, request by request, whether one fails now. ``broken_files`` fail on their first request.

    ``usual`` are the faults that come by themselves; any other is planted.
    """

    def __init__(self, broken_files: dict[str, Fault], *, usual: bool = True) -> None:
        self._files = dict(broken_files) if usual else {}
        self._faults = dict(_API_FAULTS) if usual else {}
        self._requests: Counter[str] = Counter()

    def plant(self, platform: str, fault: Fault, at: int, times: int) -> None:
        """Let ``times`` requests fail, from the ``at``-th (1: the next) of a platform's API on."""
        for place in range(at, at + times):
            self._faults[platform, self._requests[platform] + place] = fault

    def next_for(self, path: str) -> Fault | None:
        """The fault that this request meets, if any."""
        platform = platform_of(path)
        if platform is None:
            return self._files.pop(path, None)
        self._requests[platform] += 1
        return self._faults.get((platform, self._requests[platform]))


def platform_of(path: str) -> str | None:
    """Whose API a path belongs to; None for audio."""
    if path.startswith("/api/songs"):
        return "udio"
    return "suno" if path.startswith(tuple(f"/api/{start}" for start in _PATHS)) else None


async def answer_fault(fault: Fault, path: str, clock: datetime, receive: Receive, send: Send) -> None:
    """Answer with the fault instead of the page."""
    while (await receive()).get("more_body", False):
        pass
    if fault == "silent":
        await _until_gone(receive, _SILENCE_S)
        return
    status, kind, body = _ANSWERS[fault]
    if fault == "cut" and platform_of(path) is None:
        kind, body = "audio/mpeg", _AUDIO_START
    promised = 1 << 14 if fault == "cut" else len(body)
    headers = [(b"content-type", kind.encode()), (b"content-length", str(promised).encode()), *_extra(fault, clock)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if fault == "drip":
        for byte in body:
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            if await _until_gone(receive, _DRIP_S):
                return
        body = b""
    # A cut promises more than it sends and never ends the body; the server then drops the connection.
    await send({"type": "http.response.body", "body": body, "more_body": fault == "cut"})


def _extra(fault: Fault, clock: datetime) -> list[tuple[bytes, bytes]]:
    """What a fault says in headers of its own."""
    until = format_datetime(clock + timedelta(seconds=9), usegmt=True)
    waits = {"rate_limited": "0", "down": "0", "rate_limited_long": "7", "rate_limited_until": until}
    if fault in waits:
        return [(b"retry-after", waits[fault].encode())]
    return [(b"location", b"/login")] if fault == "redirect" else []


async def _until_gone(receive: Receive, seconds: float) -> bool:
    """Wait, and say whether whoever asked has hung up meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


def as_html(send: Send) -> Send:
    """The same answer under a wrong name."""

    async def mislabelled(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if name != b"content-type"]
            message["headers"] = [*kept, (b"content-type", _HTML.encode())]
        await send(message)

    return mislabelled


def is_http(scope: Scope) -> bool:
    """Whether an ASGI scope is a request (not the server's own start and stop)."""
    return scope["type"] == "http"
