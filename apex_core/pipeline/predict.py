"""Stage 8: the champion scores every embedded song it has not scored yet."""

import polars as pl

from apex_core import heads
from apex_core.catalog import sql, transaction
from apex_core.mert import song_vectors
from apex_core.pipeline.publish import CHAMPION, build
from apex_core.pipeline.run import Run, StageReport
from apex_core.registry import load_artifact, resolve_alias

_SHARDS_A_BATCH = 64
_DECIMALS = 4  # of a point; what is left out is beyond what the hardware promises to repeat


def run_predict(run: Run) -> StageReport:
    """Predict what is missing; the champion's and the previous champion's predictions are kept."""
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
        connection.execute(sql("predict/retire"))
    return StageReport("predict", {"songs": wanted.height}, champion.version)


def _wanted(run: Run, version: str, encoder_id: str) -> pl.DataFrame:
    with run.catalog("predict") as connection:
        bound = {"version": version, "encoder_id": encoder_id}
        return pl.DataFrame(connection.execute(sql("predict/wanted"), bound).to_arrow_table())


def _predicted(run: Run, model: heads.ApexHeads, version: str, wanted: pl.DataFrame) -> pl.DataFrame:
    shards = wanted["shard_id"].unique(maintain_order=True).to_list()
    table = song_vectors(run.store, model.config.encoder_id, shards, ("sha256", "mixed"))
    vectors = wanted.select("sha256").join(pl.DataFrame(table), on="sha256", how="left", maintain_order="left")
    predicted = heads.predict(model, vectors["mixed"].to_numpy())
    columns = {target: predicted[:, n].round(_DECIMALS) for n, target in enumerate(model.config.targets)}
    return vectors.select(pl.lit(version).alias("version"), "sha256").with_columns(
        pl.Series(name, values.astype("float64")).round(_DECIMALS) for name, values in columns.items()
    )
