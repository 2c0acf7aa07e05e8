"""Faults of a server that recover on a retry, each once and always at the same place."""

import json
from collections import Counter
from typing import Literal

from starlette.types import Receive, Scope, Send

Fault = Literal["rate_limited", "busy_text", "down", "cut"]

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
_ANSWERS: dict[Fault, tuple[int, str, bytes]] = {
    "rate_limited": (429, "application/json", json.dumps({"detail": "Too many requests"}).encode()),
    "busy_text": (200, "text/plain", b"Too many requests."),
    "down": (503, "text/plain", b"upstream connect error"),
    "cut": (200, "application/json", b'{"clips": ['),
}


_AUDIO_START = b"ID3\x04" + bytes(60)  # what has come of a song when the connection breaks


class FaultPlan:
    """Decides, request by request, whether one fails now. ``broken_files`` fail on their first request."""

    def __init__(self, broken_files: dict[str, Fault]) -> None:
        self._files = dict(broken_files)
        self._requests: Counter[str] = Counter()

    def next_for(self, path: str) -> Fault | None:
        """The fault that this request meets, if any."""
        platform = platform_of(path)
        if platform is None:
            return self._files.pop(path, None)
        self._requests[platform] += 1
        return _API_FAULTS.get((platform, self._requests[platform]))


def platform_of(path: str) -> str | None:
    """Whose API a path belongs to; None for audio."""
    if path.startswith(("/api/feed/", "/api/clip/")):
        return "suno"
    return "udio" if path.startswith("/api/songs") else None


async def answer_fault(fault: Fault, path: str, receive: Receive, send: Send) -> None:
    """Answer with the fault instead of the page."""
    status, kind, body = _ANSWERS[fault]
    while (await receive()).get("more_body", False):
        pass
    if fault == "cut" and platform_of(path) is None:
        kind, body = "audio/mpeg", _AUDIO_START
    promised = 1 << 14 if fault == "cut" else len(body)
    headers = [(b"content-type", kind.encode()), (b"content-length", str(promised).encode())]
    if status in (429, 503):
        headers.append((b"retry-after", b"0"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    # A cut promises more than it sends and never ends the body; the server then drops the connection.
    await send({"type": "http.response.body", "body": body, "more_body": fault == "cut"})


def is_http(scope: Scope) -> bool:
    """Whether an ASGI scope is a request (not the server's own start and stop)."""
    return scope["type"] == "http"
