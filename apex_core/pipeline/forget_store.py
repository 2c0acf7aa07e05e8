"""The files of forgotten tracks and creators: each place finds what it has of them and writes itself anew without it.

New files take new names and the old ones go last; where a manifest names a file, replacing it is the commit. Every
step may be cut short anywhere and done again.
"""

import hashlib
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from apex_core.catalog import sql, transaction
from apex_core.catalog.reader import LATEST
from apex_core.mert import clear_shard, shards_with
from apex_core.pipeline.forget_work import Work
from apex_core.pipeline.run import Run
from apex_core.sources.erasure import clear_landed
from apex_core.storage import Manifest, Store, read_manifest
from apex_core.storage.manifest import NAME, entry_of

_LANDED = re.compile(r"(.+/[^./]+)(?:\.[0-9a-f]{12})?(\.[a-z.]+)")
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of files. ``find``: keys and how much each holds of them; ``clear`` takes it out of one."""

    name: str
    find: Callable[[Store, Work], dict[str, int]]
    clear: Callable[[Run, Work, str], None]


def _find_landed(store: Store, work: Work) -> dict[str, int]:
    forgotten, found = work.forgotten, dict[str, int]()
    for key in store.list(f"landing/{work.platform}"):
        cleared = clear_landed(store.read(key), forgotten, compressed=key.endswith(".zst"))
        if cleared is not None:
            found[key] = cleared.changes
    return found


def _clear_landed(run: Run, work: Work, key: str) -> None:
    if not run.store.exists(key):
        return
    cleared = clear_landed(run.store.read(key), work.forgotten, compressed=key.endswith(".zst"))
    if cleared is None:
        return
    new, digest = key, hashlib.sha256(cleared.data or b"").hexdigest()
    if cleared.data is not None:
        match = _LANDED.fullmatch(key)
        new = f"{match[1]}.{digest[:12]}{match[2]}" if match else f"{key}.{digest[:12]}"
        run.store.put(new, cleared.data)
    source = {"platform": key.split("/")[1]}
    with run.catalog("forget") as connection, transaction(connection):
        # Under its new name it may be known already: adopted by a run between a try that was cut short and this one.
        connection.execute(sql("forget/delete_landing"), {**source, "uri": new})
        facts = {"before": key, "uri": new, "sha256": digest, "pages": cleared.pages}
        connection.execute(sql("forget/update_landing"), {**source, **facts})
    run.store.delete(key)


def _find_audio(store: Store, work: Work) -> dict[str, int]:
    folders = {song[:2] for song in work.songs}
    keys = [key for folder in sorted(folders) for key in store.list(f"audio/{folder}")]
    songs = set(work.songs)
    return {key: 1 for key in keys if key.rsplit("/", 1)[-1].partition(".")[0] in songs}


def _delete(run: Run, _work: Work, key: str) -> None:
    run.store.delete(key)


def _find_plans(store: Store, work: Work) -> dict[str, int]:
    """Shard plans name songs and their files; they are made anew from the catalog whenever one is needed."""
    forgotten, songs, found = work.forgotten, set(work.songs), dict[str, int]()
    for key in store.list("shard_plans"):
        text = store.read(key).decode()
        if forgotten.named(text) or not songs.isdisjoint(_SHA256.findall(text)):
            found[key] = 1
    return found


def _find_vectors(store: Store, work: Work) -> dict[str, int]:
    return {f"{encoder}/{shard}": n for (encoder, shard), n in shards_with(store, work.songs).items()}


def _clear_vectors(run: Run, work: Work, key: str) -> None:
    encoder_id, shard_id = key.split("/")
    manifest = clear_shard(run.store, encoder_id, shard_id, work.songs)
    ids: dict[str, object] = {"encoder_id": encoder_id, "shard_id": shard_id}
    with run.catalog("forget") as connection:
        if manifest is None:
            connection.execute(sql("forget/delete_shard"), ids)
        else:
            counts = {"songs": len(manifest.songs) + len(manifest.failed), "failed": len(manifest.failed)}
            connection.execute(sql("forget/update_shard"), {**ids, **counts, "segments": manifest.segments})


def _find_scores(store: Store, work: Work) -> dict[str, int]:
    """Score runs that are no longer in the catalog: folders, or single files of early days."""
    found = _find_folders(store, work, "score_runs", _score_files)
    early = [key for key in store.list("score_runs") if key.count("/") == 1]
    counts = {key.split("/")[1]: _theirs(work, _table(store.read(key))).height for key in early}
    return found | {name: count for name, count in counts.items() if count}


def _clear_scores(run: Run, work: Work, name: str) -> None:
    key = f"score_runs/{name}"
    if name.endswith(".parquet"):
        if run.store.exists(key):
            run.store.put(key, _parquet(_others(work, _table(run.store.read(key)))), replace=True)
        return
    _clear_folder(run.store, work, key, _score_files)


def _score_files(store: Store, prefix: str) -> dict[str, Any]:
    """The files with rows of tracks: CDFs and cohorts name nobody."""
    return {name: entry for name, entry in _files(store, prefix).items() if name.startswith("scores.")}


def _find_predictions(store: Store, work: Work) -> dict[str, int]:
    """The predictions of versions that are no longer in the catalog."""
    counts = {key: _table(store.read(key)).filter(_is_their_song(work)).height for key in store.list("predictions")}
    return {key: count for key, count in counts.items() if count}


def _clear_predictions(run: Run, work: Work, key: str) -> None:
    kept = _table(run.store.read(key)).filter(~_is_their_song(work))
    run.store.put(key, _parquet(kept), replace=True)


def _find_sets(store: Store, work: Work) -> dict[str, int]:
    """Frozen training sets."""
    return _find_folders(store, work, "training_sets", _files)


def _clear_set(run: Run, work: Work, training_set_id: str) -> None:
    """The set keeps its id, which lineage names, and says that it is not whole any more."""
    prefix = f"training_sets/{training_set_id}"
    _clear_folder(run.store, work, prefix, _files)
    tracks = sum(entry.rows or 0 for entry in _files(run.store, prefix).values())
    with run.catalog("forget") as connection:
        bound: dict[str, object] = {"training_set_id": training_set_id, "tracks": tracks}
        connection.execute(sql("forget/update_training_set"), bound)


_Naming = Callable[[Store, str], Mapping[str, Any]]


def _find_folders(store: Store, work: Work, kind: str, with_rows: _Naming) -> dict[str, int]:
    """Folders under ``kind``: rows of theirs, or files that no manifest names, which count as one row, unread."""
    found: dict[str, int] = {}
    for name in sorted({key.split("/")[1] for key in store.list(kind) if key.count("/") > 1}):
        prefix = f"{kind}/{name}"
        rows = sum(_theirs(work, _table(store.read(f"{prefix}/{file}"))).height for file in with_rows(store, prefix))
        if rows or _strays(store, prefix):
            found[name] = max(rows, 1)
    return found


def _clear_folder(store: Store, work: Work, prefix: str, with_rows: _Naming) -> None:
    """Their rows leave the files of a folder: a new file, then the manifest that names it, then the old one goes."""
    for name in with_rows(store, prefix):
        table = _table(store.read(f"{prefix}/{name}"))
        kept = _others(work, table)
        if kept.height < table.height:
            manifest = read_manifest(store, prefix)
            data = _parquet(kept)
            entry = entry_of(data, kept.height)
            new = f"{name.partition('.')[0]}.{entry.sha256[:12]}.parquet"
            store.put(f"{prefix}/{new}", data)
            gone = int(manifest.facts.get("forgotten_rows", 0)) + table.height - kept.height
            files = {file: known for file, known in manifest.files.items() if file != name}
            changed = Manifest({**files, new: entry}, {**manifest.facts, "forgotten_rows": gone})
            store.put_json(f"{prefix}/{NAME}", asdict(changed), replace=True)
    for key in _strays(store, prefix):
        store.delete(key)


def _strays(store: Store, prefix: str) -> list[str]:
    named = _files(store, prefix)
    return [key for key in store.list(prefix) if key.split("/")[-1] not in (NAME, *named)]


def _files(store: Store, prefix: str) -> dict[str, Any]:
    return read_manifest(store, prefix).files if store.exists(f"{prefix}/{NAME}") else {}


def _table(data: bytes) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(data))


def _parquet(table: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    table.write_parquet(sink, compression="zstd")
    return sink.getvalue()


def _theirs(work: Work, table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(_is_theirs(work))


def _others(work: Work, table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(~_is_theirs(work))


def _is_theirs(work: Work) -> pl.Expr:
    return (pl.col("platform") == work.platform) & pl.col("track_id").is_in(list(work.tracks))


def _is_their_song(work: Work) -> pl.Expr:
    return pl.col("sha256").is_in(list(work.songs))


def old_copies(store: Store, keep: str | None) -> dict[str, dict[str, int]]:
    """Stamps of the snapshots, their reports and the backups other than ``keep``."""
    folders = ("snapshots", "reports", "backups")
    stamps = {folder: {_stamp(key) for key in store.list(folder)} - {keep, "latest"} for folder in folders}
    return {folder: dict.fromkeys(sorted(found), 1) for folder, found in stamps.items()}


def delete_copies(store: Store, copies: Mapping[str, Mapping[str, int]]) -> None:
    """Delete snapshots, reports and backups whole."""
    for key in store.list(LATEST):
        if store.read_json(key)["stamp"] in copies["snapshots"]:
            store.delete(key)
    keys = [key for folder, stamps in copies.items() for key in store.list(folder) if _stamp(key) in stamps]
    for key in sorted(keys, key=lambda key: not key.endswith(NAME)):  # the manifests first: no longer trusted
        store.delete(key)


def _stamp(key: str) -> str:
    return key.split("/")[1].partition(".")[0]


PLACES = (
    Place("landing", _find_landed, _clear_landed),
    Place("audio", _find_audio, _delete),
    Place("shard_plans", _find_plans, _delete),
    Place("embeddings", _find_vectors, _clear_vectors),
    Place("score_runs", _find_scores, _clear_scores),
    Place("predictions", _find_predictions, _clear_predictions),
    Place("training_sets", _find_sets, _clear_set),
)
