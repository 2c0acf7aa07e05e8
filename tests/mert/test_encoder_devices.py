"""Where, how precisely and how many at a time: what settings say and what is found, and that it is recorded."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from apex_core.errors import EncoderError
from apex_core.mert import Encoder, load_encoder, mix
from apex_core.mert.config import MERT_95M
from apex_core.mert.devices import choose_batch, choose_precision, fitting_batch
from apex_core.settings import EncoderSettings
from tests.mert.conftest import tone

GIB = 1 << 30
SEGMENTS = np.stack([tone(200.0), tone(3000.0, seconds=4.0)])

on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def test_on_a_cpu_everything_is_plain() -> None:
    assert choose_precision("auto", "cpu") == "fp32"
    assert choose_batch(None, "cpu", MERT_95M, "fp32") == 1


def test_what_is_named_is_taken() -> None:
    assert choose_precision("bf16", "cpu") == "bf16"
    assert choose_batch(7, "cpu", MERT_95M, "fp32") == 7


@given(st.integers(1, 200), st.integers(0, 100))
def test_a_batch_grows_with_the_memory_and_is_bounded(gib: int, more: int) -> None:
    sizes = [fitting_batch(size * GIB, MERT_95M, "bf16") for size in (gib, gib + more)]
    assert 1 <= sizes[0] <= sizes[1] <= 32
    assert fitting_batch(gib * GIB, MERT_95M, "fp32") <= sizes[0]


def test_large_cards_take_full_batches_and_small_ones_some() -> None:
    assert fitting_batch(80 * GIB, MERT_95M, "bf16") == 32
    assert 1 < fitting_batch(4 * GIB, MERT_95M, "bf16") < 32


def test_how_vectors_were_computed_is_recorded_and_changes_no_id(encoder: Encoder, tmp_path: Path) -> None:
    settings = EncoderSettings(source="tiny-random", device="cpu", precision="bf16", batch_segments=3)
    half = load_encoder(settings, tmp_path)
    assert half.encoder_id == encoder.encoder_id
    assert half.facts == encoder.facts
    told = {name: half.run_facts[name] for name in ("precision", "device", "batch_segments", "forward", "compiled")}
    assert told == {
        "precision": "bf16",
        "device": "cpu",
        "batch_segments": 3,
        "forward": "tiled",
        "compiled": False,
    }


def test_vectors_of_half_precision_serve_in_the_place_of_exact_ones(encoder: Encoder, tmp_path: Path) -> None:
    half = load_encoder(EncoderSettings(source="tiny-random", device="cpu", precision="bf16"), tmp_path)
    exact, other = mix(encoder.encode(SEGMENTS)), mix(half.encode(SEGMENTS))
    cosine = (exact * other).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(other, axis=1)
    assert cosine.min() > 0.999
    assert np.linalg.norm(exact - other, axis=1).max() < 0.1 * np.linalg.norm(exact[0] - exact[1])


def test_batches_do_not_change_vectors_on_a_cpu(encoder: Encoder) -> None:
    assert replace(encoder, batch_segments=2).encode(SEGMENTS).tobytes() == encoder.encode(SEGMENTS).tobytes()


def test_a_tensor_on_the_device_is_as_good_as_an_array(encoder: Encoder) -> None:
    assert encoder.encode(torch.from_numpy(SEGMENTS)).tobytes() == encoder.encode(SEGMENTS).tobytes()
    with pytest.raises(EncoderError, match="not float32"):
        encoder.encode(torch.from_numpy(SEGMENTS).double())


def test_read_only_segments_are_encoded_and_left_as_they_are(encoder: Encoder) -> None:
    locked = SEGMENTS.copy()
    locked.flags.writeable = False
    assert encoder.encode(locked).tobytes() == encoder.encode(SEGMENTS).tobytes()
    assert np.array_equal(locked, SEGMENTS)


def test_rows_that_lie_apart_are_encoded_like_others(encoder: Encoder) -> None:
    apart = torch.from_numpy(SEGMENTS).T.contiguous().T
    assert apart.stride() == (1, len(SEGMENTS))
    assert encoder.encode(apart).tobytes() == encoder.encode(SEGMENTS).tobytes()


class _Full:
    """A pass on a device whose memory is taken."""

    kind, compiled = "tiled", False

    def __call__(self, waves: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity ...")


@pytest.mark.parametrize(("batch", "fix"), [(32, "BATCH_SEGMENTS=16"), (1, "DEVICE=cpu")])
def test_want_of_memory_says_which_setting_needs_less(encoder: Encoder, batch: int, fix: str) -> None:
    with pytest.raises(EncoderError, match=f"does not do for {batch} segments") as told:
        replace(encoder, forward=_Full(), batch_segments=batch).encode(SEGMENTS)
    assert fix in str(told.value.fix)


def test_threads_of_one_process_get_the_vectors_they_would_get_alone(encoder: Encoder) -> None:
    alone = [encoder.encode(segment[None]).tobytes() for segment in SEGMENTS]
    before = torch.get_num_threads()
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda segment: encoder.encode(segment[None]).tobytes(), SEGMENTS))
    assert together == alone
    assert torch.get_num_threads() == before


_TOLD = """
import hashlib, pathlib, sys
import numpy as np
from apex_core.mert import load_encoder
from apex_core.settings import EncoderSettings
encoder = load_encoder(EncoderSettings(source="tiny-random", device="cpu"), pathlib.Path())
noise = np.random.default_rng(0).standard_normal((1, 720_000)).astype(np.float32)
print(hashlib.sha256(encoder.encode(noise).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_the_stand_in_says_the_same_bytes_whatever_the_environment_says_of_threads() -> None:
    def told(threads: str) -> bytes:
        env = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        return subprocess.run([sys.executable, "-c", _TOLD], env=env, check=True, stdout=subprocess.PIPE).stdout

    with ThreadPoolExecutor() as pool:
        assert len(set(pool.map(told, ["1", "2"]))) == 1


@pytest.mark.gpu
@on_cuda
@pytest.mark.parametrize(("precision", "cosine"), [("fp32", 1 - 1e-6), ("bf16", 0.999), ("fp16", 0.999)])
@pytest.mark.parametrize("compiled", ["on", "off"])
def test_on_a_gpu_vectors_mean_the_same(
    encoder: Encoder, tmp_path: Path, precision: str, cosine: float, compiled: str
) -> None:
    settings = EncoderSettings.model_validate(
        {"source": "tiny-random", "device": "cuda", "precision": precision, "compile": compiled}
    )
    gpu = load_encoder(settings, tmp_path)
    assert gpu.encoder_id == encoder.encoder_id
    assert gpu.run_facts["device_name"]
    found, exact = (np.reshape(each.encode(SEGMENTS), (2, -1)) for each in (gpu, encoder))
    alike = (found * exact).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(exact, axis=1)
    assert alike.min() > cosine
    on_device = torch.from_numpy(SEGMENTS).to("cuda")
    assert gpu.encode(on_device).tobytes() == gpu.encode(SEGMENTS).tobytes()


@pytest.mark.gpu
@on_cuda
def test_on_a_gpu_batches_follow_its_memory(tmp_path: Path) -> None:
    once, again = (load_encoder(EncoderSettings(source="tiny-random", device="cuda"), tmp_path) for _ in range(2))
    assert once.batch_segments == again.batch_segments > 1
