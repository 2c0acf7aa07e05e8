"""Settings of what is learned from: scores, vectors, labels, heads."""

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import Field, field_validator, model_validator

from apex_core.settings.section import Section

Dimension = Literal["platform", "age_band", "model_family"]

_LABELLER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ScoreSettings(Section):
    """The score definition of FACTS §1; every score run stores the one it used."""

    percentile: Literal["midrank", "percent_rank", "cume_dist"] = "midrank"
    gamma: float = Field(default=0.5, gt=0, description="Exponent; below 1 compresses the upper tail.")
    zeros: Literal["zero", "midrank", "exclude"] = Field(
        default="zero", description="A count of 0 scores 0, its mid-rank, or nothing."
    )
    cohort: tuple[Dimension, ...] = Field(
        default=("platform",), description="What tracks that are compared share: platform, age_band, model_family."
    )
    age_band_days: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(7.0, 30.0, 90.0, 365.0),
        min_length=1,
        description="Where one age band ends and the next begins, in days.",
    )
    min_age_days: float = Field(
        default=0.0, ge=0, description="Tracks counted younger than this, or of unknown age, are not eligible."
    )
    kinds: tuple[str, ...] = Field(
        default=(), description="Kinds that are eligible (gen, cover ...); none named: all that eligible_track has."
    )
    max_stale_days: float | None = Field(
        default=None, gt=0, description="A counter last stated longer before the run than this counts as missing."
    )

    @field_validator("cohort", mode="before")
    @classmethod
    def _platform_always(cls, value: object) -> object:
        """One name stands for a tuple of it; platform is always among them, and the order says nothing."""
        named: list[object] = [value] if isinstance(value, str) else list(cast(Iterable[object], value))
        order = get_args(Dimension)
        known = [name for name in order if name == "platform" or name in named]
        return (*known, *(name for name in named if name not in order))

    @field_validator("age_band_days")
    @classmethod
    def _in_order(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(one >= other for one, other in pairwise(value)):
            raise ValueError("the edges must rise")
        return value

    @field_validator("kinds")
    @classmethod
    def _sorted(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(value)))


class EncoderSettings(Section):
    """The frozen encoder, and how its work is cut."""

    source: str = Field(
        default="m-a-p/MERT-v1-95M",
        description="Hub id, folder or s3://bucket/prefix in the hub's format, or 'tiny-random' (the demo's stand-in,"
        " not MERT).",
    )
    revision: str = Field(
        default="12af15fef9d0ac838c3f475bfbbf26d2060dd4f5",
        description="Pinned hub revision; unused for folders.",
    )
    sha256: str | None = Field(default=None, description="Expected hash of the weights file, checked when given.")
    place: Literal["here", "deployment"] = Field(
        default="here",
        description="Encode here, on this machine, or by flow runs of a deployment, on the work pool apex-gpu "
        "(APEX_GPU_POOL__…, deploy/README.md). A Ray cluster has settings of its own.",
    )
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps.")
    devices: tuple[str, ...] = Field(
        default=(),
        description="Devices that extraction uses at once, an encoder process each; none named: every CUDA device of "
        "this machine where device is auto, else device alone, in the run's own process.",
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        default="auto",
        description="Of the matrix products; auto: fp32 on a CPU, bf16 on CUDA (fp16 on a card too old for it).",
    )
    compile: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether torch compiles the encoder's blocks; auto: off, as nobody has measured yet that it pays. "
        "Where the compiler fails, blocks run uncompiled with a warning.",
    )
    batch_segments: int | None = Field(
        default=None, ge=1, description="Segments a batch; none: 1 on a CPU, on CUDA what the device's memory allows."
    )
    keep: Literal["segments", "songs"] = Field(
        default="segments",
        description="Vectors of every segment and of songs, or of songs alone: about a sixth of the bytes for songs of "
        "three minutes, but nothing to train in segment mode from.",
    )
    shard_songs: int = Field(default=256, ge=1)
    range_shards: int = Field(default=8, ge=1, description="Shards a task takes, about.")
    max_tasks: int = Field(default=100, ge=1, le=180, description="Most extraction tasks in one flow run.")
    decode_workers: int = Field(
        default=2, ge=0, description="Decoder processes of each encoder process; 0 decodes and verifies in process."
    )


class RaySettings(Section):
    """A Ray cluster for the extraction (deploy/ray.md). Only the driver's address counts; nodes need none."""

    address: str | None = Field(
        default=None,
        description="Encode on this cluster: ray://head:10001 from anywhere, host:6379 or auto on one of its nodes.",
    )
    shared_folders: bool = Field(
        default=False, description="Every node has the store, libraries and weights that are folders, at the same path."
    )
    task_gpus: float | None = Field(
        default=None, ge=0, description="GPUs a task asks for; none named: one, where the cluster has any."
    )
    task_cpus: float | None = Field(
        default=None, gt=0, description="CPUs a task asks for; none named: its GPUs' share of the node, else all of it."
    )
    max_retries: int = Field(default=3, ge=0, description="Times a task starts anew elsewhere when its node dies.")


class GpuPoolSettings(Section):
    """Flow runs that encode on the work pool apex-gpu, where encoder.place is deployment. For the host of the flows."""

    deployment: str = Field(default="encode/on-gpu", description="The deployment whose runs they are.")
    runs: int = Field(
        default=8, ge=1, le=100, description="Runs asked for at a time: at least as many as workers can take at once."
    )
    run_shards: int = Field(default=64, ge=1, description="Shards a run takes, about: each starts encoders anew.")
    wait_s: float = Field(
        default=1_800.0, gt=0, description="Longest time without any run at work; then the night goes on without."
    )
    shared_folders: bool = Field(
        default=False,
        description="Every worker of the pool has the store, libraries and weights that are folders, at the same path.",
    )


class AestheticsSettings(Section):
    """Where aesthetic labels come from, and whose train."""

    files: tuple[str, ...] = Field(default=(), description="SongEval result.json files, or globs of them.")
    labeller: str = Field(default="songeval", description="Who made those files.")
    others: dict[str, tuple[str, ...]] = Field(
        default={}, description="Further labellers by name, each with files of the same form, or globs of them."
    )
    train_on: tuple[str, ...] = Field(
        default=(), description="Labellers to train on, the preferred one first; none named: labeller alone."
    )
    combine: Literal["first", "mean"] = Field(
        default="first",
        description="Where several of those labelled a dimension of a track: what the first one says, or their mean.",
    )

    @property
    def by_labeller(self) -> dict[str, tuple[str, ...]]:
        """The files of every labeller."""
        return {self.labeller: self.files, **self.others}

    @property
    def trained_on(self) -> tuple[str, ...]:
        """The labellers whose labels train, the preferred one first."""
        return self.train_on or (self.labeller,)

    @model_validator(mode="after")
    def _names_fit(self) -> "AestheticsSettings":
        if self.labeller in self.others:
            raise ValueError(f"{self.labeller} is the labeller of files, so it is none of others")
        for name in self.by_labeller:
            if not _LABELLER.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a labeller: letters, digits, - _ and . (at most 64)")
        if unknown := [name for name in self.train_on if name not in self.by_labeller]:
            raise ValueError(f"train_on names {unknown[0]}, who is neither labeller nor one of others")
        if len(set(self.train_on)) < len(self.train_on):
            raise ValueError("train_on names a labeller twice")
        return self


AUTHORS_TRAINING: Mapping[str, Any] = {
    "epochs": 50,
    "patience": 20,
    "batch_size": 512,
    "learning_rate": 1e-4,
    "weight_decay": 1e-4,
    "clip_norm": 1.0,
    "seed": 42,
    "layer_mix": "AUTHORS_LAYER_MIX",
    "ensemble": 1,
}
"""The published hyper-parameters (FACTS §3), which every published loss is trained with unless one is named."""


class TrainSettings(Section):
    """Heads and training. Under one of the published losses, what is not named is as published."""

    mode: Literal["song", "segment"] = "song"
    task: Literal["full", "popularity"] = "full"
    loss: Literal["standardised", "uncertainty", "weighted", "equal"] = Field(
        default="standardised",
        description="Uncertainty-weighted on targets of unit variance, or one of the three published.",
    )
    shared: Literal[2, 3] = 2
    layer_mix: Literal["AUTHORS_LAYER_MIX", "learned"] = Field(
        default="AUTHORS_LAYER_MIX",
        description="The authors' fixed combination of the four layers, or one that is trained with the heads.",
    )
    ensemble: int = Field(
        default=1, ge=1, le=16, description="Heads trained from seed, seed + 1 ...; the model predicts their mean."
    )
    epochs: int = Field(default=50, ge=1)
    patience: int = Field(default=20, ge=1)
    batch_size: int = Field(default=512, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)
    log_sigma_learning_rate: float = Field(
        default=1e-2, gt=0, description="Of the standardised loss's uncertainties; published losses have one rate."
    )
    weight_decay: float = Field(default=1e-4, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    seed: int = 42
    device: str = "auto"
    resident_mb: int = Field(
        default=4096,
        ge=0,
        description="Vectors of a split up to this size are held in the device's memory; of larger ones each "
        "batch is gathered from a file in <home>.",
    )
    min_tracks: int = Field(default=20, ge=4, description="Fewer labelled, embedded tracks than this: no training.")
    min_new_share: float = Field(
        default=0.01,
        ge=0,
        description="Retrain when at least this share of the training rows came or went ...",
    )
    min_target_move: float = Field(
        default=0.5, ge=0, description="... or a popularity target moved by this many points on average."
    )
    bootstrap_draws: int = Field(
        default=300, ge=0, description="Resamplings of the test songs behind every interval; 0: no intervals."
    )
    time_split: bool = Field(
        default=True, description="Train a second time on older songs, to test on the newest: a figure of the report."
    )

    @model_validator(mode="before")
    @classmethod
    def _as_published(cls, value: object) -> object:
        """A published loss brings its hyper-parameters along."""
        if not isinstance(value, Mapping):
            return value
        named = cast(Mapping[str, Any], value)
        return dict(named) if named.get("loss", "standardised") == "standardised" else {**AUTHORS_TRAINING, **named}


class PromotionSettings(Section):
    """When a candidate becomes the champion, and for how long those that did not are kept."""

    automatic: bool = Field(default=True, description="Off: every candidate that passes is held for a person's word.")
    min_gain: float = Field(
        default=0.0,
        ge=-2,
        le=2,
        description="By how much the candidate's mean test Spearman of the popularity targets must be above the "
        "champion's, on the same test rows; below 0 lets a loss pass.",
    )
    min_gain_over_ridge: float = Field(
        default=0.0, ge=-2, le=2, description="The same over ridge regression on the embedding, for a first champion."
    )
    max_loss_of_target: float = Field(
        default=0.05, ge=0, description="How far below the champion, in Spearman, any one target may rank."
    )
    max_loss_of: dict[str, float] = Field(
        default={}, description="Another bound for single targets, like {clarity = 0.1}."
    )
    min_new_share: float = Field(
        default=0.01,
        ge=0,
        description="A candidate of the champion's own recipe needs at least this share of training rows that came or "
        "went since (or targets that moved by train.min_target_move): the same test rows are not asked twice.",
    )
    operator: str = Field(default="", description="Who decides by hand, in records; default: the user of this host.")
    keep_versions: int = Field(default=10, ge=0, description="Newest versions kept, whatever was decided on them, ...")
    keep_days: float = Field(
        default=90.0,
        ge=1,
        description="... and older ones for this many days; those that an alias, a hold or a prediction names, always.",
    )
