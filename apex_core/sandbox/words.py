"""Invented names, titles and tags."""

import numpy as np

from apex_core.sandbox.attributes import VALENCE, Attributes

_FIRST = [
    "Amber",
    "Cobalt",
    "Distant",
    "Electric",
    "Gentle",
    "Hollow",
    "Ivory",
    "Lunar",
    "Northern",
    "Paper",
    "Quiet",
    "Restless",
    "Scarlet",
    "Slow",
    "Velvet",
    "Winter",
]
_SECOND = [
    "Arcade",
    "Bridges",
    "Canyon",
    "Engines",
    "Fever",
    "Gardens",
    "Harbor",
    "Letters",
    "Machines",
    "Orchard",
    "Radio",
    "Signals",
    "Summer",
    "Tide",
    "Windows",
    "Year",
]
_HANDLES = ["bass", "cassette", "drift", "echo", "fern", "glow", "halo", "indigo", "loop", "mono", "nova", "pulse"]


def title(rng: np.random.Generator) -> str:
    """Two invented words."""
    return f"{_FIRST[rng.integers(len(_FIRST))]} {_SECOND[rng.integers(len(_SECOND))]}"


def handle(rng: np.random.Generator) -> str:
    """A creator's name: two words and a number."""
    first, second = rng.integers(len(_HANDLES), size=2)
    return f"{_HANDLES[first]}{_HANDLES[second]}{rng.integers(10, 1000)}"


def tags(song: Attributes) -> tuple[str, ...]:
    """What a platform would write under such a song."""
    mood = "uplifting" if VALENCE[song.mode] > 0.5 else "melancholic"
    style = "synth pop" if song.brightness > 0.6 else "ambient" if song.percussion < 0.35 else "lo-fi"
    drums = "driving drums" if song.percussion > 0.6 else "soft drums"
    return style, mood, song.mode, drums, f"{song.tempo:.0f} bpm"
