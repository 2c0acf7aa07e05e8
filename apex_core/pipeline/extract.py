"""Stage 4: embeddings. Plan shards in SQL, encode them without the catalog, then adopt what was committed."""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from apex_core.catalog import sql, transaction
from apex_core.errors import ShardsFailed
from apex_core.mert import ShardManifest, committed_shards, describe_encoder, read_shard_manifest
from apex_core.pipeline.extract_encode import encode_shards
from apex_core.pipeline.extract_pace import pace_in_words
from apex_core.pipeline.extract_plan import (
    AbsentSong,
    Plan,
    at_once,
    batched,
    reached,
    read_absent,
    read_planned,
    songs_of,
    write_plan,
)
from apex_core.pipeline.frames import AUDIO, EMBEDDING, SHARD, execute_with, frame
from apex_core.pipeline.in_hand import InHand, in_hand
from apex_core.pipeline.report import Row, rows
from apex_core.pipeline.retention import collect_shard_leftovers
from apex_core.pipeline.run import EVERYTHING, FAILURES_TOLD, LEFT, Failure, Run, StageReport, Window

__all__ = [
    "Plan",
    "adopt",
    "adopt_committed",
    "encode_shards",
    "figures",
    "plan_extract",
    "run_extract",
    "show_reached",
    "songs_of_shards",
]

_ADOPTED_AT_ONCE = 100


@dataclass(slots=True)
class _Adopted:
    """Sums over the manifests that were adopted; ``timed_s``: seconds of audio in those that say how long they took."""

    shards: int = 0
    songs: int = 0
    failed: int = 0
    segments: int = 0
    audio_s: float = 0.0
    timed_s: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("wall_s", "wait_s", "encode_s"), 0.0))

    def add(self, manifest: ShardManifest) -> None:
        self.shards += 1
        self.songs += len(manifest.songs) + len(manifest.failed)
        self.failed += len(manifest.failed)
        self.segments += manifest.segments
        self.audio_s += manifest.audio_seconds
        if "wall_s" in manifest.facts:
            self.timed_s += manifest.audio_seconds
            for name in self.seconds:
                self.seconds[name] += manifest.facts[name]

    @property
    def pace(self) -> str:
        return pace_in_words(self.timed_s, **self.seconds)


def run_extract(run: Run, window: Window = EVERYTHING) -> StageReport:
    """Plan, encode and adopt in this process. Raises ShardsFailed, when what was committed is adopted."""
    with in_hand(run) as hand:
        plan = plan_extract(run, window, hand)
        try:
            encode_shards(run.settings, plan.encoder_id, plan.shards, run.progress)
        except ShardsFailed:
            adopt(run, plan)
            raise
        return adopt(run, plan)


def plan_extract(run: Run, window: Window = EVERYTHING, hand: InHand | None = None) -> Plan:
    """Cut the songs without a vector into shards, after adopting what an interrupted run left committed.

    ``hand`` lets other runs leave these songs alone until they are adopted; without it they may plan them as well.
    """
    encoder_id, facts = describe_encoder(run.settings.encoder, run.settings.cache)
    adopt_committed(run, encoder_id, facts)
    with contextlib.nullcontext(hand) if hand else in_hand(run) as own:
        return write_plan(run, encoder_id, window, own)


def songs_of_shards(run: Run, shards: Sequence[str]) -> tuple[str, ...]:
    """The sha256 of the songs that were planned for shards of the current encoder."""
    encoder_id, _ = describe_encoder(run.settings.encoder, run.settings.cache)
    return songs_of(run.store, encoder_id, shards)


def show_reached(run: Run, plan: Plan, seconds: float) -> None:
    """Tell how much of ``plan`` is committed, ``seconds`` after its encoding began; one listing of the store."""
    there = reached(run.store, plan)
    pace = pace_in_words(there.audio_s, seconds, 0.0, 0.0, plan.audio_s - there.audio_s)
    run.progress("extract", there.songs, plan.songs, pace)


def figures(run: Run, plan: Plan) -> dict[str, list[Row]]:
    """What this run has taken into the catalog, by machine and device (``machines``), and why songs failed."""
    bound = {"encoder_id": plan.encoder_id, "as_of": run.as_of}
    with run.catalog("extract") as connection:
        return {
            "machines": rows(connection, sql("report/extraction_run"), bound),
            "failures": rows(connection, sql("report/extraction_failures"), bound),
        }


def adopt(run: Run, plan: Plan) -> StageReport:
    """Project the manifests of the committed shards into the catalog, and what they lacked into its audio."""
    _, facts = describe_encoder(run.settings.encoder, run.settings.cache)
    adopted = adopt_committed(run, plan.encoder_id, facts)
    absent = _absent(run, plan)
    missed = [song for songs in absent.values() for song in songs]
    gone = [song for song in missed if not song["transient"]]
    _forget(run, gone)
    missing = _missing(run, plan, absent)
    failed = _left_undone(missing, absent)
    counts = {
        "shards": adopted.shards,
        "songs": adopted.songs,
        "failed": adopted.failed,
        "absent": len(gone),
        "unread": len(missed) - len(gone),
        "segments": adopted.segments,
        "audio_s": adopted.audio_s,
        "missing_shards": len(missing),
        LEFT: len(failed),
    }
    if adopted.shards:
        collect_shard_leftovers(run.store)
    note = f"{plan.encoder_id}: {adopted.pace}" if adopted.shards else plan.encoder_id
    numbers = {name: float(value) for name, value in counts.items()}
    return StageReport("extract", numbers, note, failed=tuple(failed[:FAILURES_TOLD]))


def _left_undone(missing: Sequence[str], absent: dict[str, list[AbsentSong]]) -> list[Failure]:
    """Shards that are not committed, and those that are without songs that could not be read just now."""
    found = [Failure(shard_id, "not encoded") for shard_id in missing]
    for shard_id, songs in absent.items():
        unread = [song for song in songs if song["transient"]]
        if unread and shard_id not in missing:
            why = f"{unread[0]['sha256'][:12]}: {unread[0]['reason']}"
            found.append(Failure(shard_id, f"{len(unread)} of its songs could not be read just now ({why})"))
    return found


def _missing(run: Run, plan: Plan, absent: dict[str, list[AbsentSong]]) -> list[str]:
    """Planned shards that nobody has committed; one whose every song is absent is not missed."""
    left = set(plan.shards) - set(committed_shards(run.store, plan.encoder_id))
    empty = {
        shard_id
        for shard_id in left & absent.keys()
        if len(absent[shard_id]) == len(read_planned(run.store, plan.encoder_id, shard_id))
    }
    return [shard_id for shard_id in plan.shards if shard_id in left - empty]


def _absent(run: Run, plan: Plan) -> dict[str, list[AbsentSong]]:
    """Songs of planned shards whose file was not there or not read; a later try may have found some of them."""
    found: dict[str, list[AbsentSong]] = {}
    for shard_id, songs in read_absent(run.store, plan).items():
        manifest = read_shard_manifest(run.store, plan.encoder_id, shard_id)
        settled = set[str]() if manifest is None else {*manifest.songs, *manifest.failed}
        found[shard_id] = [song for song in songs if song["sha256"] not in settled]
    return found


def _forget(run: Run, absent: Sequence[AbsentSong]) -> None:
    if absent:
        told = ("sha256", "uri", "reason")
        rows = frame(AUDIO, [{**{name: song[name] for name in told}, "checked_at": run.as_of} for song in absent])
        with run.catalog("extract") as connection, transaction(connection):
            execute_with(connection, "absent", rows, "extract/forget_absent")


def adopt_committed(run: Run, encoder_id: str, facts: dict[str, Any]) -> _Adopted:
    """Give every committed shard its rows, some shards at a time, so that their number is no matter of memory."""
    with run.catalog("extract") as connection:
        known = {row[0] for row in connection.execute(sql("extract/adopted"), {"encoder_id": encoder_id}).fetchall()}
    adopted = _Adopted()
    new = [shard_id for shard_id in committed_shards(run.store, encoder_id) if shard_id not in known]
    for some in batched(new, _ADOPTED_AT_ONCE):
        found = at_once(run.store, lambda shard_id: read_shard_manifest(run.store, encoder_id, shard_id), some)
        manifests = [manifest for manifest in found if manifest is not None]
        _insert(run, encoder_id, facts, manifests)
        for manifest in manifests:
            adopted.add(manifest)
    return adopted


def _insert(run: Run, encoder_id: str, facts: dict[str, Any], manifests: Sequence[ShardManifest]) -> None:
    encoder = {
        "encoder_id": encoder_id,
        "source": facts["source"],
        "facts": json.dumps(facts, sort_keys=True),
    }
    shards = frame(SHARD, [_shard_row(run, manifest) for manifest in manifests])
    songs = frame(EMBEDDING, [row for manifest in manifests for row in _song_rows(manifest)])
    with run.catalog("extract") as connection, transaction(connection):
        connection.execute(sql("extract/insert_encoder"), {**encoder, "as_of": run.as_of})
        execute_with(connection, "incoming_shard", shards, "extract/insert_shard")
        execute_with(connection, "incoming_embedding", songs, "extract/insert_embeddings")


def _shard_row(run: Run, manifest: ShardManifest) -> dict[str, Any]:
    return {
        "encoder_id": manifest.encoder_id,
        "shard_id": manifest.shard_id,
        "songs": len(manifest.songs) + len(manifest.failed),
        "failed": len(manifest.failed),
        "segments": manifest.segments,
        "audio_s": manifest.audio_seconds,
        "precision": manifest.precision,
        "device": manifest.device,
        "torch": manifest.torch,
        "bytes": manifest.bytes,
        "adopted_at": run.as_of,
        **{name: manifest.facts.get(name) for name in ("wall_s", "wait_s", "encode_s", "host", "batch_segments")},
    }


def _song_rows(manifest: ShardManifest) -> list[dict[str, Any]]:
    ids = {"encoder_id": manifest.encoder_id, "shard_id": manifest.shard_id}
    embedded = [
        {**ids, "sha256": sha256, "state": "embedded", "segments": segments}
        for sha256, segments in manifest.songs.items()
    ]
    failed = [
        {**ids, "sha256": sha256, "state": "failed", "reason": reason, "segments": 0}
        for sha256, reason in manifest.failed.items()
    ]
    return embedded + failed
