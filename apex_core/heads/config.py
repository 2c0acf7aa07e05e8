"""What a set of heads is: its targets, its condition by name, the config that travels with its weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import product
from typing import Any, Literal, get_args

from apex_core.errors import ArtifactError, TrainingError
from apex_core.settings import TrainSettings

Mode = Literal["song", "segment"]
Task = Literal["full", "popularity"]
Loss = Literal["uncertainty", "weighted", "equal"]
Shared = Literal[2, 3]

POPULARITY = ("score_streams", "score_likes")
AESTHETICS = ("coherence", "musicality", "memorability", "clarity", "naturalness")
TARGETS = POPULARITY + AESTHETICS

RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(POPULARITY, (0.0, 100.0)),
    **dict.fromkeys(AESTHETICS, (1.0, 5.0)),
}
"""Published scale of every target (FACTS §3)."""

CONDITIONS = tuple(
    "/".join(map(str, parts)) for parts in product(get_args(Mode), get_args(Task), get_args(Loss), get_args(Shared))
)
"""The 24 published conditions, mode/task/loss/shared; recommended is song/full/uncertainty/2 (FACTS §3)."""


@dataclass(frozen=True, slots=True)
class HeadsConfig:
    """Everything needed to rebuild the heads around their weights, and which vectors they understand."""

    encoder_id: str = ""
    hidden: int = 768
    mode: Mode = "song"
    task: Task = "full"
    loss: Loss = "uncertainty"
    shared: Shared = 2
    seed: int = 42
    layer_mix: str = "AUTHORS_LAYER_MIX"

    @classmethod
    def of(cls, settings: TrainSettings, *, hidden: int, encoder_id: str = "") -> "HeadsConfig":
        """The config that training with ``settings`` on vectors of ``hidden`` dimensions gives."""
        return cls(
            encoder_id=encoder_id,
            hidden=hidden,
            mode=settings.mode,
            task=settings.task,
            loss=settings.loss,
            shared=settings.shared,
            seed=settings.seed,
        )

    @property
    def targets(self) -> tuple[str, ...]:
        """The predicted targets, in the order of a prediction's columns."""
        return TARGETS if self.task == "full" else POPULARITY

    @property
    def condition(self) -> str:
        return f"{self.mode}/{self.task}/{self.loss}/{self.shared}"

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``config.json``; the targets and the condition are spelt out for other readers."""
        return {**asdict(self), "targets": list(self.targets), "condition": self.condition}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "HeadsConfig":
        """Read what ``to_json`` wrote; keys of others are left alone.

        Raises ArtifactError when a key is missing or the values describe no heads of ours.
        """
        missing = [f.name for f in fields(cls) if f.name not in raw]
        if missing:
            raise ArtifactError(f"The model's config lacks {', '.join(missing)}.")
        config = cls(**{f.name: raw[f.name] for f in fields(cls)})
        if config.condition not in CONDITIONS or not isinstance(config.hidden, int) or config.hidden < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArtifactError(f"The model's config is of no known kind: {config.condition}, hidden {config.hidden}.")
        if list(raw.get("targets", config.targets)) != list(config.targets):
            raise ArtifactError(f"The model's config names targets that {config.condition} does not have.")
        return config


def with_condition(settings: TrainSettings, condition: str) -> TrainSettings:
    """``settings`` under a condition given by name, for example ``segment/popularity/equal/3``."""
    if condition not in CONDITIONS:
        raise TrainingError(f"No condition {condition!r}.", fix=f"one of mode/task/loss/shared, like {CONDITIONS[0]}")
    mode, task, loss, shared = condition.split("/")
    return settings.model_copy(update={"mode": mode, "task": task, "loss": loss, "shared": int(shared)})
