"""The champion, scored again on a candidate's frozen test songs, each model on its own vectors of the same songs."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from apex_core import heads
from apex_core.catalog import sql
from apex_core.errors import NotFound
from apex_core.pipeline import training_set as sets
from apex_core.pipeline.artifact_model import build
from apex_core.pipeline.run import Run
from apex_core.pipeline.train import Candidate
from apex_core.pipeline.training_set import TrainingSet
from apex_core.registry import Artifact

_ENOUGH = 0.9  # of the test songs must have the champion's kind of vectors; fewer may be another kind of songs
_TRACK = ["platform", "track_id"]


@dataclass(frozen=True, slots=True)
class Rescored:
    """Predictions of both for the same test songs; None where the two cannot be compared.

    ``remarks``: what there is to know about the comparison, or why there is none.
    """

    candidate: heads.Scored | None
    champion: heads.Scored | None
    remarks: tuple[str, ...]


def rescore(run: Run, candidate: Candidate, champion: Artifact) -> Rescored:
    """Measure the champion on the candidate's test songs, without those it may have learnt from.

    A champion of another encoder reads its own vectors of the same songs, where the store has them.
    """
    model = build(champion)
    test = candidate.training_set.rows.filter(pl.col("split") == "test")
    unseen, remarks = _unseen(run, test, champion)
    rows, lacking = _embedded(run, unseen, model.config.encoder_id, candidate.training_set.encoder_id)
    if rows.height < _ENOUGH * unseen.height or not rows.height:
        why = (
            f"not compared: {champion.version} reads vectors of {model.config.encoder_id}, which {lacking} of "
            f"{unseen.height} test songs lack"
            if unseen.height
            else f"not compared: {champion.version} has learnt from every one of the test songs"
        )
        return Rescored(None, None, (*remarks, why))
    if lacking:
        remarks.append(f"compared on the {rows.height} of {unseen.height} test songs that both encoders have heard")
    own = candidate.scored[_among(candidate.scored, rows)]
    return Rescored(own, _scored(run, candidate, model, rows), tuple(remarks))


def _among(scored: heads.Scored, rows: pl.DataFrame) -> NDArray[np.bool_]:
    names = [f"{platform}/{track_id}" for platform, track_id in rows.select(_TRACK).rows()]
    return np.isin(scored.names.astype(str), names)


def _scored(run: Run, candidate: Candidate, model: heads.ApexHeads, rows: pl.DataFrame) -> heads.Scored:
    """The champion's predictions of ``rows``; the candidate's own vectors are used where they are of its kind."""
    theirs, ours = model.config, candidate.trained.config
    if (theirs.encoder_id, theirs.mode, theirs.layer_mix) == (ours.encoder_id, ours.mode, ours.layer_mix):
        scored = heads.score(model, candidate.data, "test")
        return scored[_among(scored, rows)]
    found = replace(candidate.training_set, encoder_id=theirs.encoder_id, rows=rows)
    return heads.score(model, sets.load_data(run.store, found, theirs.mode, theirs.layer_mix), "test")


def _unseen(run: Run, test: pl.DataFrame, champion: Artifact) -> tuple[pl.DataFrame, list[str]]:
    """The test songs that the champion has not learnt from. The split rule makes that all of them; it is checked."""
    before = learnt_from(run, champion)
    if before is None:
        return test, [f"what {champion.version} has learnt from is not known: it may have seen these test songs"]
    seen = before.rows.filter(pl.col("split") != "test")
    left = test.join(seen, on=_TRACK, how="anti").join(seen, on="sha256", how="anti")
    if left.height == test.height:
        return test, []
    return left, [f"{test.height - left.height} test songs left out: {champion.version} has learnt from them"]


def learnt_from(run: Run, champion: Artifact) -> TrainingSet | None:
    """The training set of a version; None for a model from elsewhere, and where it is no longer there."""
    name = champion.lineage.get("training_set_id")
    try:
        return sets.read(run.store, name) if name else None
    except NotFound:
        return None


def _embedded(run: Run, test: pl.DataFrame, wanted: str, has: str) -> tuple[pl.DataFrame, int]:
    """The songs with vectors of the encoder that is wanted, and where they lie; how many have none."""
    if wanted == has:
        return test, 0
    bound = {"encoder_id": wanted, "songs": test["sha256"].unique().to_list()}
    with run.catalog("publish") as connection:
        places = pl.DataFrame(connection.sql(sql("registry/shards_of"), params=bound).to_arrow_table())
    rows = test.drop("shard_id").join(places, on="sha256", how="inner", maintain_order="left").select(test.columns)
    return rows, test.height - rows.height
