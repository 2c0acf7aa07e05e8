"""Who plays what when: sections, chords, hook and drums, on a grid of sixteenths."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from apex_core.sandbox.attributes import VALENCE, Attributes, Mode

STEPS = 16  # sixteenths a bar
SCALES: dict[Mode, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}
PROGRESSIONS = (
    (0, 4, 5, 3),
    (0, 5, 3, 4),
    (5, 3, 0, 4),
    (0, 3, 4, 3),
    (1, 4, 0, 0),
    (0, 3, 5, 4),
    (0, 6, 3, 0),
    (0, 2, 3, 4),
)
FORM: tuple["Section", ...] = ("verse", "chorus", "verse", "chorus", "bridge", "chorus")

Section = Literal["verse", "chorus", "bridge"]
Voice = Literal["bass", "pad", "lead", "arp", "kick", "snare", "hat"]


@dataclass(frozen=True, slots=True)
class Note:
    """One note: ``step`` counts sixteenths from the song's start; ``midi`` is unused by drums."""

    voice: Voice
    step: int
    length: int
    midi: int = 0
    gain: float = 1.0


def arrange(song: Attributes, bars: int, rng: np.random.Generator) -> Iterator[Note]:
    """Yield every note of a song of ``bars`` bars, bar by bar."""
    chords = PROGRESSIONS[song.progression % len(PROGRESSIONS)]
    hook = _phrase(song, rng)
    section_bars = max(1, min(8, bars // 4))
    for bar in range(bars):
        section = FORM[bar // section_bars % len(FORM)]
        gain = 1.0 if section == "chorus" else 1 - 0.65 * song.contrast
        phrase = hook if rng.random() < song.repetition else _phrase(song, rng)
        for note in _bar(song, chords[bar % 4], section, phrase, rng):
            yield Note(note.voice, bar * STEPS + note.step, note.length, note.midi, note.gain * gain)


def _bar(
    song: Attributes, chord: int, section: Section, phrase: list[tuple[int, int]], rng: np.random.Generator
) -> Iterator[Note]:
    yield from _bass(song, chord)
    yield from _pad(song, chord)
    yield from _lead(song, chord, section, phrase)
    yield from _arp(song, chord, section, rng)
    if section != "bridge":
        yield from _drums(song, rng)


def pitch(song: Attributes, degree: int, octave: int) -> int:
    """MIDI number of a scale degree; dark modes sit a fourth lower, as a player would place them."""
    scale = SCALES[song.mode]
    home = 48 + song.key % 12 - (0 if VALENCE[song.mode] > 0.5 else 5)
    return home + 12 * (octave + degree // 7) + scale[degree % 7]


def _bass(song: Attributes, chord: int) -> Iterator[Note]:
    length = 4 if song.density > 0.6 else 8
    for step in range(0, STEPS, length):
        yield Note("bass", step, length, pitch(song, chord, -1))


def _pad(song: Attributes, chord: int) -> Iterator[Note]:
    for third in range(3 + int(2.99 * song.harmony)):
        yield Note("pad", 0, STEPS, pitch(song, chord + 2 * third, 0))


def _lead(song: Attributes, chord: int, section: Section, phrase: list[tuple[int, int]]) -> Iterator[Note]:
    octave = 2 if section == "chorus" else 1
    for step, degree in phrase:
        yield Note("lead", step, 3, pitch(song, chord + degree, octave))


def _arp(song: Attributes, chord: int, section: Section, rng: np.random.Generator) -> Iterator[Note]:
    """Broken chords; density decides on how many of the sixteenths."""
    share = song.density * (1.0 if section == "chorus" else 0.8)
    for step in np.flatnonzero(rng.random(STEPS) < share):
        yield Note("arp", int(step), 2, pitch(song, chord + 2 * int(step % 4), 1))


def _drums(song: Attributes, rng: np.random.Generator) -> Iterator[Note]:
    if song.percussion < 0.08:
        return
    for step in range(0, STEPS, 4 if song.percussion > 0.5 else 8):
        yield Note("kick", step, 1)
    for step in (4, 12):
        yield Note("snare", step, 1)
    every = 4 if song.density < 0.3 else 2
    ghost = np.flatnonzero(rng.random(STEPS) < 0.5 * song.percussion * song.density)
    for step in sorted({*range(0, STEPS, every), *map(int, ghost)}):
        yield Note("hat", step, 1, gain=1.0 if step % 4 == 2 else 0.6)


def _phrase(song: Attributes, rng: np.random.Generator) -> list[tuple[int, int]]:
    """One bar of melody: (step, scale degree above the chord), walking in small steps."""
    strong = np.where(np.arange(STEPS) % 4 == 0, 0.55, 0.18)
    steps = np.flatnonzero(rng.random(STEPS) < strong * (0.5 + song.density))
    walk = np.cumsum(rng.integers(-2, 3, size=len(steps)))
    return [(int(step), int(degree) % 7) for step, degree in zip(steps, walk, strict=True)]
