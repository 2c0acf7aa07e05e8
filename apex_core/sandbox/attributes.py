"""What a synthetic song is made of, and how much people like such songs.

The appeal below is the sandbox's ground truth: smooth, noise-free, a function of a song's attributes alone. The
attributes with the largest weights (brightness, percussion, density, mode, tempo) change spectrum and texture, so that
even an encoder with random weights hears some of them.
"""

from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

import numpy as np

Mode = Literal["major", "mixolydian", "dorian", "minor", "phrygian"]
MODES: tuple[Mode, ...] = get_args(Mode)
VALENCE: dict[Mode, float] = {"major": 1.0, "mixolydian": 0.75, "dorian": 0.4, "minor": 0.2, "phrygian": 0.0}
TEMPO_RANGE = (66.0, 172.0)
AESTHETICS = ("Coherence", "Musicality", "Memorability", "Clarity", "Naturalness")

# Mean and deviation of the raw appeals over freshly drawn songs, so that both truths are about standard normal.
_STREAMS_MEAN, _STREAMS_SD = 3.008, 0.676
_LIKES_MEAN, _LIKES_SD = 0.959, 0.759


@dataclass(frozen=True, slots=True)
class Attributes:
    """A song's musical attributes; 0..1 unless a unit is given."""

    tempo: float  # beats a minute
    key: int  # pitch class, 0 = C
    mode: Mode
    progression: int  # which of the composer's chord progressions, modulo their number
    brightness: float  # how far up the overtones reach
    hollow: float  # how far even overtones are missing
    density: float  # notes a beat
    percussion: float  # presence of drums
    loudness: float  # level and saturation
    contrast: float  # quiet verse against loud chorus
    harmony: float  # triads at 0, ninth chords at 1
    repetition: float  # how often the hook comes back
    width: float  # stereo width


Knob = Literal[
    "brightness", "hollow", "density", "percussion", "loudness", "contrast", "harmony", "repetition", "width"
]
KNOBS: tuple[Knob, ...] = get_args(Knob)


def draw(rng: np.random.Generator) -> Attributes:
    """Draw one song's attributes; knobs are independent and lean to the middle."""
    knobs = {name: float(rng.beta(1.3, 1.3)) for name in KNOBS}
    return Attributes(
        tempo=float(rng.uniform(*TEMPO_RANGE)),
        key=int(rng.integers(12)),
        mode=MODES[int(rng.integers(len(MODES)))],
        progression=int(rng.integers(64)),
        **knobs,
    )


def vary(song: Attributes, rng: np.random.Generator, amount: float = 0.1) -> Attributes:
    """An edit or cover: the same key, mode and chords, every knob moved a little."""
    moved = {name: float(np.clip(getattr(song, name) + rng.normal(0, amount), 0, 1)) for name in KNOBS}
    tempo = float(np.clip(song.tempo * rng.normal(1, amount / 3), *TEMPO_RANGE))
    return replace(song, tempo=tempo, **moved)


def _hill(x: float, top: float, width: float) -> float:
    return float(np.exp(-(((x - top) / width) ** 2)))


def _rise(x: float, middle: float, slope: float) -> float:
    return float(1 / (1 + np.exp(-slope * (x - middle))))


def streams_appeal(song: Attributes) -> float:
    """How much a song invites playing: standardised, higher is better.

    Sum of a hill over brightness (top .75), a rise with percussion (middle .4), a saturating rise with density, the
    mode's valence, a hill over tempo (top 126), a little loudness and contrast.
    """
    raw = (
        1.5 * _hill(song.brightness, 0.75, 0.42)
        + 1.1 * _rise(song.percussion, 0.4, 6.0)
        + 0.9 * (1 - float(np.exp(-2.5 * song.density)))
        + 0.6 * VALENCE[song.mode]
        + 0.6 * _hill(song.tempo, 126.0, 34.0)
        + 0.25 * song.loudness
        + 0.2 * _hill(song.contrast, 0.6, 0.3)
    )
    return (raw - _STREAMS_MEAN) / _STREAMS_SD


def likes_appeal(song: Attributes) -> float:
    """How much a song invites liking: mostly what invites playing, and also valence, hooks and rich chords."""
    raw = (
        0.6 * streams_appeal(song)
        + 0.7 * VALENCE[song.mode]
        + 0.6 * _hill(song.repetition, 0.65, 0.35)
        + 0.5 * _rise(song.harmony, 0.45, 6.0)
    )
    return (raw - _LIKES_MEAN) / _LIKES_SD


def appeal(song: Attributes) -> dict[str, float]:
    """The noise-free targets, squeezed to 0..100 (50 = an average song)."""
    raw = {"score_streams": streams_appeal(song), "score_likes": likes_appeal(song)}
    return {name: round(100 * _rise(value, 0.0, 1.6), 6) for name, value in raw.items()}


def aesthetics(song: Attributes, rng: np.random.Generator) -> dict[str, float]:
    """The five SongEval dimensions on 1..5: attributes plus a listener's noise, 4 decimals (FACTS §6)."""
    heard = {
        "Coherence": 1.4 * (song.repetition - 0.5) + 0.9 * (VALENCE[song.mode] - 0.5) + 0.6 * (song.percussion - 0.5),
        "Musicality": 1.5 * (song.harmony - 0.5) + 1.2 * (_hill(song.brightness, 0.65, 0.35) - 0.6),
        "Memorability": 1.6 * (song.repetition - 0.5) + 0.8 * (song.percussion - 0.5) + 0.5 * (song.density - 0.5),
        "Clarity": 1.4 * (song.contrast - 0.5) + 1.0 * (song.brightness - 0.5) - 0.6 * (song.density - 0.5),
        "Naturalness": 1.2 * (0.5 - song.hollow) + 1.1 * (0.5 - song.loudness) + 0.5 * (0.5 - song.brightness),
    }
    return {name: _on_scale(3.1 + value + rng.normal(0, 0.3)) for name, value in heard.items()}


def _on_scale(value: float) -> float:
    return round(float(np.clip(value, 1.0, 5.0)), 4)


def as_dict(song: Attributes) -> dict[str, float | int | str]:
    """The attributes as a JSON-able mapping."""
    return {field.name: getattr(song, field.name) for field in fields(song)}
