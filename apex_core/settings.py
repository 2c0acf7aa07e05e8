"""Every setting of apex, in one frozen model.

Values come, strongest first, from arguments, from ``APEX_*`` environment variables (nested with ``__``, for example
``APEX_TRAIN__EPOCHS=20``), and from a TOML file: the one ``APEX_CONFIG`` names, else ``apex.toml`` in the working
folder. Secrets are read from the environment only.
"""

import os
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableSetting

from apex_core.errors import SettingsError

CONFIG_VARIABLE = "APEX_CONFIG"

Platform = Literal["suno", "udio"]
PLATFORMS: tuple[Platform, ...] = ("suno", "udio")
Feed = Literal["feed_v1", "feed_v2", "feed_v3", "search"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HttpSettings(_Section):
    """Outgoing HTTP, for connectors and audio."""

    connect_to: dict[str, str] = Field(
        default={},
        description="Host name -> host:port that is dialled instead (the sandbox's loopback server).",
    )
    allow_private: bool = Field(
        default=False,
        description="Let host names resolve to private or loopback addresses. Only for a sandbox.",
    )
    timeout_s: float = Field(default=30.0, gt=0)
    retries: int = Field(default=7, ge=0, description="Tries after the first, on 429, 5xx, time-outs and cuts.")
    backoff_s: float = Field(default=30.0, ge=0, description="First wait without Retry-After; it doubles.")
    deadline_s: float = Field(default=120.0, gt=0, description="Longest time for a page to arrive, however steadily.")
    max_page_mb: float = Field(default=64.0, gt=0, description="Longest page of a platform's API.")
    breaker_failures: int = Field(default=5, ge=1, description="So many failures in a row ...")
    breaker_s: float = Field(default=60.0, ge=0, le=900, description="... leave a platform alone for this long.")


class ConnectorSettings(_Section):
    """One platform's live connector. Off by default: read the platform's terms first."""

    enabled: bool = False
    base_url: str = ""
    token: SecretStr | None = None
    page_size: int = Field(default=20, ge=1, le=100)
    max_pages: int = Field(default=10_000, ge=1, description="Stop and call it a fault beyond this many pages.")
    requests_per_second: float = Field(default=1.0, gt=0, description="Of all processes on this host together.")
    feed: Feed | None = Field(default=None, description="What is listed: feed_v3 (Suno) and search (Udio) by default.")
    lookback_days: float = Field(
        default=7.0, ge=0, description="A listing ends at a page that is older than the watermark by this much."
    )
    full_listing_days: float = Field(default=30.0, ge=0, description="Every so often it goes to the very end instead.")
    revisits_per_run: int = Field(default=5_000, ge=0, description="Known tracks looked at again in one run, at most.")
    revisit_min_days: float = Field(
        default=0.9, gt=0, description="Shortest time between two looks; under a day, since nights begin a bit apart."
    )
    revisit_age_factor: float = Field(
        default=0.1, ge=0, description="Time between two looks, as a share of a track's age."
    )
    revisit_max_days: float = Field(default=60.0, gt=0, description="Longest time between two looks.")
    profiles: tuple[str, ...] = Field(
        default=(), description="Suno: handles whose profiles are listed in full and held against their own sums."
    )


class SourcesSettings(_Section):
    """The platforms' live connectors."""

    max_reject_share: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Stop before committing when more than this share of a file's records would be rejected ...",
    )
    storm_rejects: int = Field(default=100, ge=0, description="... and more than this many.")
    suno: ConnectorSettings = ConnectorSettings(base_url="https://studio-api.prod.suno.com")
    udio: ConnectorSettings = ConnectorSettings(base_url="https://www.udio.com")


class AudioSettings(_Section):
    """Where songs are found or fetched, and the bounds of what is decoded."""

    libraries: tuple[str, ...] = Field(
        default=(),
        description="Folders or s3://bucket/prefix with your own files, by <platform>/<track_id>.<ext> or a "
        "manifest.csv, .jsonl or .parquet (platform, track_id, path; sha256 is checked when given).",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=("cdn1.suno.ai", "cdn2.suno.ai", "storage.googleapis.com"),
        description="Hosts that audio may be fetched from.",
    )
    fetch: bool = Field(default=True, description="Fetch a record's URL when no library has the song.")
    max_bytes: int = Field(default=100_000_000, gt=0)
    max_seconds: float = Field(default=1_800.0, gt=0, description="Longest song decoded.")
    concurrency: int = Field(default=4, ge=1, description="Songs looked for at once.")
    retry_days: tuple[float, ...] = Field(
        default=(1, 3, 7, 30),
        description="Days until an unavailable song is tried again, by attempt; last repeats.",
    )


Dimension = Literal["platform", "age_band", "model_family"]


class ScoreSettings(_Section):
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


class EncoderSettings(_Section):
    """The frozen encoder, and how its work is cut."""

    source: str = Field(
        default="m-a-p/MERT-v1-95M",
        description="Hub id, local folder in the hub's format, or 'tiny-random' (the demo's stand-in, not MERT).",
    )
    revision: str = Field(
        default="12af15fef9d0ac838c3f475bfbbf26d2060dd4f5",
        description="Pinned hub revision; unused for folders.",
    )
    sha256: str | None = Field(default=None, description="Expected hash of the weights file, checked when given.")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps.")
    batch_segments: int = Field(default=4, ge=1)
    shard_songs: int = Field(default=256, ge=1)
    range_shards: int = Field(default=8, ge=1, description="Shards a task takes, at least.")
    max_tasks: int = Field(default=100, ge=1, le=180, description="Most extraction tasks in one flow run.")
    decode_workers: int = Field(default=2, ge=0, description="Decoder processes; 0 decodes and verifies in process.")


class AestheticsSettings(_Section):
    """Where aesthetic labels come from."""

    files: tuple[str, ...] = Field(default=(), description="SongEval result.json files, or globs of them.")
    labeller: str = "songeval"


class TrainSettings(_Section):
    """Heads and training; defaults are the published hyper-parameters (FACTS §3)."""

    mode: Literal["song", "segment"] = "song"
    task: Literal["full", "popularity"] = "full"
    loss: Literal["uncertainty", "weighted", "equal"] = "uncertainty"
    shared: Literal[2, 3] = 2
    epochs: int = Field(default=50, ge=1)
    patience: int = Field(default=20, ge=1)
    batch_size: int = Field(default=512, ge=2)
    learning_rate: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    seed: int = 42
    device: str = "auto"
    min_tracks: int = Field(default=20, ge=4, description="Fewer labelled, embedded tracks than this: no training.")
    min_new_share: float = Field(
        default=0.01,
        ge=0,
        description="Retrain when at least this share of the training rows came or went ...",
    )
    min_target_move: float = Field(
        default=0.5, ge=0, description="... or a popularity target moved by this many points on average."
    )


class PromotionSettings(_Section):
    """When a candidate becomes the champion."""

    automatic: bool = True
    max_loss_of_spearman: float = Field(
        default=0.02,
        ge=0,
        description="How far below the champion, on the same test rows, a candidate may rank.",
    )


class SnapshotSettings(_Section):
    """How long snapshots and backups are kept, and what is remembered of runs."""

    keep_days: float = Field(default=7.0, ge=1, description="Days that a snapshot is kept after a newer one came.")
    backups: int = Field(default=7, ge=1, description="Newest backups kept.")
    history_days: float = Field(
        default=400.0, ge=1, description="Days that figures of runs (run_stat) stay in the catalog."
    )


class ChecksSettings(_Section):
    """When figures that may be true are worth a warning, and when they stop a run (``sql/checks``)."""

    keep_days: float = Field(default=90.0, ge=1, description="How long the results of checks are kept.")
    drift_min_tracks: int = Field(
        default=100,
        ge=1,
        description="Cohorts smaller than this are not looked at for drift: there a few songs move all percentiles.",
    )
    drift_points: float = Field(default=10.0, gt=0, description="A score that moved by more than this has moved.")
    drift_mean_warn: float = Field(
        default=3.0, ge=0, description="Mean move of a cohort's scores since the last published run, in points; ..."
    )
    drift_mean_block: float = Field(
        default=15.0,
        ge=0,
        description="... this much is more than half of the 26.7 that scores dealt out anew at random would move.",
    )
    drift_moved_warn: float = Field(default=0.1, ge=0, description="Share of a cohort's scores that moved; ...")
    drift_moved_block: float = Field(default=0.5, ge=0, description="... half of them: something else has changed.")
    vanished_warn: float = Field(
        default=0.05, ge=0, description="Share of a cohort's tracks that are scored no more; single ones go every day."
    )
    vanished_block: float = Field(default=0.3, ge=0, description="So many do not leave in a night.")
    rejects_min: int = Field(default=20, ge=0, description="Fewer new rejects than this say nothing.")
    rejects_warn: float = Field(
        default=0.02, ge=0, description="New rejects as a share of the records since the last published run; ..."
    )
    rejects_block: float = Field(
        default=0.1, ge=0, description="... half of what stops a single file (sources.max_reject_share)."
    )
    unencoded_warn: float = Field(
        default=0.01, ge=0, description="Share of the tracks with audio that have neither vector nor a reason."
    )
    coverage_fall_warn: float = Field(
        default=0.05, ge=0, description="Fall of the share that has, since the last published run."
    )


class SqlSettings(_Section):
    """What a query of ``apex sql``, its prompt or the cookbook may take."""

    timeout_s: float = Field(default=300.0, ge=0, description="Seconds until it is stopped; 0: never.")
    memory_limit: str = Field(default="4GB", description="DuckDB's memory limit; a query that needs more fails.")


class SandboxSettings(_Section):
    """The offline platform of the demo."""

    seed: int = 7
    songs: int = Field(default=240, ge=8)
    min_seconds: float = Field(default=6.0, ge=1)
    max_seconds: float = Field(default=14.0, ge=1)
    workers: int = Field(default=2, ge=1)


class Settings(BaseSettings):
    """All of it. ``home`` holds what must be on this host's disk; ``store`` may be a folder or ``s3://``."""

    model_config = SettingsConfigDict(
        env_prefix="APEX_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
        hide_input_in_errors=True,
    )

    home: Annotated[Path, NoDecode] = Path(".apex")
    store: str = Field(default="", description="Folder or s3://bucket/prefix; default: <home>/store.")
    lock_timeout_s: float = Field(default=300.0, ge=0, description="Longest wait for the catalog.")
    memory_limit: str = Field(default="1GB", description="DuckDB's memory limit; what does not fit is spilled to disk.")
    threads: int = Field(default=0, ge=0, description="DuckDB threads; 0 takes every core.")
    min_free_gb: float = Field(default=1.0, ge=0, description="Free disk that `apex doctor` and the nightly ask for.")
    http: HttpSettings = HttpSettings()
    sources: SourcesSettings = SourcesSettings()
    audio: AudioSettings = AudioSettings()
    score: ScoreSettings = ScoreSettings()
    encoder: EncoderSettings = EncoderSettings()
    aesthetics: AestheticsSettings = AestheticsSettings()
    train: TrainSettings = TrainSettings()
    promotion: PromotionSettings = PromotionSettings()
    snapshot: SnapshotSettings = SnapshotSettings()
    checks: ChecksSettings = ChecksSettings()
    sql: SqlSettings = SqlSettings()
    sandbox: SandboxSettings = SandboxSettings()

    @property
    def catalog_path(self) -> Path:
        return self.home / "catalog.duckdb"

    @property
    def store_url(self) -> str:
        return self.store or str(self.home / "store")

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _TomlWithoutSecrets(settings_cls, config_file())


class _TomlWithoutSecrets(TomlConfigSettingsSource):
    """The TOML file; files are shared and committed, so a secret in one is refused."""

    def __call__(self) -> dict[str, Any]:
        values = super().__call__()
        sources = cast(dict[str, Any], values.get("sources") or {})
        for platform in PLATFORMS:
            if "token" in (sources.get(platform) or {}):
                name = f"APEX_SOURCES__{platform.upper()}__TOKEN"
                raise SettingsError(
                    f"{config_file()} holds a token; secrets come from the environment.", fix=f"set {name}"
                )
        return values


def config_file() -> Path:
    """The TOML file that settings are read from; it need not exist unless ``APEX_CONFIG`` names it."""
    return Path(os.environ.get(CONFIG_VARIABLE) or "apex.toml")


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read the settings once a process.

    Raises SettingsError naming the offending settings.
    """
    path = config_file()
    if os.environ.get(CONFIG_VARIABLE) and not path.is_file():
        raise SettingsError(f"{CONFIG_VARIABLE} names {path}, which is not a file.", fix=f"unset {CONFIG_VARIABLE}")
    try:
        return Settings()
    except (TOMLDecodeError, UnreadableSetting) as error:
        raise SettingsError(f"Settings cannot be read: {error}", fix=f"look at APEX_* variables and {path}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"Settings are wrong: {faults}", fix=f"look at APEX_* variables and {path}") from error
