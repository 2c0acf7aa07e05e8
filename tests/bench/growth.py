"""Does the catalog's file grow with tracks or with nights? Simulated nights through the real stages: scores, a new
champion every few nights, predictions, retirement, checks, snapshot, backup. Only what a platform would say is made up.

Sizes by ``APEX_BENCH_TRACKS`` (100,000), ``APEX_BENCH_NIGHTS`` (60), ``APEX_BENCH_VERSION_EVERY`` (3 nights).
"""

import os
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch

from apex_core import heads
from apex_core.catalog import Connection, connect
from apex_core.mert.shards import ShardSong, write_shard
from apex_core.pipeline.predict import run_predict
from apex_core.pipeline.publish import CHAMPION
from apex_core.pipeline.run import Run, begin, end, record
from apex_core.pipeline.score import run_score
from apex_core.pipeline.snapshot import run_snapshot
from apex_core.registry import publish, set_alias, stage_artifact, version_name
from apex_core.settings import Settings, SnapshotSettings
from apex_core.storage import Store
from tests.bench.measurement import Measurement

FIRST = datetime(2026, 9, 1, 3, tzinfo=UTC)
_SHARD, _HIDDEN = 256, 16
_FACTS = {"precision": "fp32", "device": "cpu", "torch": torch.__version__}

# A song is looked at again after a tenth of its age (the connectors' rule), and counts of most have changed by then.
_OBSERVE = """
    INSERT INTO engagement
    SELECT platform, track_id, $as_of, plays + 1 + (hash(track_id, $night) % 50)::BIGINT,
           likes + (hash($night, track_id) % 5)::BIGINT, $as_of
    FROM engagement_latest JOIN track USING (platform, track_id)
    WHERE hash(track_id, 'look', $night) % 10_000 < 8_000 * least(1, 10 / date_diff('day', created_at, $as_of))
"""
_TRACKS = """
    INSERT INTO track BY NAME
    SELECT
        CASE WHEN n % 5 = 0 THEN 'udio' ELSE 'suno' END AS platform, md5(n::VARCHAR) AS track_id, 'active' AS status,
        'Song ' || n AS title, 'c' || n % 5_000 AS creator_id, 'complete' AS state, 'gen' AS kind, 120.0 AS duration_s,
        $as_of - to_days(1 + (hash(n) % 730)::INTEGER) AS created_at, ['synth pop', 'female vocals'] AS tags,
        repeat(md5(n::VARCHAR) || ' ', 12) AS lyrics, $as_of AS first_observed_at, $as_of AS last_observed_at
    FROM range($tracks) AS r (n)
"""
_FIRST_COUNTS = """
    INSERT INTO engagement
    SELECT platform, track_id, $as_of, (exp(hash(track_id) % 1000 / 100.0))::BIGINT,
           (exp(hash(track_id) % 1000 / 200.0))::BIGINT, $as_of
    FROM track
"""
_AUDIO = """
    INSERT INTO audio BY NAME
    SELECT platform, track_id, 'available' AS state, sha256(track_id) AS sha256, 'songs/' || track_id AS uri,
           'library' AS origin, 1 AS attempts, $as_of AS checked_at
    FROM track
"""
_EMBEDDED_SHARD = """
    INSERT INTO embedding_shard (encoder_id, shard_id, songs, failed, segments, audio_s, precision, device, adopted_at)
    SELECT 'e1', $shard_id, len($songs), 0, len($songs), 30, 'fp32', 'cpu', $as_of
"""
_TABLES = """
    SELECT table_name, estimated_size FROM duckdb_tables()
    WHERE NOT internal AND NOT temporary AND database_name = current_database() ORDER BY table_name
"""


class Simulation:
    """A catalog of ``tracks`` embedded songs, and nights over it."""

    def __init__(self, home: Path, tracks: int, version_every: int = 3) -> None:
        # What is kept of snapshots and backups lies in the store, not in the catalog: one will do.
        snapshot = SnapshotSettings(keep_days=1, backups=1)
        self.settings = Settings(home=home, snapshot=snapshot, lock_timeout_s=60)
        self.store = Store.open(self.settings.store_url)
        self.version_every, self.nights = version_every, 0
        with connect(self.settings, "bench") as connection:
            connection.execute(_TRACKS, {"as_of": FIRST, "tracks": tracks})
            connection.execute(_FIRST_COUNTS, {"as_of": FIRST})
            connection.execute(_AUDIO, {"as_of": FIRST})
            songs = [row[0] for row in connection.execute("SELECT sha256 FROM audio ORDER BY sha256").fetchall()]
            for start in range(0, len(songs), _SHARD):
                self._embed(connection, songs[start : start + _SHARD], f"h{start // _SHARD}")
            encoder = "INSERT INTO encoder VALUES ('e1', 'bench', '{}', $as_of)"
            connection.execute(encoder, {"as_of": FIRST})

    def _embed(self, connection: Connection, songs: list[str], shard_id: str) -> None:
        random = np.random.default_rng(len(shard_id))
        means = random.normal(size=(len(songs), 1, 4, _HIDDEN)).astype(np.float32)
        write_shard(
            self.store, "e1", shard_id, [ShardSong(s, m, None, 30.0) for s, m in zip(songs, means, strict=True)], _FACTS
        )
        facts = {"shard_id": shard_id, "songs": songs}
        connection.execute("INSERT INTO embedding SELECT 'e1', unnest($songs), $shard_id, 'embedded', NULL, 1", facts)
        connection.execute(_EMBEDDED_SHARD, {**facts, "as_of": FIRST})

    def night(self) -> None:
        """Counts change, are scored; a new champion now and then; predictions, snapshot and backup."""
        as_of = FIRST + timedelta(days=self.nights + 1)
        run = begin(self.settings, "nightly", as_of, f"night-{self.nights}", alone=True)
        with run.catalog("bench") as connection:
            connection.execute(_OBSERVE, {"as_of": as_of, "night": self.nights})
        if self.nights % self.version_every == 0:
            self._promote(run)
        for stage in (run_score, run_predict, run_snapshot):
            record(run, stage(run), 1.0)
        end(run, "completed", as_of)
        self.nights += 1

    def _promote(self, run: Run) -> None:
        torch.manual_seed(self.nights)
        config = heads.HeadsConfig(encoder_id="e1", hidden=_HIDDEN)
        model = heads.ApexHeads(config)
        with tempfile.TemporaryDirectory() as folder:
            metrics = {"test": {target: {"spearman": 0.5, "n": 100} for target in config.targets}}
            lineage = {"training_set_id": None, "score_run_id": None}
            weights = stage_artifact(Path(folder), model.state_dict(), config.to_json(), metrics, lineage, "# card\n")
            version = version_name(run.as_of, weights)
            publish(self.store, version, Path(folder))
        set_alias(self.store, CHAMPION, version, "bench", run.run_id, run.as_of)

    def bytes(self) -> int:
        return self.settings.catalog_path.stat().st_size

    def rows(self) -> dict[str, int]:
        """Rows by table."""
        with connect(self.settings, "bench") as connection:
            names = [row[0] for row in connection.execute(_TABLES).fetchall()]
            return {name: int(_one(connection, f"SELECT count(*) FROM {name}")) for name in names}

    def bytes_a_row(self, table: str) -> float:
        """What a row of a table takes, written alone into a file of its own."""
        with connect(self.settings, "bench") as connection, tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "alone.duckdb"
            connection.execute(f"ATTACH '{path}' AS alone; CREATE TABLE alone.t AS FROM {table}; DETACH alone")
            return path.stat().st_size / max(1, int(_one(connection, f"SELECT count(*) FROM {table}")))


def _one(connection: Connection, query: str) -> Any:
    return (connection.execute(query).fetchone() or (0,))[0]


def measure() -> Measurement:
    """Sizes after nights 5, 30 and the last; how much of the growth is observations, which are the catalog's matter."""
    tracks, nights = int(os.environ.get("APEX_BENCH_TRACKS", 100_000)), int(os.environ.get("APEX_BENCH_NIGHTS", 60))
    with tempfile.TemporaryDirectory(prefix="apex-bench-") as folder:
        started = time.perf_counter()
        simulation = Simulation(Path(folder), tracks, int(os.environ.get("APEX_BENCH_VERSION_EVERY", 3)))
        seconds, sizes = {"setup": time.perf_counter() - started}, dict[int, int]()
        rows: dict[int, Mapping[str, int]] = {}
        for night in range(1, nights + 1):
            started = time.perf_counter()
            simulation.night()
            seconds[f"night {night}"] = time.perf_counter() - started
            if night in (5, nights // 2, nights):
                sizes[night], rows[night] = simulation.bytes(), simulation.rows()
        observed = (rows[nights]["engagement"] - rows[5]["engagement"]) * simulation.bytes_a_row("engagement")
        a_row = simulation.bytes_a_row("engagement")
        published = _files(simulation.store)
    growth = sizes[nights] - sizes[5]
    ratios = {
        "size_last_vs_5": sizes[nights] / sizes[5],
        "size_last_vs_5_without_observations": (sizes[nights] - observed) / sizes[5],
        "observations_share_of_growth": observed / growth if growth > 0 else 1.0,
    }
    changed = {
        name: (rows[5].get(name, 0), count) for name, count in rows[nights].items() if rows[5].get(name) != count
    }
    notes = (
        f"{tracks:,} tracks, {nights} nights; MB after night "
        + ", ".join(f"{night}: {size / 1e6:.1f}" for night, size in sizes.items())
        + f"; {a_row:.1f} bytes an observation; rows that changed after night 5: {changed}; snapshot: {published}"
    )
    picked = {
        name: value for name, value in seconds.items() if name in ("setup", "night 1", "night 5", f"night {nights}")
    }
    return Measurement("growth", ratios, {**picked, "all nights": sum(seconds.values())}, notes)


def _files(store: Store) -> dict[str, str]:
    newest = max(key.split("/")[1] for key in store.list("snapshots") if "/latest/" not in key)
    return {key.rsplit("/", 1)[-1]: f"{store.size(key) / 1e6:.1f} MB" for key in store.list(f"snapshots/{newest}")}
