"""Plays and likes as a function of a song and a time.

A song's final counts are log-normal in a latent that mixes its noise-free appeal with luck and its creator's fame;
quiet songs stay at zero. Counts grow towards the final ones as age / (age + half), and a song's counter is refreshed
once a day, at the hour the song was published.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from apex_core.sandbox.attributes import likes_appeal, streams_appeal
from apex_core.sandbox.song import EPOCH, Song

APPEAL_WEIGHT = 0.88  # correlation of the latent with the appeal: sets the ceiling of what audio can predict
FALL_AT = EPOCH + timedelta(hours=36)  # when a few counters are corrected downwards

# Log-median and log-deviation of final counts, and the latent below which a song stays at zero.
_PLAYS = (4.6, 2.0, -0.8)
_LIKES = (2.8, 1.8, -0.75)
_UDIO_SHIFT = -0.7


@dataclass(frozen=True, slots=True)
class Counts:
    """What a platform's counters show."""

    plays: int
    likes: int


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a song's counts grow to, and how fast (days to half)."""

    plays: float
    likes: float
    half_days: float


def crowd(song: Song) -> Crowd:
    """Draw the song's audience from its own seed."""
    rng = np.random.default_rng([song.seed, 1])
    luck = 0.5 * song.creator.fame + np.sqrt(0.75) * rng.normal()
    taste = 0.85 * luck + np.sqrt(1 - 0.85**2) * rng.normal()
    half = float(np.exp(rng.normal(np.log(9.0), 0.35)))
    shift = _UDIO_SHIFT if song.platform == "udio" else 0.0
    return Crowd(
        plays=_final(streams_appeal(song.attributes), luck, _PLAYS, shift),
        likes=_final(likes_appeal(song.attributes), taste, _LIKES, shift),
        half_days=half,
    )


def _final(appeal: float, luck: float, shape: tuple[float, float, float], shift: float) -> float:
    middle, spread, quiet = shape
    latent = APPEAL_WEIGHT * appeal + np.sqrt(1 - APPEAL_WEIGHT**2) * luck
    above = np.exp(spread * latent) - np.exp(spread * quiet)
    return float(max(0.0, above) * np.exp(middle + shift))


def counts(song: Song, at: datetime) -> Counts:
    """The song's counters at a time. They rise, but for the few songs that are corrected after ``FALL_AT``."""
    days = max(0, (at - song.created_at) // timedelta(days=1))
    final = crowd(song)
    share = days / (days + final.half_days)
    if song.falls and at >= FALL_AT:
        share *= 0.85
    return Counts(plays=int(final.plays * share), likes=int(final.likes * share))
