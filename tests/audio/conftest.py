"""A scripted HTTP server on loopback, and settings that reach it under a made-up name."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from apex_core.settings import AudioSettings, HttpSettings

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


@pytest.fixture
def platform() -> Iterator[Platform]:
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


@pytest.fixture
def settings() -> AudioSettings:
    return AudioSettings(max_seconds=120, max_bytes=20_000_000, allowed_hosts=("audio.test",))


@pytest.fixture
def http(platform: Platform) -> HttpSettings:
    return HttpSettings(connect_to={"audio.test": platform.address}, retries=3, backoff_s=30, timeout_s=5)
