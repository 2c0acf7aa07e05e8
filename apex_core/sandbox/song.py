"""The facts of one planned item of the sandbox."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from apex_core.sandbox.attributes import Attributes
from apex_core.settings import Platform

EPOCH = datetime(2026, 11, 1, tzinfo=UTC)  # virtual day 0
AUDIO_HOST = "audio.sandbox.test"  # in records; clients dial the server's address instead

Fate = Literal[
    "song",
    # listed, but never to be scored
    "private",
    "trashed",
    "submitted",
    "streaming",
    "unfinished",
    "error",
    "preview",
    "stem",
    # not a song at all
    "playlist",
    # rows that break the contract
    "no_id",
    "bad_id",
    "negative_count",
    "garbage_count",
    "garbage_created_at",
]
Sound = Literal["file", "forbidden", "none_mp3", "http_403", "html", "truncated", "empty", "absent"]
Vintage = Literal["2024_nulls", "2024_omitted", "2026_full", "2026_medium", "2026_slim", "31_keys", "early_drift"]
Codec = Literal["mp3", "flac"]


@dataclass(frozen=True, slots=True)
class Creator:
    """Someone who publishes songs; ``fame`` lifts all of them."""

    creator_id: str
    name: str
    fame: float


@dataclass(frozen=True, slots=True)
class Song:
    """One item of a platform: usually a song, sometimes what its ``fate`` says."""

    platform: Platform
    track_id: str
    title: str
    tags: tuple[str, ...]
    creator: Creator
    created_at: datetime
    vintage: Vintage
    attributes: Attributes
    seconds: float
    rate: int
    codec: Codec
    seed: int
    fate: Fate = "song"
    sound: Sound = "file"
    root_id: str | None = None
    lineage: Literal["edit", "cover"] | None = None
    deleted_at: datetime | None = None
    falls: bool = False

    @property
    def key(self) -> tuple[Platform, str]:
        return self.platform, self.track_id

    @property
    def file_name(self) -> str:
        """Path of the audio below the world's folder and in the audio URL."""
        return f"{self.platform}/{self.track_id}.{self.codec}"

    def visible(self, clock: datetime) -> bool:
        """Whether the platform shows it at this time."""
        return self.created_at <= clock and (self.deleted_at is None or clock < self.deleted_at)
