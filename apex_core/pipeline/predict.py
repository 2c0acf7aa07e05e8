"""Stage 8: the champion scores every embedded song it has not scored yet."""

import polars as pl

from apex_core import heads
from apex_core.catalog import sql, transaction
from apex_core.pipeline.publish import CHAMPION, adopt_champions, build
from apex_core.pipeline.run import Run, StageReport
from apex_core.pipeline.scratch import working_folder
from apex_core.pipeline.vectors import load_vectors
from apex_core.registry import load_artifact, resolve_alias

_SHARDS_A_BATCH = 64
_DECIMALS = 4  # of a point; what is left out is beyond what the hardware promises to repeat


def run_predict(run: Run) -> StageReport:
    """Predict what is missing; the champion's and the previous champion's predictions stay in the catalog."""
    adopt_champions(run)
    champion = resolve_alias(run.store, CHAMPION)
    if champion is None:
        return StageReport("predict", {"songs": 0}, "no champion yet")
    model = build(load_artifact(run.store, champion.version))
    wanted = _wanted(run, champion.version, model.config.encoder_id)
    shards = wanted["shard_id"].unique(maintain_order=True).to_list()
    parts: list[pl.DataFrame] = []
    for start in range(0, len(shards), _SHARDS_A_BATCH):
        batch = wanted.filter(pl.col("shard_id").is_in(shards[start : start + _SHARDS_A_BATCH]))
        parts.append(_predicted(run, model, champion.version, batch))
        run.progress("predict", sum(part.height for part in parts), wanted.height)
    with run.catalog("predict") as connection, transaction(connection):
        for part in parts:
            connection.register("incoming_prediction", part.to_arrow())
            connection.execute(sql("predict/insert"))
            connection.unregister("incoming_prediction")
    retired = _retire(run)
    return StageReport("predict", {"songs": wanted.height, "retired": retired}, champion.version)


def _retire(run: Run) -> int:
    """Move the predictions of versions before the previous champion to ``predictions/<version>.parquet``; how many."""
    with run.catalog("predict") as connection:
        old = [row[0] for row in connection.execute(sql("predict/superseded")).fetchall()]
    for version in old:
        with working_folder(run.settings, "publishing") as folder:
            path = folder / "predictions.parquet"
            with run.catalog("predict") as connection:
                connection.execute(sql("predict/export", path=path), {"version": version})
            run.store.put_file(f"predictions/{version}.parquet", path, replace=True)
        with run.catalog("predict") as connection:
            connection.execute(sql("predict/delete_version"), {"version": version})
    return len(old)


def _wanted(run: Run, version: str, encoder_id: str) -> pl.DataFrame:
    with run.catalog("predict") as connection:
        bound = {"version": version, "encoder_id": encoder_id}
        return pl.DataFrame(connection.sql(sql("predict/wanted"), params=bound).to_arrow_table())


def _predicted(run: Run, model: heads.ApexHeads, version: str, wanted: pl.DataFrame) -> pl.DataFrame:
    config = model.config
    vectors = load_vectors(run.store, config.encoder_id, wanted, config.mode, config.layer_mix)
    predicted = heads.predict(model, vectors.values, vectors.song if model.config.mode == "segment" else None)
    columns = {target: predicted[:, n] for n, target in enumerate(model.config.targets)}
    scores = pl.DataFrame(columns).select(pl.all().cast(pl.Float64).round(_DECIMALS))
    return wanted.select(pl.lit(version).alias("version"), "sha256").hstack(scores)
