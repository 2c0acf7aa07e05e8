"""What helps a song whose audio could not be had."""

import re
from datetime import datetime

# How a reason begins (apex_core.audio, pipeline.finding) -> what somebody can do about it.
_REMEDIES = (
    (r"host not allowed: (\S+)", "{0} in APEX_AUDIO__ALLOWED_HOSTS, or {file}"),
    (r"host resolves to a private address", "a public address in its record, or {file}"),
    (r"fetching is switched off", "APEX_AUDIO__FETCH=true, or {file}"),
    (r"in no library, and the record has no URL", "{file}, or a record with an address"),
    (r"more than \d+ bytes", "a higher APEX_AUDIO__MAX_BYTES, or {file} that is smaller"),
    (r"longer than", "a higher APEX_AUDIO__MAX_SECONDS, or {file} that is shorter"),
    (r"not the bytes that its manifest names", "the right file, or its right sha256 in the library's manifest"),
    (r"file (?:not readable|not found)|not a file", "the library mounted and readable, or {file}"),
    (
        r"withheld by the platform|never rendered|a live stream|no address|not an (?:http )?address|an address with",
        "{file}",
    ),
)
_GONE = "library file gone; "


def audio_remedy(reason: str, platform: str, track_id: str, next_try_at: datetime | None) -> tuple[bool, str]:
    """Whether somebody has to act, and what moves the song on: a setting, a file, or the next try by itself."""
    file = f"a file {platform}/{track_id}.* in an audio library"
    tried = f"tried again on {next_try_at:%Y-%m-%d}" if next_try_at else "not tried again by itself"
    rest = reason.removeprefix(_GONE)
    for pattern, remedy in _REMEDIES:
        if found := re.match(pattern, rest):
            return True, f"{remedy.format(*found.groups(), file=file)}; {tried}"
    if next_try_at is None:
        return True, f"{file}; {tried}"
    return False, f"{tried} by itself; sooner by {file} or a backfill of its audio"
