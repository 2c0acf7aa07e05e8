"""What travels between stages about a song's audio, and the numbers of FACTS §2."""

from dataclasses import dataclass
from typing import Literal

SAMPLE_RATE = 24_000
SEGMENT_SECONDS = 30
SEGMENT_SAMPLES = SAMPLE_RATE * SEGMENT_SECONDS
HIGHEST_NATIVE_RATE = 48_000
"""Songs above it are resampled where they are decoded: less to move, and to keep, than to gain."""

Origin = Literal["library", "fetched"]


@dataclass(frozen=True, slots=True)
class AudioRef:
    """Where one song's audio lies: ``uri`` is a path or s3:// address (library), or a key in the store (fetched)."""

    sha256: str
    uri: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What a verified file is: its hash and size, its codec, and its true length as decoded."""

    sha256: str
    bytes: int
    codec: str
    sample_rate: int
    channels: int
    duration_s: float
