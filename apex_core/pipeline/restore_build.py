"""A catalog made anew beside the live one: a backup, and what the store has from after it.

The store is the truth for shards, training sets and the registry, and its landing for what platforms sent. All that
only a lost catalog knew is found out again by the next night: where audio is, scores, labels, predictions.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import polars as pl

from apex_core.catalog import Connection, sql, transaction
from apex_core.errors import ApexError, NotFound, SourceError, StorageError
from apex_core.mert import describe_encoder
from apex_core.pipeline import training_set as sets
from apex_core.pipeline.adoption import adopt_landed
from apex_core.pipeline.extract import adopt_committed
from apex_core.pipeline.forget_work import FOLDER as RECEIPTS
from apex_core.pipeline.forget_work import Work, load
from apex_core.pipeline.ingest import ingest_files
from apex_core.pipeline.references import noted_references
from apex_core.pipeline.registry_mirror import adopt_registry
from apex_core.pipeline.run import Run
from apex_core.pipeline.scratch import working_folder
from apex_core.settings import PLATFORMS, Platform, Settings
from apex_core.sources import sha256_of
from apex_core.storage import local_file, read_manifest
from apex_core.storage.manifest import NAME

Counts = dict[str, int]
_SIDES = ["platform", "track_id", "split", "group_id"]


def fill(run: Run, live: Settings) -> list[str]:
    """Take everything into the catalog of ``run`` that the store has and it has not; what there is to say of it.

    ``live``: the settings of the house, of which ``run`` has a catalog and a cache of its own. The store is only read.
    """
    notes = _forgotten(run)
    for place, platform in enumerate(PLATFORMS):
        run.progress("restore: landing", place, len(PLATFORMS))
        if run.store.list(f"landing/{platform}"):
            adopted = adopt_landed(run, platform, all_days=True)
            notes += [f"{platform}: {adopted.note}"] if adopted.note else []
        notes += _referenced(run, platform)
    notes += _shards(run, live)
    _training_sets(run)
    run.progress("restore: registry", 0, 0)
    adopt_registry(run)
    return notes


def counted(connection: Connection) -> Counts:
    """How many rows the catalog has of what a restore is about."""
    return dict(connection.execute(sql("restore/counts")).fetchall())


def _forgotten(run: Run) -> list[str]:
    """Who was forgotten stays so: by receipts, and by work that was cut short before there was a newer backup."""
    keys = run.store.list(RECEIPTS)
    left = {key.removesuffix(".work.json") + ".json" for key in keys if key.endswith(".work.json")} - {*keys}
    for receipt in sorted(left | {key for key in keys if not key.endswith(".work.json")}):
        work = load(run.store, receipt)
        _mark(run, receipt, *(_asked(run, receipt) if work is None else _of(work)))
    if not left:
        return []
    return [f"{len(left)} forgettings were cut short: the next apex forget, of whomever, finishes them"]


def _of(work: Work) -> tuple[str, dict[str, Iterable[str]]]:
    return work.platform, {"track": work.tracks, "creator": work.creators}


def _asked(run: Run, receipt: str) -> tuple[str, dict[str, Iterable[str]]]:
    facts: dict[str, Any] = run.store.read_json(receipt)
    return facts["platform"], {facts["asked"]["kind"]: facts["asked"]["ids"]}


def _mark(run: Run, receipt: str, platform: str, ids: dict[str, Iterable[str]]) -> None:
    with run.catalog("restore") as connection, transaction(connection):
        for kind, names in ids.items():
            bound = {"platform": platform, "kind": kind, "ids": list(names), "as_of": run.as_of, "receipt": receipt}
            connection.execute(sql("forget/mark"), bound)


def _referenced(run: Run, platform: Platform) -> list[str]:
    """Take in the dumps that the catalog does not know, where they still lie; what is to be said of the others."""
    with run.catalog("restore") as connection:
        known = set(connection.execute(sql("restore/known_files"), {"source": platform}).fetchall())
    notes: list[str] = []
    for noted in noted_references(run.store, platform):
        observed_at = datetime.fromisoformat(noted["observed_at"])
        if (noted["sha256"], observed_at) in known:
            continue
        try:
            _take_in(run, platform, noted["uri"], noted["sha256"], observed_at)
        except (SourceError, StorageError, OSError) as error:
            notes.append(f"{noted['uri']} was taken in after the backup, and is not now: {error}")
    return notes


def _take_in(run: Run, platform: Platform, uri: str, sha256: str, observed_at: datetime) -> None:
    with working_folder(run.settings, "dumps") as scratch, local_file(uri, scratch) as path:
        if sha256_of(path) != sha256:
            raise SourceError("it has changed since", fix=f"apex ingest {uri} --observed-at …, if it is right now")
    ingest_files(run, [uri], observed_at, platform)


def _shards(run: Run, live: Settings) -> list[str]:
    """Adopt the shards of every encoder that the store has vectors of."""
    found = sorted({key.split("/")[1] for key in run.store.list("embeddings") if key.endswith(".json")})
    with run.catalog("restore") as connection:
        known = {encoder_id for (encoder_id,) in connection.execute(sql("restore/encoders")).fetchall()}
    notes: list[str] = []
    for place, encoder_id in enumerate(found):
        run.progress("restore: shards", place, len(found))
        facts = {"encoder_id": encoder_id, "source": encoder_id.rpartition("-")[0]}
        if encoder_id not in known:
            described = _described(live, encoder_id)
            notes += [] if described else [f"of the encoder {encoder_id} no more is known than its name"]
            facts = described or facts
        adopt_committed(run, encoder_id, facts)
    return notes


def _described(live: Settings, encoder_id: str) -> dict[str, Any] | None:
    """What the encoder of the settings is; None when it is another one, or not to be had here and now."""
    try:
        found, facts = describe_encoder(live.encoder, live.cache)
    except (ApexError, OSError):
        return None
    return facts if found == encoder_id else None


def _training_sets(run: Run) -> None:
    """Mirror the frozen sets, and give tracks the sides that they had in there: models have learnt from them."""
    with run.catalog("restore") as connection:
        known = {name for (name,) in connection.execute(sql("restore/training_sets")).fetchall()}
    frozen = [key.split("/")[1] for key in run.store.list("training_sets") if key.endswith(f"/{NAME}")]
    new = [name for name in frozen if name not in known]
    for place, name in enumerate(new):
        run.progress("restore: training sets", place, len(new))
        manifest = read_manifest(run.store, f"training_sets/{name}")
        tracks = sum(entry.rows or 0 for entry in manifest.files.values())
        ids = {key: manifest.facts[key] for key in ("score_run_id", "encoder_id")}
        bound = {"training_set_id": name, "tracks": tracks, "as_of": run.as_of, **ids}
        sides = _sides(run, name)
        with run.catalog("restore") as connection, transaction(connection):
            connection.execute(sql("train/insert_training_set"), bound)
            if sides is not None:
                connection.execute(sql("train/create_groups"))
                connection.register("incoming_split", sides.to_arrow())
                connection.execute(sql("restore/insert_splits"), {"as_of": run.as_of})
                connection.unregister("incoming_split")


def _sides(run: Run, name: str) -> pl.DataFrame | None:
    """Who is on which side of a frozen set; None of one that was frozen before groups were kept in it."""
    try:
        rows = sets.read(run.store, name).rows
    except (NotFound, json.JSONDecodeError):
        return None
    return rows.select(_SIDES) if "group_id" in rows.columns else None
