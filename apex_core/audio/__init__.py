"""Audio: find or fetch, verify, decode, resample, segment; and the feed that decodes ahead elsewhere.

Names are looked up when first used, so that finding and fetching songs does not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apex_core.audio.decoding import decode
    from apex_core.audio.device import windows_on
    from apex_core.audio.facts import SAMPLE_RATE, SEGMENT_SAMPLES, SEGMENT_SECONDS, AudioFacts, AudioRef
    from apex_core.audio.feed import Feed
    from apex_core.audio.fetch import Fetcher
    from apex_core.audio.library import Listing, list_libraries
    from apex_core.audio.verification import digest, verify
    from apex_core.audio.verifier import Verifier
    from apex_core.audio.whereabouts import reach
    from apex_core.audio.windows import NativeSong, Windows, segments

_HOMES = {
    "SAMPLE_RATE": "facts",
    "SEGMENT_SAMPLES": "facts",
    "SEGMENT_SECONDS": "facts",
    "AudioFacts": "facts",
    "AudioRef": "facts",
    "Feed": "feed",
    "Fetcher": "fetch",
    "Listing": "library",
    "NativeSong": "windows",
    "Verifier": "verifier",
    "Windows": "windows",
    "decode": "decoding",
    "digest": "verification",
    "list_libraries": "library",
    "reach": "whereabouts",
    "segments": "windows",
    "verify": "verification",
    "windows_on": "device",
}

__all__ = [
    "SAMPLE_RATE",
    "SEGMENT_SAMPLES",
    "SEGMENT_SECONDS",
    "AudioFacts",
    "AudioRef",
    "Feed",
    "Fetcher",
    "Listing",
    "NativeSong",
    "Verifier",
    "Windows",
    "decode",
    "digest",
    "list_libraries",
    "reach",
    "segments",
    "verify",
    "windows_on",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
