"""One process of the prediction benchmark: ``make`` shards and a model, or predict: ``bare``, ``apex`` or ``again``."""

import hashlib
import json
import resource
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from apex_core import heads
from apex_core.catalog import connect
from apex_core.mert.shards import ShardSong, write_shard
from apex_core.pipeline.predict import run_predict
from apex_core.pipeline.publish import CHAMPION, build
from apex_core.pipeline.run import begin
from apex_core.registry import load_artifact, publish, resolve_alias, set_alias, stage_artifact, version_name
from apex_core.settings import Settings
from apex_core.storage import Store

_AS_OF = datetime(2026, 11, 2, tzinfo=UTC)
_ENCODER = "e" * 12
_SHARD, _HIDDEN = 256, 768
_FILES = 16  # at once, in the plain loop: products of a size that threads can share
_FACTS = {"precision": "fp32", "device": "cpu", "torch": torch.__version__, "hidden": _HIDDEN}
_EMBEDDED = """
INSERT INTO embedding BY NAME
SELECT $encoder AS encoder_id, sha256('song ' || i) AS sha256, format('{:08x}', i // $shard) AS shard_id,
    'embedded' AS state, 1 AS segments
FROM range($songs) AS r (i)
"""


def main() -> None:
    what, folder, songs = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if what == "make":
        _make(Store.open(folder / "store"), songs)
    if what == "apex":
        shutil.rmtree(folder / "home", ignore_errors=True)
        with connect(_settings(folder), "bench") as connection:
            connection.execute(_EMBEDDED, {"songs": songs, "shard": _SHARD, "encoder": _ENCODER})
    before = _peak_mb()
    started, worked = time.perf_counter(), time.process_time()
    if what == "bare":
        _bare(Store.open(folder / "store"))
    elif what in ("apex", "again"):
        predicted = run_predict(begin(_settings(folder), "bench", _AS_OF, what)).counts["songs"]
        assert predicted == (songs if what == "apex" else 0), predicted
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    print(json.dumps({"seconds": seconds, "cpu": cpu, "grown_mb": _peak_mb() - before}))


def _settings(folder: Path) -> Settings:
    return Settings(home=folder / "home", store=str(folder / "store"))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _make(store: Store, songs: int) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda shard: _make_shard(store, shard, songs), range(-(-songs // _SHARD))))
    torch.manual_seed(1)
    config = heads.HeadsConfig(encoder_id=_ENCODER, hidden=_HIDDEN)
    staged = Path(store.root) / "staged"
    weights = heads.ApexHeads(config).state_dict()
    sha256 = stage_artifact(staged, weights, config.to_json(), {"test": {}}, {}, "# bench\n")
    version = version_name(_AS_OF, sha256)
    publish(store, version, staged)
    set_alias(store, CHAMPION, version, "bench", "bench", _AS_OF)


def _make_shard(store: Store, number: int, songs: int) -> None:
    names = [f"song {n}" for n in range(number * _SHARD, min(songs, (number + 1) * _SHARD))]
    means = np.random.default_rng(number).standard_normal((len(names), 1, 4, _HIDDEN), dtype=np.float32)
    rows = [
        ShardSong(hashlib.sha256(name.encode()).hexdigest(), one, None, 30.0)
        for name, one in zip(names, means, strict=True)
    ]
    write_shard(store, _ENCODER, f"{number:08x}", rows, _FACTS, segments=False)


def _bare(store: Store) -> None:
    """What somebody would write who wants these numbers once."""
    champion = resolve_alias(store, CHAMPION)
    assert champion is not None
    model = build(load_artifact(store, champion.version))
    found: list[np.ndarray] = []
    with torch.inference_mode():
        paths = sorted(Path(store.root).glob("embeddings/*/*.songs.parquet"))
        for start in range(0, len(paths), _FILES):
            columns = [pq.read_table(path, columns=["mixed"])["mixed"] for path in paths[start : start + _FILES]]
            vectors = np.concatenate([column.combine_chunks().flatten().to_numpy() for column in columns])
            found.append(model(torch.from_numpy(vectors.reshape(-1, _HIDDEN))).numpy())
    assert np.isfinite(np.concatenate(found)).all()


if __name__ == "__main__":
    main()
