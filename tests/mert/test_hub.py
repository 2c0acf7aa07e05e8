"""The hub's download protocol, against a server of our own."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from apex_core.errors import EncoderError
from apex_core.mert import describe_encoder
from apex_core.mert.hub import HubRepository
from apex_core.settings import EncoderSettings

REVISION = "12af15fef9d0ac838c3f475bfbbf26d2060dd4f5"
FILES = {"config.json": b'{"model_type": "mert_model"}'}


class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        if self.path.startswith("/private/"):
            self.send_error(403)
            return
        data = FILES.get(self.path.rsplit("/", 1)[-1])
        self.send_response(404 if data is None else 200)
        self.send_header("X-Repo-Commit", REVISION)
        if data is None:
            self.send_header("X-Error-Code", "EntryNotFound")
        else:
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(FILES.get(self.path.rsplit("/", 1)[-1], b""))

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_fetched_once_and_then_found_without_the_hub(endpoint: str, tmp_path: Path) -> None:
    fetched = HubRepository("m-a-p/MERT-v1-95M", REVISION, tmp_path, endpoint).find("config.json")
    offline = HubRepository("m-a-p/MERT-v1-95M", REVISION, tmp_path, "http://127.0.0.1:9").find("config.json")
    assert fetched == offline
    assert fetched is not None
    assert fetched.read_bytes() == FILES["config.json"]


def test_a_file_the_revision_lacks_is_none(endpoint: str, tmp_path: Path) -> None:
    assert HubRepository("m-a-p/MERT-v1-95M", REVISION, tmp_path, endpoint).find("model.safetensors") is None


def test_a_hub_that_does_not_give_the_file_says_what_to_do(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"could not be fetched") as caught:
        HubRepository("private/MERT", REVISION, tmp_path, endpoint).find("config.json")
    assert caught.value.fix is not None
    assert "tiny-random" in caught.value.fix


@pytest.mark.parametrize("revision", ["main", "v1", REVISION[:12]])
def test_a_revision_that_can_move_is_refused(revision: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="not a commit"):
        describe_encoder(EncoderSettings(revision=revision), tmp_path)


@pytest.mark.parametrize("source", ["mert", "./missing/folder", "/missing"])
def test_a_source_that_is_nothing_is_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="neither a folder nor a hub id"):
        describe_encoder(EncoderSettings(source=source), tmp_path)
