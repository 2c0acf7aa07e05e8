"""Stage 7: stage -> verify -> publish -> gate -> alias; then the catalog's mirror of it all.

The store is the truth, and every step finds what an earlier, interrupted run has done: equal weights are the same
version, a version that is champion already stays so.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apex_core import heads
from apex_core.catalog import sql, transaction
from apex_core.mert import describe_encoder
from apex_core.pipeline.run import Run, StageReport
from apex_core.pipeline.train import Candidate
from apex_core.registry import (
    AliasRecord,
    Artifact,
    Decision,
    alias_history,
    gate,
    is_published,
    list_versions,
    load_artifact,
    model_card,
    publish,
    resolve_alias,
    set_alias,
    stage_artifact,
    verify_artifact,
    version_name,
    weights_sha256,
)

CHAMPION = "champion"


def run_publish(run: Run, candidate: Candidate | None) -> StageReport:
    """Publish a candidate as an immutable version and, when the gate lets it, make it champion."""
    adopt_champions(run)
    if candidate is None:
        return StageReport("publish", {"published": 0, "promoted": 0}, "nothing new to publish")
    weights = weights_sha256(candidate.trained.model.state_dict())
    version = _version(run, weights)
    if not is_published(run.store, version):
        with tempfile.TemporaryDirectory(prefix="apex-") as folder:
            _stage(run, candidate, Path(folder), version)
            publish(run.store, version, Path(folder))
    decision, record = _judge(run, candidate, version)
    _mirror(run, candidate, version, weights, decision, record)
    counts = {"published": 1.0, "promoted": float(decision.promote)}
    return StageReport("publish", counts, f"{version}: {decision.outcome}, {decision.reason}")


def _version(run: Run, weights: str) -> str:
    """The name of these weights: the one they were published under before, or a new one with the run's day."""
    name = version_name(run.as_of, weights)
    known = [version for version in list_versions(run.store) if version.endswith(name[-9:])]
    return known[-1] if known else name


def _stage(run: Run, candidate: Candidate, folder: Path, version: str) -> None:
    model = candidate.trained.model
    _, encoder = describe_encoder(run.settings.encoder, run.settings.cache)
    config = {**model.config.to_json(), "encoder": _portable(encoder)}
    lineage = _lineage(run, candidate, encoder)
    card = model_card(version=version, config=config, metrics=candidate.metrics["test"], lineage=lineage)
    stage_artifact(folder, model.state_dict(), config, candidate.metrics, lineage, card)
    held_out = candidate.data.vectors[candidate.data.rows("test")]
    verify_artifact(folder, held_out, heads.predict(model, held_out), predict_with)


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
    }


def predict_with(artifact: Artifact, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Build the artifact's model and apply it to float32[n, hidden]."""
    return heads.predict(build(artifact), vectors)


def build(artifact: Artifact) -> heads.ApexHeads:
    """The model of an artifact, in evaluation mode on the CPU."""
    return heads.build_model(heads.HeadsConfig.from_json(artifact.config), artifact.weights)


def _judge(run: Run, candidate: Candidate, version: str) -> tuple[Decision, AliasRecord | None]:
    """Compare with the champion on the candidate's test rows; a promotion is a new alias record."""
    champion = resolve_alias(run.store, CHAMPION)
    if champion is not None and champion.version == version:
        return Decision(True, champion.reason, "promoted"), champion  # by a run that was cut short after it
    rival = _rival(run, candidate, champion)
    decision = gate(candidate.metrics["test"], rival, run.settings.promotion)
    if not decision.promote:
        return decision, None
    if champion is not None and rival is None:
        decision = replace(decision, reason=f"not compared: {champion.version} works on another encoder's vectors")
    n = champion.n if champion else 0
    return decision, set_alias(run.store, CHAMPION, version, decision.reason, run.run_id, run.as_of, after=n)


def _rival(run: Run, candidate: Candidate, champion: AliasRecord | None) -> heads.Metrics | None:
    if champion is None:
        return None
    model = build(load_artifact(run.store, champion.version))
    if model.config.encoder_id != candidate.training_set.encoder_id:
        return None  # another encoder's vectors: it could not score these rows
    return heads.evaluate(model, candidate.data, "test")


def adopt_champions(run: Run) -> None:
    """Project the alias records of the store, and the versions they name, into the catalog.

    A run that was cut short after setting the alias has left them there, and so has whoever set it by hand. Versions
    that no alias names stay out: whether they are good enough is still to be judged.
    """
    records = alias_history(run.store, CHAMPION)
    with run.catalog("publish") as connection:
        known = {n for (n,) in connection.execute(sql("train/known_aliases"), {"alias": CHAMPION}).fetchall()}
    for record in (record for record in records if record.n not in known):
        row = _described(load_artifact(run.store, record.version), record)
        with run.catalog("publish") as connection, transaction(connection):
            connection.execute(sql("train/insert_version"), row)
            connection.execute(sql("train/insert_alias"), _alias_row(record))


def _described(artifact: Artifact, record: AliasRecord) -> dict[str, Any]:
    return {
        "version": record.version,
        "training_set_id": artifact.lineage.get("training_set_id"),
        "score_run_id": artifact.lineage.get("score_run_id"),
        "encoder_id": artifact.config["encoder_id"],
        "weights_sha256": weights_sha256(artifact.weights),
        "condition": artifact.config["condition"],
        "metrics": json.dumps(artifact.metrics, sort_keys=True),
        "created_at": record.set_at,
        "decision": "promoted",
        "reason": record.reason,
    }


def _alias_row(record: AliasRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in ("alias", "n", "version", "reason", "set_by", "set_at")}


def _mirror(
    run: Run, candidate: Candidate, version: str, weights: str, decision: Decision, record: AliasRecord | None
) -> None:
    row = {
        "version": version,
        "training_set_id": candidate.training_set.training_set_id,
        "score_run_id": candidate.training_set.score_run_id,
        "encoder_id": candidate.training_set.encoder_id,
        "weights_sha256": weights,
        "condition": candidate.trained.config.condition,
        "metrics": json.dumps(candidate.metrics, sort_keys=True),
        "created_at": run.as_of,
        "decision": decision.outcome,
        "reason": decision.reason,
    }
    with run.catalog("publish") as connection, transaction(connection):
        connection.execute(sql("train/insert_version"), row)
        if record is not None:
            connection.execute(sql("train/insert_alias"), _alias_row(record))
