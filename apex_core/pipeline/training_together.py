"""Training by several processes that torchrun started: the first runs the stage, the others follow its word.

The first process alone sees the catalog, freezes the training set, measures and publishes. What it announces is the id
of the training set and the settings; the others read the same frozen rows and vectors from the store.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from apex_core import heads
from apex_core.heads.together import Together, joined, started_together
from apex_core.pipeline import training_set as sets
from apex_core.pipeline.training_set import TrainingSet
from apex_core.settings import Settings, TrainSettings
from apex_core.storage import Store

__all__ = ["dismiss", "fit", "follow", "joined", "load", "started_together"]


def fit(
    store: Store,
    chosen: TrainingSet,
    settings: TrainSettings,
    cache: Path,
    progress: Callable[[heads.EpochFacts], None] | None,
) -> tuple[heads.TrainingData, heads.TrainedHeads]:
    """Train on a frozen training set, with the processes that follow this one where there are any.

    Vectors that are too many for memory lie in a file below ``cache``.
    """
    together = Together.now()
    together.announce({"training_set_id": chosen.training_set_id, "train": settings.model_dump(mode="json")})
    data = load(store, chosen, settings, cache)
    return data, heads.train(data, settings, progress, together)


def load(store: Store, chosen: TrainingSet, settings: TrainSettings, cache: Path) -> heads.TrainingData:
    """The data that training with ``settings`` reads, mapped from a file beyond ``resident_mb``."""
    return sets.load_data(
        store,
        chosen,
        settings.mode,
        settings.layer_mix,
        resident_mb=settings.resident_mb,
        folder=cache / "training",
    )


def dismiss() -> None:
    """Tell those that follow that nothing is left to train."""
    Together.now().announce(None)


def follow(settings: Settings) -> int:
    """Take part in what the first process trains until it has nothing left; how many trainings that were.

    Raises TrainingError when the first process is gone.
    """
    together, store, trained = Together.now(), Store.open(settings.store_url), 0
    while (word := _told(together)) is not None:
        train = TrainSettings.model_validate(word["train"])
        chosen = sets.read(store, word["training_set_id"])
        heads.train(load(store, chosen, train, settings.cache), train, None, together)
        trained += 1
    return trained


def _told(together: Together) -> dict[str, Any] | None:
    return together.announce(None)
