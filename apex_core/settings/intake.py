"""Settings of what comes in: platforms, audio, and the offline platform of the demo."""

from typing import Literal

from pydantic import Field, SecretStr

from apex_core.settings.section import Section

Platform = Literal["suno", "udio"]
PLATFORMS: tuple[Platform, ...] = ("suno", "udio")
Feed = Literal["feed_v1", "feed_v2", "feed_v3", "search"]


class HttpSettings(Section):
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


class ConnectorSettings(Section):
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


class SourcesSettings(Section):
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


class AudioSettings(Section):
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
    ahead_mb: float = Field(
        default=256.0,
        gt=0,
        description="Decoded audio that may wait for the encoder, in MB for each decoder process (0.1 MB a second).",
    )
    concurrency: int = Field(default=4, ge=1, description="Songs looked for at once.")
    retry_days: tuple[float, ...] = Field(
        default=(1, 3, 7, 30),
        description="Days until an unavailable song is tried again, by attempt; last repeats.",
    )


class SandboxSettings(Section):
    """The offline platform of the demo."""

    seed: int = 7
    songs: int = Field(default=240, ge=8)
    min_seconds: float = Field(default=6.0, ge=1)
    max_seconds: float = Field(default=14.0, ge=1)
    workers: int = Field(default=2, ge=1)
