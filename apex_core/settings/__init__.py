"""Every setting of apex, in one frozen model.

Values come, strongest first, from arguments, from ``APEX_*`` environment variables (nested with ``__``, for example
``APEX_TRAIN__EPOCHS=20``), and from a TOML file: the one ``APEX_CONFIG`` names, else ``apex.toml`` in the working
folder. Secrets are read from the environment only.
"""

import os
from functools import lru_cache
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Self, cast

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableSetting

from apex_core.errors import SettingsError
from apex_core.settings.intake import (
    PLATFORMS,
    AudioSettings,
    ConnectorSettings,
    Feed,
    HttpSettings,
    Platform,
    SandboxSettings,
    SourcesSettings,
)
from apex_core.settings.learning import (
    AUTHORS_TRAINING,
    AestheticsSettings,
    Dimension,
    EncoderSettings,
    GpuPoolSettings,
    PromotionSettings,
    RaySettings,
    ScoreSettings,
    TrainSettings,
)
from apex_core.settings.upkeep import ChecksSettings, SnapshotSettings, SqlSettings

__all__ = [
    "AUTHORS_TRAINING",
    "CONFIG_VARIABLE",
    "PLATFORMS",
    "AestheticsSettings",
    "AudioSettings",
    "ChecksSettings",
    "ConnectorSettings",
    "Dimension",
    "EncoderSettings",
    "Feed",
    "GpuPoolSettings",
    "HttpSettings",
    "Platform",
    "PromotionSettings",
    "RaySettings",
    "SandboxSettings",
    "ScoreSettings",
    "Settings",
    "SnapshotSettings",
    "SourcesSettings",
    "SqlSettings",
    "TrainSettings",
    "config_file",
    "get_settings",
]

CONFIG_VARIABLE = "APEX_CONFIG"


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
    gpu_pool: GpuPoolSettings = GpuPoolSettings()
    ray: RaySettings = RaySettings()
    aesthetics: AestheticsSettings = AestheticsSettings()
    # Not a default instance: all of its values would count as named, and a published loss would bring none along.
    train: TrainSettings = Field(default_factory=TrainSettings)
    promotion: PromotionSettings = PromotionSettings()
    snapshot: SnapshotSettings = SnapshotSettings()
    checks: ChecksSettings = ChecksSettings()
    sql: SqlSettings = SqlSettings()
    sandbox: SandboxSettings = SandboxSettings()

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.ray.address and self.encoder.place != "here":
            raise ValueError("the extraction has two places, ray.address and encoder.place: unset one")
        return self

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
