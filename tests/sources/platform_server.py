"""A small real HTTP server on loopback that plays back a script of answers."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CLOCK = datetime(2026, 11, 5, 12, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Reply:
    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    dated: bool = True


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    payload: Any


Script = Callable[[Request], Reply]


class PlatformServer:
    """Answers come from ``faults`` first, one each, then from ``script``; ``requests`` keeps what was asked.

    ``home`` is where those who ask take turns; with ``naps.append`` for a sleep, ``naps`` is how long they would wait.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.naps: list[float] = []
        self.faults: list[Reply] = []
        self.script: Script = lambda request: Reply(status=404)
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.faults.pop(0) if self.faults else self.script(request)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(owner: PlatformServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(None)

        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, payload: Any) -> None:
            reply = owner.answer(Request(self.command, self.path, dict(self.headers), payload))
            data = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
            self.send_response_only(reply.status)
            if reply.dated:
                self.send_header("Date", format_datetime(CLOCK, usegmt=True))
            for name, value in {**reply.headers, "Content-Length": str(len(data) + 100 * reply.cut)}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = reply.cut

        def log_message(self, format: str, *args: Any) -> None: ...

    return Handler
