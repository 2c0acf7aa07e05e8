"""Train every published condition, and our default, on one frozen training set, and lay their figures side by side.

A condition that is trained is a record in the store, ``sweeps/<training set>/<condition>-<hash>.json``, whose hash is
of everything that training depends on. So a sweep that was killed goes on where it was, and one with other epochs or
another seed is another sweep. The test songs are the same for all; a sweep publishes nothing.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any

from apex_core import heads
from apex_core.errors import TrainingError
from apex_core.mert import describe_encoder, read_shard_manifest
from apex_core.pipeline import training_set as sets
from apex_core.pipeline.run import Progress, Run, no_progress
from apex_core.pipeline.train import on_their_sides
from apex_core.pipeline.training_set import TrainingSet
from apex_core.pipeline.training_together import load
from apex_core.settings import TrainSettings
from apex_core.storage import Store

_FORMAT = 1  # of the records: another one trains anew
# What changes nothing about the weights, or only how they are measured beside the sweep.
_APART = frozenset(
    {"device", "resident_mb", "min_tracks", "min_new_share", "min_target_move", "time_split", "bootstrap_draws"}
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the sweep: its name, what it is trained with, and its key in the store."""

    name: str
    settings: TrainSettings
    key: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """The records of a sweep, in the order of its conditions, and how many of them were there before."""

    training_set_id: str
    records: list[dict[str, Any]]
    found: int


def current_set(run: Run) -> TrainingSet:
    """The training set as the catalog stands, frozen in the store.

    Raises TrainingError when there is none, or too little in it.
    """
    sets.assign_splits(run)
    encoder_id, _ = describe_encoder(run.settings.encoder, run.settings.cache)
    chosen = sets.select(run, encoder_id)
    if chosen is None or set(chosen.rows["split"]) != set(heads.SPLITS):
        raise TrainingError(
            f"There is nothing to train on: {chosen.rows.height if chosen else 0} labelled, embedded tracks.",
            fix="apex status: which stage holds the tracks back",
        )
    chosen = on_their_sides(run, run.settings.train, chosen)
    sets.freeze(run, chosen)
    return chosen


def conditions(
    settings: TrainSettings, training_set_id: str, pattern: str = "*", given: Mapping[str, int] = MappingProxyType({})
) -> list[Condition]:
    """The published conditions, and last ours, whose names match ``pattern``, like ``song/*``.

    The published ones are trained as published, ours as ``settings`` say where they name a condition of ours, but for
    the settings that are ``given``, like ``epochs``. Raises TrainingError when none matches.
    """
    own = settings if settings.loss == "standardised" else heads.with_condition(settings, heads.OWN_CONDITIONS[0])
    names = [*heads.CONDITIONS, f"{own.mode}/{own.task}/{own.loss}/{own.shared}"]
    found = [
        _condition(name, heads.with_condition(own, name).model_copy(update=dict(given)), training_set_id)
        for name in names
        if fnmatchcase(name, pattern)
    ]
    if not found:
        raise TrainingError(f"No condition matches {pattern!r}.", fix=f"names are like {names[0]}")
    return found


def _condition(name: str, settings: TrainSettings, training_set_id: str) -> Condition:
    described = {"format": _FORMAT, **settings.model_dump(mode="json", exclude=set(_APART))}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:10]
    return Condition(name, settings, f"sweeps/{training_set_id}/{name.replace('/', '-')}-{digest}.json")


def run_sweep(
    store: Store, chosen: TrainingSet, wanted: Sequence[Condition], cache: Path, progress: Progress = no_progress
) -> Sweep:
    """Train the conditions that have no record yet; every one is kept as soon as it is measured."""
    records: list[dict[str, Any]] = []
    found = 0
    loaded: dict[tuple[str, str], heads.TrainingData | str] = {}
    for number, one in enumerate(wanted):
        progress("sweep", number, len(wanted), one.name)
        if store.exists(one.key):
            records.append(store.read_json(one.key))
            found += 1
            continue
        kind = (one.settings.mode, one.settings.layer_mix)
        if kind not in loaded:
            loaded = {kind: _load(store, chosen, one.settings, cache)}  # of one kind at a time: segments are large
        records.append(_measured(one, loaded[kind], chosen, _told(progress, one, number, len(wanted))))
        if "reason" not in records[-1]:  # the vectors that lack today may be there tomorrow
            store.put_json(one.key, records[-1], replace=True)
    progress("sweep", len(wanted), len(wanted))
    return Sweep(chosen.training_set_id, records, found)


def _load(store: Store, chosen: TrainingSet, settings: TrainSettings, cache: Path) -> heads.TrainingData | str:
    """The vectors of a mode, or why there are none."""
    if settings.mode == "segment":
        shards = [read_shard_manifest(store, chosen.encoder_id, shard) for shard in chosen.rows["shard_id"].unique()]
        if any(manifest is None or "segments" not in manifest.files for manifest in shards):
            return "vectors of segments were not kept (encoder.keep = songs)"
    return load(store, chosen, settings, cache)


def _told(progress: Progress, one: Condition, done: int, total: int) -> Callable[[heads.EpochFacts], None]:
    return lambda facts: progress("sweep", done, total, f"{one.name}  epoch {facts.epoch}/{one.settings.epochs}")


def _measured(
    one: Condition,
    data: heads.TrainingData | str,
    chosen: TrainingSet,
    progress: Callable[[heads.EpochFacts], None],
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "condition": one.name,
        "training_set_id": chosen.training_set_id,
        "encoder_id": chosen.encoder_id,
        "train": one.settings.model_dump(mode="json", exclude=set(_APART)),
    }
    if isinstance(data, str):
        return {**record, "reason": data}
    started = time.perf_counter()
    trained = heads.train(data, one.settings, progress)
    seconds = time.perf_counter() - started
    best = trained.history[trained.best_epoch - 1]
    return {
        **record,
        "rows": {split: int(data.rows(split).sum()) for split in heads.SPLITS},
        "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
        "epochs": len(trained.history),
        "best_epoch": trained.best_epoch,
        "val_loss": best.val_loss,
        "seconds": round(seconds, 2),
        "metrics": {split: heads.rounded(heads.evaluate(trained.model, data, split)) for split in ("val", "test")},
    }
