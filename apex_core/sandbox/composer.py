"""The composer: musical attributes in, a stereo waveform out."""

from collections.abc import Callable
from functools import cache

import numpy as np

from apex_core.sandbox import instruments
from apex_core.sandbox.arrangement import STEPS, Note, Voice, arrange
from apex_core.sandbox.attributes import Attributes
from apex_core.sandbox.instruments import Wave

_LEVELS: dict[Voice, float] = {
    "bass": 0.55,
    "pad": 0.2,
    "lead": 0.4,
    "arp": 0.3,
    "kick": 1.2,
    "snare": 0.4,
    "hat": 0.2,
}
_DRUMS: tuple[Voice, ...] = ("kick", "snare", "hat")
# Left-right position at full width, -1..1.
_PANS: dict[Voice, float] = {
    "bass": 0,
    "pad": 0,
    "lead": 0.2,
    "arp": -0.7,
    "kick": 0,
    "snare": 0.1,
    "hat": 0.6,
}


def compose(song: Attributes, seconds: float, rate: int, seed: int) -> Wave:
    """Compose a song.

    Returns float32[round(seconds * rate), 2] within -1..1. The same arguments give the same samples.
    """
    rng = np.random.default_rng(seed)
    samples = round(seconds * rate)
    step = 60.0 / song.tempo / 4 * rate
    bars = int(np.ceil(samples / (step * STEPS)))
    play = _orchestra(song, rate, step, rng)
    layers: dict[Voice, Wave] = {voice: np.zeros(samples, dtype=np.float32) for voice in _LEVELS}
    for note in arrange(song, bars, rng):
        _place(layers[note.voice], play(note.voice, note.midi, note.length), round(note.step * step), note)
    return _master(_mixdown(song, layers, rate), song, rate)


def _place(layer: Wave, sound: Wave, start: int, note: Note) -> None:
    end = min(start + len(sound), len(layer))
    if end > start:
        layer[start:end] += sound[: end - start] * np.float32(note.gain)


def _orchestra(song: Attributes, rate: int, step: float, rng: np.random.Generator) -> Callable[[Voice, int, int], Wave]:
    """A player that renders each distinct note once: songs repeat themselves, which is what makes this fast."""
    drums: dict[Voice, Wave] = {
        "kick": instruments.kick(rate),
        "snare": instruments.snare(rate, rng),
        "hat": instruments.hat(rate, rng),
    }

    @cache
    def play(voice: Voice, midi: int, length: int) -> Wave:
        if voice in drums:
            return drums[voice]
        return _tone(song, voice, midi, int(length * step), rate)

    return play


def _tone(song: Attributes, voice: Voice, midi: int, samples: int, rate: int) -> Wave:
    hz = instruments.frequency(midi)
    brightness = song.brightness * (0.6 if voice == "bass" else 1.0)
    table = instruments.overtone_table(hz, rate, brightness, song.hollow)
    if voice == "pad":
        # Two slightly detuned strings: a chorus, not a beep.
        strings = [instruments.oscillate(table, hz * detune, samples, rate) for detune in (0.9975, 1.0025)]
        return (strings[0] + strings[1]) * instruments.held(samples, rate, attack=0.08)
    decay = {"bass": 0.6, "lead": 0.35}.get(voice, 0.14)
    return instruments.oscillate(table, hz, samples, rate) * instruments.plucked(samples, rate, decay)


def _mixdown(song: Attributes, layers: dict[Voice, Wave], rate: int) -> Wave:
    stereo = np.zeros((2, len(layers["pad"])), dtype=np.float32)
    for voice, layer in layers.items():
        level = _LEVELS[voice] * (song.percussion if voice in _DRUMS else 1.0)
        pan = _PANS[voice] * song.width
        stereo[0] += layer * np.float32(level * np.sqrt((1 - pan) / 2))
        stereo[1] += layer * np.float32(level * np.sqrt((1 + pan) / 2))
    return _widen(stereo, layers["pad"], song.width, rate)


def _widen(stereo: Wave, pad: Wave, width: float, rate: int) -> Wave:
    """Add the pad's late echo with opposite signs left and right: width that a mono sum does not hear."""
    late = int(0.011 * rate)
    side = pad[:-late] * np.float32(0.12 * width)
    stereo[0, late:] += side
    stereo[1, late:] -= side
    return stereo


def _master(stereo: Wave, song: Attributes, rate: int) -> Wave:
    """Set the level, saturate loud songs, leave room for what mp3 adds to peaks, fade both ends."""
    power = float(np.sqrt(np.mean(stereo**2))) or 1.0
    drive = 0.12 * 6.0**song.loudness
    np.tanh(stereo * np.float32(drive / power), out=stereo)
    stereo *= np.float32(0.35 + 0.45 * song.loudness)
    fade = min(int(0.25 * rate), stereo.shape[1] // 4)
    stereo[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return np.ascontiguousarray(stereo.T)
