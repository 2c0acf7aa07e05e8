"""Layer means of the sandbox's songs by the demo's encoder, made once and kept."""

import functools
import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apex_core.mert import Encoder, describe_encoder, load_encoder
from apex_core.sandbox.composer import compose
from apex_core.sandbox.plan import FORMAT
from apex_core.sandbox.song import Song
from apex_core.settings import EncoderSettings

_SECONDS, _RATE = 30.0, 24_000
_TINY = EncoderSettings(source="tiny-random", device="cpu")


def layer_means(songs: tuple[Song, ...], folder: Path) -> NDArray[np.float32]:
    """The first half minute of every song, heard: float32[n, 4, 96]; from ``folder`` where they were heard before."""
    encoder_id, _ = describe_encoder(_TINY, folder)
    kept = folder / f"{encoder_id.replace('/', '-')}-{FORMAT}-{len(songs)}-{songs[0].track_id}.npy"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn) as pool:
            heard = np.stack(list(pool.map(functools.partial(_heard, folder=folder), songs, chunksize=16)))
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as partial:
            np.save(partial, heard)
        Path(partial.name).replace(kept)
    return np.load(kept)


def _heard(song: Song, folder: Path) -> NDArray[np.float32]:
    wave = compose(song.attributes, _SECONDS, _RATE, song.seed).mean(axis=1).astype(np.float32)
    return _encoder(folder).encode(wave[None])[0]


@functools.cache
def _encoder(folder: Path) -> Encoder:
    return load_encoder(_TINY, folder)
