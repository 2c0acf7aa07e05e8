"""Stage 8: the champion scores every embedded song it has not scored yet. Torch loads only if there is one."""

import shutil
from pathlib import Path

from apex_core.catalog import sql, transaction
from apex_core.heads import HeadsConfig
from apex_core.pipeline.publish import CHAMPION, adopt_champions, build
from apex_core.pipeline.run import Run, StageReport, living
from apex_core.pipeline.scratch import working_folder
from apex_core.registry import describe_version, resolve_alias

_PATIENCE_S = 3_600.0


def run_predict(run: Run) -> StageReport:
    """Predict what is missing; the champion's and the previous champion's predictions stay in the catalog.

    One process of the host at a time. What a run that was cut short had predicted is not predicted again.
    """
    with living(run.settings, "predicting.lock", f"{run.run_id}: predict", _PATIENCE_S, "The prediction of songs"):
        adopt_champions(run)
        champion = resolve_alias(run.store, CHAMPION)  # in here: whoever was waited for may have followed another one
        if champion is None:
            return StageReport("predict", {"songs": 0}, "no champion yet")
        songs = _predict(run, champion.version)
        retired = _retire(run)
    return StageReport("predict", {"songs": songs, "retired": retired}, champion.version)


def _predict(run: Run, version: str) -> int:
    """Predict, and put all of it into the catalog in one transaction; how many songs."""
    encoder_id = HeadsConfig.from_json(describe_version(run.store, version).config).encoder_id
    bound = {"version": version, "encoder_id": encoder_id}
    with run.catalog("predict") as connection:
        wanted: dict[str, int] = dict(connection.execute(sql("predict/wanted"), bound).fetchall())
    folder = run.settings.cache / "predicting"
    if wanted:
        _complete(run, version, wanted, folder, bound)
    shutil.rmtree(folder, ignore_errors=True)  # also what a run that was cut short had predicted, and kept
    return sum(wanted.values())


def _complete(run: Run, version: str, wanted: dict[str, int], folder: Path, bound: dict[str, str]) -> None:
    from apex_core.heads.prediction import exact
    from apex_core.pipeline.predicted_shards import PredictedShards
    from apex_core.registry import load_artifact

    found = PredictedShards(folder, version)
    found.complete(run, exact(build(load_artifact(run.store, version))), wanted)
    with run.catalog("predict") as connection, transaction(connection):
        connection.register("incoming_prediction", found.rows())
        connection.execute(sql("predict/insert"), bound)
        connection.unregister("incoming_prediction")


def _retire(run: Run) -> int:
    """Move the predictions of versions before the previous champion to ``predictions/<version>.parquet``; how many."""
    with run.catalog("predict") as connection:
        old = [row[0] for row in connection.execute(sql("predict/superseded")).fetchall()]
    for version in old:
        with working_folder(run.settings, "publishing") as folder:
            path = folder / "predictions.parquet"
            with run.catalog("predict") as connection:
                connection.execute(sql("predict/export", path=path), {"version": version})
            with run.committing("predict"):
                run.store.put_file(f"predictions/{version}.parquet", path, replace=True)
        with run.catalog("predict") as connection:
            connection.execute(sql("predict/delete_version"), {"version": version})
    return len(old)
