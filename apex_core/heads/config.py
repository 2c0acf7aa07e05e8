"""What a set of heads is: its targets, its condition by name, the config that travels with its weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import product
from typing import Any, Literal, get_args

from apex_core.errors import ArtifactError, TrainingError
from apex_core.settings import AUTHORS_TRAINING, TrainSettings

Mode = Literal["song", "segment"]
Task = Literal["full", "popularity"]
PublishedLoss = Literal["uncertainty", "weighted", "equal"]
Loss = Literal[PublishedLoss, "standardised"]
Mix = Literal["AUTHORS_LAYER_MIX", "learned"]
Shared = Literal[2, 3]

POPULARITY = ("score_streams", "score_likes")
AESTHETICS = ("coherence", "musicality", "memorability", "clarity", "naturalness")
TARGETS = POPULARITY + AESTHETICS

RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(POPULARITY, (0.0, 100.0)),
    **dict.fromkeys(AESTHETICS, (1.0, 5.0)),
}
"""Published scale of every target (FACTS §3)."""


def _named(losses: tuple[str, ...]) -> tuple[str, ...]:
    parts = product(get_args(Mode), get_args(Task), losses, get_args(Shared))
    return tuple("/".join(map(str, one)) for one in parts)


CONDITIONS = _named(get_args(PublishedLoss))
"""The 24 published conditions, mode/task/loss/shared; recommended is song/full/uncertainty/2 (FACTS §3)."""

OWN_CONDITIONS = _named(("standardised",))
"""Ours, of which song/full/standardised/2 is the default."""

_ADDED = ("members", "target_means", "target_deviations")


@dataclass(frozen=True, slots=True)
class HeadsConfig:
    """Everything needed to rebuild the heads around their weights, and which vectors they understand.

    Vectors are float32[n, hidden], under a learned layer mix float32[n, 4, hidden]. ``target_means`` and
    ``target_deviations`` are those of the training labels, in points and in the order of ``targets``: what the
    standardised loss is reckoned in, and only there.
    """

    encoder_id: str = ""
    hidden: int = 768
    mode: Mode = "song"
    task: Task = "full"
    loss: Loss = "uncertainty"
    shared: Shared = 2
    seed: int = 42
    layer_mix: Mix = "AUTHORS_LAYER_MIX"
    members: int = 1
    target_means: tuple[float, ...] | None = None
    target_deviations: tuple[float, ...] | None = None

    @classmethod
    def of(
        cls,
        settings: TrainSettings,
        *,
        hidden: int,
        encoder_id: str = "",
        statistics: tuple[tuple[float, ...], tuple[float, ...]] | None = None,
    ) -> "HeadsConfig":
        """The config that training with ``settings`` on vectors of ``hidden`` dimensions gives.

        ``statistics``: means and deviations of the training labels (``target_statistics``), as of TARGETS.
        """
        count = len(TARGETS if settings.task == "full" else POPULARITY)
        given = statistics if settings.loss == "standardised" else None
        return cls(
            encoder_id=encoder_id,
            hidden=hidden,
            mode=settings.mode,
            task=settings.task,
            loss=settings.loss,
            shared=settings.shared,
            seed=settings.seed,
            layer_mix=settings.layer_mix,
            members=settings.ensemble,
            target_means=given and given[0][:count],
            target_deviations=given and given[1][:count],
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
        known = {f.name: raw[f.name] for f in fields(cls) if f.name in raw}
        missing = [f.name for f in fields(cls) if f.name not in known and f.name not in _ADDED]
        if missing:
            raise ArtifactError(f"The model's config lacks {', '.join(missing)}.")
        for name in ("target_means", "target_deviations"):
            known[name] = tuple(known[name]) if known.get(name) is not None else None
        config = cls(**known)
        config._check()
        if list(raw.get("targets", config.targets)) != list(config.targets):
            raise ArtifactError(f"The model's config names targets that {config.condition} does not have.")
        return config

    def _check(self) -> None:
        sizes = (self.hidden, self.members)  # of JSON: anything
        sized = all(isinstance(size, int) and size >= 1 for size in sizes)  # pyright: ignore[reportUnnecessaryIsInstance]
        if self.condition not in CONDITIONS + OWN_CONDITIONS or not sized or self.layer_mix not in get_args(Mix):
            raise ArtifactError(
                f"The model's config is of no known kind: {self.condition}, hidden {self.hidden}, "
                f"members {self.members}, layer mix {self.layer_mix}."
            )
        if self.loss == "standardised" and (self.target_means is None or self.target_deviations is None):
            raise ArtifactError(f"The model's config is {self.condition}, but lacks the statistics of its targets.")
        for values in (self.target_means, self.target_deviations):
            if values is not None and len(values) != len(self.targets):
                raise ArtifactError(
                    f"The model's config has statistics of {len(values)} targets, not {len(self.targets)}."
                )


def with_condition(settings: TrainSettings, condition: str) -> TrainSettings:
    """``settings`` under a condition given by name, for example ``segment/popularity/equal/3``.

    A published condition is trained with the authors' hyper-parameters, whatever ``settings`` say; ours with those of
    ``settings``, or with our defaults where these are of a published loss.
    """
    if condition not in CONDITIONS + OWN_CONDITIONS:
        raise TrainingError(f"No condition {condition!r}.", fix=f"one of mode/task/loss/shared, like {CONDITIONS[0]}")
    mode, task, loss, shared = condition.split("/")
    own = TrainSettings().model_dump(include=set(AUTHORS_TRAINING))
    hyper = dict(AUTHORS_TRAINING) if condition in CONDITIONS else {} if settings.loss == "standardised" else own
    return settings.model_copy(update={**hyper, "mode": mode, "task": task, "loss": loss, "shared": int(shared)})
