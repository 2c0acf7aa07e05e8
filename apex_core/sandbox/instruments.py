"""Sounds: overtone tables, plucked and held notes, drums. All float32, all at the song's sample rate."""

import numpy as np
import numpy.typing as npt

Wave = npt.NDArray[np.float32]

_TABLE = 4096


def frequency(midi: float) -> float:
    """Pitch in Hz of a MIDI note number (69 = 440 Hz)."""
    return 440.0 * 2.0 ** ((midi - 69) / 12)


def overtone_table(hz: float, rate: int, brightness: float, hollow: float) -> Wave:
    """One period of a tone, band-limited, at unit power.

    Overtones fall off as k^-slope and die beyond a cutoff; brightness sets both, from a dull 500 Hz to 16 kHz.
    """
    harmonics = np.arange(1, max(2, int(0.45 * rate / hz)) + 1, dtype=np.float64)[: _TABLE // 2 - 1]
    cutoff = 500.0 * 32.0**brightness
    level = harmonics ** -(2.5 - 1.9 * brightness) / (1 + (harmonics * hz / cutoff) ** 4)
    level[1::2] *= 1 - 0.9 * hollow
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(level) + 1] = level * np.exp(1j * 2.4 * harmonics**1.5)
    table = np.fft.irfft(spectrum)
    return (table / np.sqrt(np.mean(table**2))).astype(np.float32)


def oscillate(table: Wave, hz: float, samples: int, rate: int) -> Wave:
    """Play a table at a pitch for a number of samples."""
    steps = np.arange(samples, dtype=np.int64) * int(hz / rate * _TABLE * 65536)
    return table[(steps >> 16) & (_TABLE - 1)]


def plucked(samples: int, rate: int, decay: float) -> Wave:
    """An envelope that jumps up and dies away with the given time constant in seconds."""
    seconds = np.arange(samples, dtype=np.float32) / rate
    return _edged(np.exp(-seconds / decay), rate)


def held(samples: int, rate: int, attack: float) -> Wave:
    """An envelope that rises over ``attack`` seconds, stays, and falls over a tenth of its length."""
    shape = np.ones(samples, dtype=np.float32)
    rise, fall = min(int(attack * rate), samples // 2), max(1, samples // 10)
    shape[:rise] = np.linspace(0, 1, rise, dtype=np.float32)
    shape[-fall:] *= np.linspace(1, 0, fall, dtype=np.float32)
    return _edged(shape, rate)


def _edged(shape: Wave, rate: int) -> Wave:
    """Take the clicks off both ends: 3 ms ramps."""
    edge = min(int(0.003 * rate), len(shape) // 2)
    ramp = np.linspace(0, 1, edge, dtype=np.float32)
    shape[:edge] *= ramp
    shape[len(shape) - edge :] *= ramp[::-1]
    return shape


def kick(rate: int) -> Wave:
    """A sine that falls from 160 to 48 Hz."""
    seconds = np.arange(int(0.28 * rate), dtype=np.float32) / rate
    sweep = 2 * np.pi * (48 * seconds + 112 * 0.035 * (1 - np.exp(-seconds / 0.035)))
    return (np.sin(sweep) * np.exp(-seconds / 0.09)).astype(np.float32)


def snare(rate: int, rng: np.random.Generator) -> Wave:
    """Noise over a short 190 Hz tone."""
    seconds = np.arange(int(0.2 * rate), dtype=np.float32) / rate
    noise = rng.standard_normal(len(seconds), dtype=np.float32) * np.exp(-seconds / 0.055)
    return (0.5 * noise + 0.5 * np.sin(2 * np.pi * 190 * seconds) * np.exp(-seconds / 0.04)).astype(np.float32)


def hat(rate: int, rng: np.random.Generator) -> Wave:
    """A short burst of high noise (noise, differenced twice)."""
    noise = np.diff(rng.standard_normal(int(0.06 * rate) + 2, dtype=np.float32), 2)
    return (0.25 * noise * np.exp(-np.arange(len(noise), dtype=np.float32) / rate / 0.018)).astype(np.float32)
