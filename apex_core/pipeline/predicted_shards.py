"""Predictions of whole shards on their way into the catalog, in files of this host's disk.

A shard is read, verified and scored by one thread: the products of 256 songs are too small to share. Memory holds what
the threads are at, disk the rest, and a run that was cut short goes on where it was.
"""

import shutil
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.dataset as ds
import torch

from apex_core import heads
from apex_core.errors import NotFound
from apex_core.mert import read_shard_manifest
from apex_core.pipeline.run import Run
from apex_core.pipeline.vectors import load_vectors
from apex_core.storage import Store, whole_file

_SHARDS_A_FILE = 64
_DECIMALS = 4  # of a point; what is left out is beyond what the hardware promises to repeat


class PredictedShards:
    """What one version has predicted and the catalog does not have yet; for one process at a time."""

    def __init__(self, folder: Path, version: str) -> None:
        self._all, self._folder = folder, folder / version

    def complete(self, run: Run, model: heads.ApexHeads, wanted: Mapping[str, int]) -> None:
        """Score the shards ``wanted`` (how many of their songs are, for the progress) that are not here yet.

        Raises NotFound or ArtifactError for a shard that is missing or was altered; the others' files stay.
        """
        self._keep(wanted)
        missing = sorted(wanted.keys() - self._shards())
        done, total = sum(wanted.values()) - sum(wanted[shard] for shard in missing), sum(wanted.values())
        run.progress("predict", done, total)
        with _threads() as pool:
            # A failure ends it at once: what the threads have not begun is given up.
            scored = _ahead(pool, lambda shard: predicted(run.store, model, shard), missing)
            for few in _few(missing):
                parts = [next(scored) for _ in few]
                with whole_file(self._folder / f"{few[0]}.parquet", replace=True) as path:
                    pl.concat(parts).write_parquet(path)
                done += sum(wanted[shard] for shard in few)
                run.progress("predict", done, total)

    def rows(self) -> ds.Dataset:
        """A row a song: shard_id, sha256, the predictions; read from disk as it is asked for."""
        return ds.dataset([str(path) for path in self._files()], format="parquet")

    def _keep(self, wanted: Mapping[str, int]) -> None:
        """Make room: other versions' files are nobody's, nor are those with shards that are no longer wanted."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for other in self._all.iterdir():
            if other != self._folder:
                shutil.rmtree(other)
        for path in self._folder.iterdir():
            if path.suffix != ".parquet" or not _shards(path) <= wanted.keys():
                path.unlink()

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.parquet"))

    def _shards(self) -> set[str]:
        return set().union(*map(_shards, self._files()))


def predicted(store: Store, model: heads.ApexHeads, shard_id: str) -> pl.DataFrame:
    """A row a song of a shard: shard_id, sha256 and the predictions, rounded. ``model`` is ``exact``."""
    config = model.config
    manifest = read_shard_manifest(store, config.encoder_id, shard_id)
    if manifest is None:
        raise NotFound(f"Shard {shard_id} of {config.encoder_id} is not committed in {store.url}.")
    songs = pl.DataFrame({"shard_id": [shard_id] * len(manifest.songs), "sha256": list(manifest.songs)})
    vectors = load_vectors(store, config.encoder_id, songs, config.mode, config.layer_mix)
    scores = heads.predict(model, vectors.values, vectors.song if config.mode == "segment" else None)
    # By numpy: polars has threads of its own for such things, and while ours are at work one would wait for them.
    rounded = scores.astype(np.float64).round(_DECIMALS)
    return songs.hstack([pl.Series(target, rounded[:, n]) for n, target in enumerate(config.targets)])


@contextmanager
def _threads() -> Generator[ThreadPoolExecutor]:
    """As many threads as torch uses for one product, each of which computes alone."""
    count = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(count, "predict", torch.set_num_threads, (1,)) as pool:
            try:
                yield pool
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        # What a thread sets for itself, torch also gives to threads that are yet to come.
        torch.set_num_threads(count)


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[str], pl.DataFrame], shards: Sequence[str]
) -> Iterator[pl.DataFrame]:
    """The shards' results in order. Threads go on while results are written, but no further than a file's worth."""
    rest = iter(shards)
    running = deque(pool.submit(work, shard) for shard in islice(rest, _SHARDS_A_FILE))
    while running:
        yield running.popleft().result()
        running.extend(pool.submit(work, shard) for shard in islice(rest, 1))


def _few(shards: Sequence[str]) -> Iterator[Sequence[str]]:
    return (shards[start : start + _SHARDS_A_FILE] for start in range(0, len(shards), _SHARDS_A_FILE))


def _shards(path: Path) -> set[str]:
    column: Any = pl.read_parquet(path, columns=["shard_id"])["shard_id"]
    return set(column.unique().to_list())
