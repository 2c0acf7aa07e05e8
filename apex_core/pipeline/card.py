"""The page and the pictures of a candidate, as they are published with it."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from apex_core import heads
from apex_core.pipeline.rescoring import rescore
from apex_core.pipeline.run import Run
from apex_core.pipeline.train import Candidate
from apex_core.registry import CHAMPION, load_artifact, model_card, resolve_alias


def draw_card(
    run: Run, candidate: Candidate, folder: Path, version: str, config: Mapping[str, Any], lineage: Mapping[str, Any]
) -> str:
    """Draw the pictures into ``folder`` and return the text of the card that shows them."""
    from apex_core.registry.plots import Drawable, draw_plots  # matplotlib: not for who only reads models

    scored = candidate.scored
    plots = draw_plots(
        folder,
        Drawable(
            metrics=candidate.metrics,
            history=[asdict(facts) for facts in candidate.trained.history],
            best_epoch=candidate.trained.best_epoch,
            points={
                target: (scored.predicted[:, column], scored.wanted[:, column])
                for column, target in enumerate(scored.targets)
            },
            ranges=heads.RANGES,
        ),
    )
    return model_card(
        version=version,
        config=config,
        metrics=candidate.metrics,
        lineage={**lineage, **_window(candidate.training_set.rows)},
        rival=_rival(run, candidate, version),
        plots=plots,
    )


def _rival(run: Run, candidate: Candidate, version: str) -> dict[str, Any] | None:
    """The champion on the same test songs; None without one that could be measured on all of them."""
    record = resolve_alias(run.store, CHAMPION)
    if record is None or record.version == version:
        return None
    found = rescore(run, candidate, load_artifact(run.store, record.version))
    if found.candidate is None or found.champion is None or len(found.candidate.names) < len(candidate.scored.names):
        return None
    compared = heads.compared(found.candidate, found.champion, run.settings.train.bootstrap_draws)
    return {"name": record.version, **compared}


def _window(rows: pl.DataFrame) -> dict[str, Any]:
    """The days between which the songs were created."""
    if "created_at" not in rows.columns or rows["created_at"].null_count() == rows.height:
        return {}
    days = rows.select(pl.col("created_at").min().alias("from"), pl.col("created_at").max().alias("to"))
    return {"window": {name: f"{moment:%Y-%m-%d}" for name, moment in days.row(0, named=True).items()}}
