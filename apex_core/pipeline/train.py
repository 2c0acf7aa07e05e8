"""Stage 6: train the heads when there is something new to learn. Torch loads only then."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import polars as pl

from apex_core import heads
from apex_core.catalog import sql
from apex_core.errors import NotFound
from apex_core.mert import describe_encoder
from apex_core.pipeline import training_set as sets
from apex_core.pipeline.run import Run, StageReport
from apex_core.pipeline.sides import check_sides, moved_since, named
from apex_core.pipeline.training_set import TrainingSet
from apex_core.settings import TrainSettings

log = logging.getLogger("apex_core.pipeline")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained model, measured, with the data it was made from; ``scored``: its predictions of the test songs."""

    training_set: TrainingSet
    data: heads.TrainingData
    trained: "heads.TrainedHeads"
    metrics: dict[str, Any]
    scored: "heads.Scored"


def run_train(run: Run, *, force: bool = False) -> tuple[StageReport, Candidate | None]:
    """Freeze the training set and train on it, unless there is too little to learn from or nothing new in it."""
    sets.assign_splits(run)
    encoder_id, _ = describe_encoder(run.settings.encoder, run.settings.cache)
    chosen = sets.select(run, encoder_id)
    settings = _condition(run.settings.train, chosen)
    reason = _reason_to_skip(run, settings, chosen, force=force)
    if reason or chosen is None:
        return StageReport("train", {"tracks": chosen.rows.height if chosen else 0, "trained": 0}, reason), None
    from apex_core.pipeline.measuring import measure_model
    from apex_core.pipeline.training_together import fit

    chosen = on_their_sides(run, settings, chosen)
    sets.freeze(run, chosen)
    data, trained = fit(run.store, chosen, settings, run.settings.cache, _epochs(run))
    run.progress("train", len(trained.history), len(trained.history))  # it may have stopped early
    metrics, scored = measure_model(run.store, chosen, data, trained.model, settings)
    counts = {"tracks": chosen.rows.height, "trained": 1, "epochs": len(trained.history)}
    note = f"best epoch {trained.best_epoch}, training set {chosen.training_set_id}"
    return StageReport("train", counts, note), Candidate(chosen, data, trained, metrics, scored)


def on_their_sides(run: Run, settings: TrainSettings, chosen: TrainingSet) -> TrainingSet:
    """The training set without tracks that models which this one is compared with knew on another side.

    Raises TrainingError when what belongs together lies on two sides.
    """
    moved = moved_since(chosen.rows, _former(run, settings, chosen.encoder_id))
    if moved.height:
        log.warning("quarantined, as a former training set had them on another side: %s", named(moved))
        chosen = sets.quarantine(run, chosen, moved)
    check_sides(chosen.rows)
    return chosen


def _former(run: Run, settings: TrainSettings, encoder_id: str) -> list[pl.DataFrame]:
    """Rows of the training sets of the last model of this condition, and of the champion."""
    with run.catalog("train") as connection:
        champion = connection.execute(sql("train/champion_set")).fetchone()
    names = {_last_trained(run, settings, encoder_id), champion and champion[0]} - {None}
    found: list[pl.DataFrame] = []
    for name in sorted(map(str, names)):
        with suppress(NotFound):  # a champion from elsewhere learnt from a set that is not here
            found.append(sets.read(run.store, name).rows)
    return found


def _epochs(run: Run) -> "Callable[[heads.EpochFacts], None]":
    total = run.settings.train.epochs
    return lambda facts: run.progress("train", facts.epoch, total)


def _condition(settings: TrainSettings, chosen: TrainingSet | None) -> TrainSettings:
    """Without a single aesthetic label only popularity can be learned: the other branches would stay random."""
    labelled = chosen is not None and chosen.rows.select(pl.col(heads.AESTHETICS).is_null().all()).row(0) != (
        True,
    ) * len(heads.AESTHETICS)
    return settings if labelled or settings.task == "popularity" else settings.model_copy(update={"task": "popularity"})


def _reason_to_skip(run: Run, settings: TrainSettings, chosen: TrainingSet | None, *, force: bool) -> str:
    """Why not to train, in words; empty when training is due."""
    if chosen is None or chosen.rows.height < settings.min_tracks:
        have = chosen.rows.height if chosen else 0
        return f"not trained: {have} labelled, embedded tracks, at least {settings.min_tracks} are needed"
    missing = {"train", "val", "test"} - set(chosen.rows["split"])
    if missing:
        return f"not trained: no track in the {' and '.join(sorted(missing))} split"
    if force:
        return ""
    last = _last_trained(run, settings, chosen.encoder_id)
    if last is None:
        return ""
    change = sets.compare(sets.read(run.store, last), chosen)
    if change.new_share >= settings.min_new_share or change.target_move >= settings.min_target_move:
        return ""
    return (
        f"not trained: {change.new_share:.1%} of the rows came or went (less than {settings.min_new_share:.1%}) and "
        f"targets moved {change.target_move:.2f} points (less than {settings.min_target_move:g}) since the last one"
    )


def _last_trained(run: Run, settings: TrainSettings, encoder_id: str) -> str | None:
    """The newest training set of this condition that is here; that of a version imported from elsewhere is not."""
    bound = {"condition": heads.HeadsConfig.of(settings, hidden=1).condition, "encoder_id": encoder_id}
    with run.catalog("train") as connection:
        found = connection.execute(sql("train/last_trained"), bound).fetchall()
    return next((str(name) for (name,) in found if sets.is_frozen(run.store, name)), None)
