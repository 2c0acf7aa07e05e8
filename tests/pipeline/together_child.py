"""One of the processes of tests/pipeline/test_training_together.py, with the rank that its environment gives it.

``python -m tests.pipeline.together_child TRAINING_SET``: the first trains on it and dismisses the others, which follow;
each says how many trainings it took part in.
"""

import sys

from apex_core.pipeline import training_set as sets
from apex_core.pipeline.training_together import dismiss, fit, follow, joined
from apex_core.settings import TrainSettings, get_settings
from apex_core.storage import Store

TRAIN = TrainSettings(epochs=3, batch_size=16, seed=5, device="cpu")


def main(name: str) -> None:
    settings = get_settings()
    with joined() as together:
        if together.rank > 0:
            sys.stdout.write(f"followed {follow(settings)}\n")
            return
        store = Store.open(settings.store_url)
        _, trained = fit(store, sets.read(store, name), TRAIN, settings.cache, None)
        dismiss()
        sys.stdout.write(f"trained {len(trained.history)} epochs with seed {trained.config.seed}\n")


if __name__ == "__main__":
    main(sys.argv[1])
