"""The hub's download protocol, against a server of our own."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from huggingface_hub import constants

from apex_core.errors import EncoderError
from apex_core.mert import describe_encoder, load_encoder
from apex_core.mert.hub import HubRepository
from apex_core.settings import EncoderSettings
from tests.mert.conftest import State
from tests.mert.wire import Wire

REVISION = "12af15fef9d0ac838c3f475bfbbf26d2060dd4f5"
FILES = {"config.json": b'{"model_type": "mert_model"}'}


class Handler(BaseHTTPRequestHandler):
    server: "Hub"

    def do_HEAD(self) -> None:
        self._head()

    def do_GET(self) -> None:
        data = self._head()
        self.wfile.write(data if self.server.most is None else data[: self.server.most])

    def _head(self) -> bytes:
        if self.path.startswith("/private/"):
            self.send_error(403)
            return b""
        data = self.server.files.get(self.path.rsplit("/", 1)[-1])
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        self.send_response(404 if data is None else 206 if start else 200)
        self.send_header("X-Repo-Commit", REVISION)
        if data is None:
            self.send_header("X-Error-Code", "EntryNotFound")
        else:
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        if start and data is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data or b"") - start))
        self.end_headers()
        return (data or b"")[start:]

    def log_message(self, format: str, *args: object) -> None:
        pass


class Hub(ThreadingHTTPServer):
    """A hub with one repository's files, which sends at most ``most`` bytes of one and then hangs up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = dict(FILES)
        self.most: int | None = None
        self._thread = Thread(target=self.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    yield hub
    hub.stop()


@pytest.fixture
def endpoint(hub: Hub) -> str:
    return hub.url


@pytest.fixture
def checkpoint(
    hub: Hub, write_folder: Callable[..., Path], state: State, monkeypatch: pytest.MonkeyPatch
) -> dict[str, bytes]:
    """The files of the tiny encoder, as the hub has them; and that hub is the hub."""
    # What HF_ENDPOINT does for a new process.
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    )
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    folder = write_folder("published", state)
    hub.files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return hub.files


def describe(cache: Path, **settings: str) -> str:
    return describe_encoder(EncoderSettings(source="m-a-p/MERT-v1-95M", revision=REVISION, **settings), cache)[0]


def test_a_file_is_fetched_once_and_then_found_without_the_hub(endpoint: str, tmp_path: Path) -> None:
    fetched = HubRepository("m-a-p/MERT-v1-95M", REVISION, tmp_path, endpoint).find("config.json")
    offline = HubRepository("m-a-p/MERT-v1-95M", REVISION, tmp_path, "http://127.0.0.1:9").find("config.json")
    assert fetched == offline
    assert fetched is not None
    assert fetched.read_bytes() == FILES["config.json"]


def test_a_file_the_revision_lacks_is_none_and_that_is_not_asked_twice(endpoint: str, tmp_path: Path) -> None:
    assert HubRepository("m-a-p/MERT-v1-95M", REVISION, tmp_path, endpoint).find("model.safetensors") is None
    offline = HubRepository("m-a-p/MERT-v1-95M", REVISION, tmp_path, "http://127.0.0.1:9")
    assert offline.find("model.safetensors") is None


def test_a_hub_that_does_not_give_the_file_says_what_to_do(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"could not be fetched") as caught:
        HubRepository("private/MERT", REVISION, tmp_path, endpoint).find("config.json")
    assert caught.value.fix is not None
    assert "tiny-random" in caught.value.fix


@pytest.mark.parametrize("revision", ["main", "v1", REVISION[:12]])
def test_a_revision_that_can_move_is_refused(revision: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="not a commit"):
        describe_encoder(EncoderSettings(revision=revision), tmp_path)


@pytest.mark.parametrize("source", ["mert", "./missing/folder", "/missing", "a/b/c", "https://me:secret@host/x"])
def test_a_source_that_is_nothing_is_refused(source: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="neither a folder nor a hub id") as caught:
        describe_encoder(EncoderSettings(source=source), tmp_path)
    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("checkpoint")
def test_after_the_first_time_no_hub_is_needed(hub: Hub, tmp_path: Path) -> None:
    first = describe(tmp_path)
    assert first.startswith("mert-v1-95m-")
    hub.server_close()
    shutil.copytree(tmp_path, tmp_path / "copied")
    assert describe(tmp_path) == first
    shutil.rmtree(tmp_path / "hub")
    assert describe(tmp_path) == first, "the converted copy is enough"
    loaded = load_encoder(EncoderSettings(revision=REVISION, device="cpu"), tmp_path)
    assert loaded.encoder_id == first
    shutil.rmtree(tmp_path / "copied" / "encoder")
    assert describe(tmp_path / "copied") == first, "so is what the hub sent"


def test_a_remembered_copy_still_has_to_be_the_pinned_one(checkpoint: dict[str, bytes], tmp_path: Path) -> None:
    pin = hashlib.sha256(checkpoint["pytorch_model.bin"]).hexdigest()
    assert describe(tmp_path, sha256=pin) == describe(tmp_path)
    with pytest.raises(EncoderError, match="has sha256"):
        describe(tmp_path, sha256="0" * 64)


def test_a_download_that_breaks_off_is_no_checkpoint(hub: Hub, checkpoint: dict[str, bytes], tmp_path: Path) -> None:
    hub.most = len(checkpoint["pytorch_model.bin"]) // 100
    with pytest.raises(EncoderError, match=r"pytorch_model.bin of .* could not be fetched"):
        describe(tmp_path)
    hub.most = None
    assert describe(tmp_path) == describe(tmp_path / "elsewhere")


def test_a_process_killed_in_mid_download_is_made_good(hub: Hub, checkpoint: dict[str, bytes], tmp_path: Path) -> None:
    wire = Wire(("127.0.0.1", hub.server_port))
    wire.limit = len(checkpoint["pytorch_model.bin"]) // 2
    code = (
        "import sys; from pathlib import Path; from apex_core.mert import describe_encoder;"
        "from apex_core.settings import EncoderSettings;"
        "describe_encoder(EncoderSettings(revision=sys.argv[1]), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, REVISION, str(tmp_path)]
    with subprocess.Popen(command, env=os.environ | {"HF_ENDPOINT": wire.url}) as process:
        assert wire.reached.wait(60)
        process.kill()
    assert list(tmp_path.rglob("*.incomplete")), "it was in the middle of something"
    assert describe(tmp_path) == describe(tmp_path / "elsewhere")


@pytest.mark.usefixtures("checkpoint")
def test_a_file_that_is_not_what_the_hub_promised_is_refused(tmp_path: Path) -> None:
    describe(tmp_path)
    shutil.rmtree(tmp_path / "encoder")
    weights = next((tmp_path / "hub").rglob("pytorch_model.bin")).resolve()
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(EncoderError, match=f"has sha256 .*, not {weights.name}") as caught:
        describe(tmp_path)
    assert "delete it" in str(caught.value.fix)
