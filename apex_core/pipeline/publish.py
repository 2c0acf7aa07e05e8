"""Stage 7: stage -> verify -> publish -> gate -> alias; then the catalog's mirror of it all.

The store is the truth, and every step finds what an earlier, interrupted run has done: equal weights are the same
version, a version that is champion already stays so. Torch loads with a candidate: most nights have none.
"""

import tempfile
from pathlib import Path
from typing import Any

from apex_core import heads, registry
from apex_core.mert import describe_encoder
from apex_core.pipeline.artifact_model import build, predict_with
from apex_core.pipeline.code_version import apex_version, code_version
from apex_core.pipeline.model_retention import collect_models
from apex_core.pipeline.registry_mirror import adopt_registry
from apex_core.pipeline.run import Run, StageReport
from apex_core.pipeline.train import Candidate
from apex_core.registry import CHAMPION, is_published, named_after, publish, version_name

__all__ = ["CHAMPION", "adopt_champions", "build", "predict_with", "run_publish"]

adopt_champions = adopt_registry


def run_publish(run: Run, candidate: Candidate | None) -> StageReport:
    """Publish a candidate as an immutable version and, when the gate lets it, make it champion."""
    adopt_registry(run)
    if candidate is None:
        counts = {"published": 0, "promoted": 0, "removed": collect_models(run)}
        return StageReport("publish", counts, "nothing new to publish")
    from apex_core.pipeline.judgement import judge

    # Equal weights were perhaps published before, on another day: they keep that name.
    weights = registry.weights_sha256(candidate.trained.model.state_dict())
    version = named_after(run.store, version_name(run.as_of, weights))
    is_new, before = not is_published(run.store, version), registry.resolve_alias(run.store, CHAMPION)
    if is_new:
        with tempfile.TemporaryDirectory(prefix="apex-") as folder:
            _stage(run, candidate, Path(folder), version)
            publish(run.store, version, Path(folder), lambda: run.committing("publish"))
    decision = judge(run, candidate, version)
    adopt_registry(run)
    promoted = registry.resolve_alias(run.store, CHAMPION) != before
    counts = {"published": int(is_new), "promoted": int(promoted), "removed": collect_models(run)}
    again = "" if is_new else "the same weights as before, "
    return StageReport("publish", counts, f"{version}: {again}{decision.outcome}, {decision.reason}")


def _stage(run: Run, candidate: Candidate, folder: Path, version: str) -> None:
    from apex_core.heads.quantiles import quantiles
    from apex_core.pipeline.card import draw_card

    model = candidate.trained.model
    _, encoder = describe_encoder(run.settings.encoder, run.settings.cache)
    known = quantiles(model, candidate.data)
    config = {**model.config.to_json(), "encoder": _portable(encoder), "quantiles": known}
    lineage = _lineage(run, candidate, encoder)
    card = draw_card(run, candidate, folder, version, config, lineage)
    registry.stage_artifact(folder, model.state_dict(), config, candidate.metrics, lineage, card)
    held_out = candidate.data.vectors[candidate.data.rows("test")]
    registry.verify_artifact(folder, held_out, heads.predict(model, held_out), predict_with)


def _portable(encoder: dict[str, Any]) -> dict[str, Any]:
    """How another machine gets this encoder; a folder of this machine means nothing there."""
    source = encoder["source"]
    return {"source": None if Path(source).is_dir() else source, "revision": encoder["revision"]}


def _lineage(run: Run, candidate: Candidate, encoder: dict[str, Any]) -> dict[str, Any]:
    """Where the model comes from. No clock and no run id: a repeated publication must be equal to the byte."""
    training_set = candidate.training_set
    sides = training_set.rows["split"].value_counts().rows()
    return {
        "training_set_id": training_set.training_set_id,
        "score_run_id": training_set.score_run_id,
        "encoder_id": training_set.encoder_id,
        "encoder_weights_sha256": encoder["weights_sha256"],
        "shards": sorted(training_set.rows["shard_id"].unique().to_list()),
        "rows": dict(sorted(sides)),
        "train": run.settings.train.model_dump(mode="json", exclude={"device"}),
        "best_epoch": candidate.trained.best_epoch,
        "apex": apex_version(),
        "code": code_version(),
    }
