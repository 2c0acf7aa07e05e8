"""The composer is deterministic, bounded, and what it is told can be heard."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apex_core.sandbox.attributes import KNOBS, MODES, Attributes, draw
from apex_core.sandbox.composer import compose

RATE = 44_100
Wave = npt.NDArray[np.float32]

_unit = st.floats(0, 1)
_anything = st.builds(
    Attributes,
    tempo=st.floats(66, 172),
    key=st.integers(0, 11),
    mode=st.sampled_from(MODES),
    progression=st.integers(0, 63),
    **dict.fromkeys(KNOBS, _unit),
)


def _songs(number: int) -> list[Attributes]:
    rng = np.random.default_rng(5)
    return [draw(rng) for _ in range(number)]


def _spectra(wave: Wave) -> Wave:
    mono, size = wave.mean(axis=1), 2048
    frames = mono[: len(mono) // size * size].reshape(-1, size) * np.hanning(size)
    return np.abs(np.fft.rfft(frames)).astype(np.float32)


def _centroid(wave: Wave) -> float:
    level = _spectra(wave).sum(axis=0)
    return float((level * np.fft.rfftfreq(2048, 1 / RATE)).sum() / level.sum())


def _flux(wave: Wave) -> float:
    return float(np.maximum(np.diff(np.log(_spectra(wave) + 1e-2), axis=0), 0).mean())


def _rms(wave: Wave) -> float:
    return float(np.sqrt(np.mean(wave**2)))


def _side(wave: Wave) -> float:
    return _rms(wave[:, :1] - wave[:, 1:]) / _rms(wave)


@settings(max_examples=25, deadline=None)
@given(song=_anything, seconds=st.floats(1, 4), rate=st.sampled_from([44_100, 48_000]))
def test_any_song_is_finite_stereo_within_full_scale(song: Attributes, seconds: float, rate: int) -> None:
    wave = compose(song, seconds, rate, seed=1)
    assert wave.shape == (round(seconds * rate), 2)
    assert wave.dtype == np.float32
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() <= 1
    assert _rms(wave) > 0.005, "a song is not silence"


def test_the_same_arguments_give_the_same_samples_and_another_seed_another_tune() -> None:
    song = _songs(1)[0]
    assert np.array_equal(compose(song, 3, RATE, seed=3), compose(song, 3, RATE, seed=3))
    assert not np.array_equal(compose(song, 3, RATE, seed=3), compose(song, 3, RATE, seed=4))


@pytest.mark.parametrize(
    ("knob", "feature"),
    [("brightness", _centroid), ("percussion", _flux), ("density", _flux), ("loudness", _rms), ("width", _side)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_turning_one_knob_up_can_be_heard_in_every_song(knob: str, feature: object) -> None:
    assert callable(feature)
    for song in _songs(8):
        low, high = (compose(replace(song, **{knob: level}), 6, RATE, seed=9) for level in (0.15, 0.85))
        assert feature(high) > feature(low)


def test_across_songs_brightness_moves_the_spectral_centroid() -> None:
    songs = _songs(40)
    centroids = [_centroid(compose(song, 4, RATE, seed=place)) for place, song in enumerate(songs)]
    assert np.corrcoef([song.brightness for song in songs], centroids)[0, 1] > 0.45


def test_dark_modes_sit_lower() -> None:
    for song in _songs(6):
        calm = replace(song, percussion=0.0, brightness=0.4)
        major, minor = (compose(replace(calm, mode=mode), 6, RATE, seed=2) for mode in ("major", "phrygian"))
        assert _centroid(minor) < _centroid(major)
