"""A scripted HTTP server on loopback, for what no well-meaning platform would answer."""

import threading
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Script = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Platform:
    """Answers each path with its scripts, one a request; the last one repeats. ``seen`` are the requests' headers."""

    address: str = ""
    scripts: dict[str, list[Script]] = field(default_factory=lambda: defaultdict(list))
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def on(self, path: str, *scripts: Script) -> str:
        self.scripts[path].extend(scripts)
        return f"http://audio.test{path}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.seen.append((request.path, {name.lower(): value for name, value in request.headers.items()}))
        scripts = self.scripts[request.path]
        (scripts.pop(0) if len(scripts) > 1 else scripts[0])(request)


@contextmanager
def serving() -> Generator[Platform]:
    """The server, until the context ends."""
    platform = Platform()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            platform.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        platform.address = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield platform
        server.shutdown()
        thread.join()


def body(data: bytes, status: int = 200, kind: str = "audio/flac", **headers: str) -> Script:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        names = {"Content-Type": kind, "Content-Length": str(len(data))}
        for name, value in (names | {name.replace("_", "-"): value for name, value in headers.items()}).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    return answer


def cut(data: bytes, after: int, **headers: str) -> Script:
    def answer(request: BaseHTTPRequestHandler) -> None:
        body(data[:after], Content_Length=str(len(data)), **headers)(request)
        request.close_connection = True

    return answer


def the_rest(data: bytes, **headers: str) -> Script:
    def answer(request: BaseHTTPRequestHandler) -> None:
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        body(data[start:], 206, Content_Range=span, **headers)(request)

    return answer


def redirect(location: str) -> Script:
    return body(b"", 302, Location=location)
