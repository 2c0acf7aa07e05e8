"""Weights in a folder on s3, from a real server: fetched once, whole or not at all, and then at hand."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import s3fs
import torch

from apex_core.errors import EncoderError
from apex_core.mert import describe_encoder, load_encoder
from apex_core.mert.weights import file_sha256
from apex_core.settings import EncoderSettings
from apex_core.storage import Store
from tests.mert.conftest import State
from tests.mert.wire import Wire

Write = Callable[..., Path]
NOISE = np.random.default_rng(5).standard_normal((1, 720_000)).astype(np.float32)
DESCRIBE = (
    "import sys; from pathlib import Path; from apex_core.mert import describe_encoder;"
    "from apex_core.settings import EncoderSettings; sys.stdin.readline();"
    "[print(describe_encoder(EncoderSettings(source=source), Path(sys.argv[1]))[0]) for source in sys.argv[2:]]"
)


@pytest.fixture
def folder(write_folder: Write, state: State) -> Path:
    return write_folder("folder", state)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def bucket(s3_url: str, folder: Path) -> str:
    upload(folder, s3_url)
    return s3_url


@pytest.fixture
def wire(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The way to the server, as this process takes it; one try, so that a test does not wait for several."""
    server = urlsplit(os.environ["AWS_ENDPOINT_URL_S3"])
    wire = Wire((str(server.hostname), int(server.port or 0)))
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", wire.url)
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        s3fs.S3FileSystem.clear_instance_cache()
        yield wire
        wire.limit = None
    s3fs.S3FileSystem.clear_instance_cache()


def upload(folder: Path, url: str) -> None:
    for path in folder.iterdir():
        Store.open(url).put_file(path.name, path, replace=True)


def describe(source: object, cache: Path, **settings: str) -> str:
    return describe_encoder(EncoderSettings(source=str(source), **settings), cache)[0]


def start(cache: Path, *sources: object) -> "subprocess.Popen[str]":
    """A process that describes encoders once it is told to begin."""
    command = [sys.executable, "-c", DESCRIBE, str(cache), *map(str, sources)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def begin(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_folder_on_s3_is_the_same_encoder_as_on_disk(bucket: str, folder: Path, cache: Path, tmp_path: Path) -> None:
    there = load_encoder(EncoderSettings(source=f"{bucket}/", device="cpu"), cache)
    here = load_encoder(EncoderSettings(source=str(folder), device="cpu"), tmp_path / "other")
    assert there.encoder_id == here.encoder_id
    assert there.encode(NOISE).tobytes() == here.encode(NOISE).tobytes()
    (copy,) = (cache / "encoder").glob("*.safetensors")
    assert copy.stem == file_sha256(folder / "pytorch_model.bin")


def test_after_the_first_time_no_server_is_needed(
    wire: Wire, bucket: str, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = describe(bucket, cache)
    wire.close()
    s3fs.S3FileSystem.clear_instance_cache()
    with caplog.at_level(logging.WARNING, "apex_core.mert"):
        assert describe(bucket, cache) == first
    assert "the copy fetched before is used" in caplog.text
    assert load_encoder(EncoderSettings(source=bucket, device="cpu"), cache).encoder_id == first


def test_a_pinned_copy_is_used_without_a_look(wire: Wire, bucket: str, folder: Path, cache: Path) -> None:
    pin = file_sha256(folder / "pytorch_model.bin")
    first = describe(bucket, cache, sha256=pin)
    wire.limit, wire.cut = 0, True
    assert describe(bucket, cache, sha256=pin.upper()) == first
    assert not wire.reached.is_set()


def test_without_server_or_copy_the_way_out_is_told(wire: Wire, bucket: str, cache: Path) -> None:
    wire.close()
    with pytest.raises(EncoderError, match=r"cannot be read: s3://.*Could not connect") as caught:
        describe(bucket, cache)
    assert caught.value.fix == "look at the network and at AWS_ENDPOINT_URL_S3"


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "pytorch_model.bin"])
def test_a_folder_that_lacks_a_file_says_which(bucket: str, cache: Path, name: str) -> None:
    Store.open(bucket).delete(name)
    with pytest.raises(EncoderError, match=name) as caught:
        describe(bucket, cache)
    assert "put the whole revision there" in str(caught.value.fix)


def test_a_changed_object_is_noticed(
    bucket: str, folder: Path, state: State, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, pin = describe(bucket, cache), file_sha256(folder / "pytorch_model.bin")
    torch.save(state | {"encoder.layer_norm.bias": state["encoder.layer_norm.bias"] + 1}, folder / "pytorch_model.bin")
    upload(folder, bucket)
    assert describe(bucket, cache, sha256=pin) == first, "who pinned it keeps it"
    with pytest.raises(EncoderError, match="has sha256"):
        describe(bucket, cache.with_name("elsewhere"), sha256=pin)
    with caplog.at_level(logging.WARNING, "apex_core.mert"):
        assert describe(bucket, cache) == describe(folder, cache) != first
    assert "changed since it was fetched" in caplog.text


def test_a_changed_description_is_noticed_as_well(bucket: str, folder: Path, cache: Path) -> None:
    first = describe(bucket, cache)
    (folder / "preprocessor_config.json").write_text('{"do_normalize": false, "sampling_rate": 24000}')
    upload(folder, bucket)
    assert describe(bucket, cache) == describe(folder, cache) != first


def test_a_download_that_breaks_off_leaves_nothing(wire: Wire, bucket: str, folder: Path, cache: Path) -> None:
    wire.limit, wire.cut = (folder / "pytorch_model.bin").stat().st_size // 2, True
    with pytest.raises(EncoderError, match=r"could not be fetched|broke off"):
        describe(bucket, cache)
    assert wire.reached.is_set()
    assert not list((cache / "encoder").iterdir())
    wire.limit = None
    assert describe(bucket, cache) == describe(folder, cache)


def test_a_process_killed_in_mid_download_is_cleared_away(wire: Wire, bucket: str, folder: Path, cache: Path) -> None:
    wire.limit = (folder / "pytorch_model.bin").stat().st_size // 2
    with start(cache, bucket) as process:
        begin(process)
        assert wire.reached.wait(60)
        process.send_signal(signal.SIGKILL)
    assert list((cache / "encoder").glob("*.part-*/*/*")), "it was in the middle of something"
    wire.limit = None
    assert describe(bucket, cache) == describe(folder, cache)
    assert not list((cache / "encoder").glob("*.part-*"))


@pytest.mark.slow
def test_two_processes_that_come_at_once_both_get_it(bucket: str, folder: Path, cache: Path) -> None:
    racers = [start(cache, bucket, folder) for _ in range(2)]
    for racer in racers:
        begin(racer)
    said = [racer.communicate(timeout=120)[0].split() for racer in racers]
    assert said[0] == said[1]
    assert len({*said[0], describe(folder, cache)}) == 1
    assert not list((cache / "encoder").glob("*.part-*"))
