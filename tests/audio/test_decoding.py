"""What the encoder hears is the plain statement of FACTS §2, whatever the file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from torchaudio.functional import resample

from apex_core.audio import SAMPLE_RATE, decode, segments, verify
from apex_core.audio.decoding import open_wave
from apex_core.errors import Unavailable, Undecodable
from apex_core.settings import AudioSettings

from .songs import Samples, tone, write, write_ffmpeg


def plain(path: Path) -> NDArray[np.float64]:
    """The plain statement in float64: in float32 torchaudio itself is up to 8e-5 beside it."""
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    return resample(torch.from_numpy(samples.mean(axis=1)), rate, SAMPLE_RATE).numpy()


def assert_is_plain(path: Path, settings: AudioSettings) -> None:
    heard = decode(path, settings)
    assert heard.dtype == np.float32
    np.testing.assert_allclose(heard, plain(path), rtol=0, atol=2e-6)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 24000, 37800, 44100, 48000, 88200, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_equals_reading_averaging_and_resampling(
    tmp_path: Path, settings: AudioSettings, rate: int, channels: int
) -> None:
    assert_is_plain(write(tmp_path / "song.wav", tone(rate * 3 // 2 + 7, rate, channels), rate, "FLOAT"), settings)


@pytest.mark.parametrize(("suffix", "subtype"), [("mp3", None), ("flac", None), ("ogg", "VORBIS"), ("wav", "PCM_16")])
def test_equals_the_plain_statement_in_every_libsndfile_format(
    tmp_path: Path, settings: AudioSettings, suffix: str, subtype: str | None
) -> None:
    assert_is_plain(write(tmp_path / f"song.{suffix}", tone(44100 * 4 + 1, 44100), 44100, subtype), settings)


def test_blocks_leave_no_seams(tmp_path: Path, settings: AudioSettings) -> None:
    assert_is_plain(write(tmp_path / "song.flac", tone(44100 * 20, 44100), 44100), settings)


def test_one_frame_is_a_song(tmp_path: Path, settings: AudioSettings) -> None:
    path = write(tmp_path / "song.wav", tone(1, 44100), 44100)
    assert decode(path, settings).shape == (1,)


def test_silence_is_a_song(tmp_path: Path, settings: AudioSettings) -> None:
    path = write(tmp_path / "song.wav", np.zeros((24000, 2), np.float32), 24000)
    assert not decode(path, settings).any()


@pytest.mark.parametrize("where", [0, 1000, -1])
@pytest.mark.parametrize(("rate", "channels", "value"), [(44100, 2, np.nan), (24000, 1, np.inf), (96000, 6, -np.inf)])
def test_samples_that_are_not_finite_are_refused(
    tmp_path: Path, settings: AudioSettings, rate: int, channels: int, value: float, where: int
) -> None:
    samples = tone(rate, rate, channels)
    samples[where, channels - 1] = value
    path = write(tmp_path / "song.wav", samples, rate, "FLOAT")
    for attempt in (decode, verify):
        with pytest.raises(Undecodable, match="samples that are not finite"):
            attempt(path, settings)
    with pytest.raises(Undecodable, match="not finite"), open_wave(path, settings, native=True) as wave:
        list(wave.pieces)


def test_samples_beyond_full_scale_are_kept(tmp_path: Path, settings: AudioSettings) -> None:
    path = write(tmp_path / "song.wav", 5 * tone(44100 * 2, 44100), 44100, "FLOAT")
    assert_is_plain(path, settings)
    assert np.abs(decode(path, settings)).max() > 1.2


def test_half_a_minute_is_one_window(tmp_path: Path, settings: AudioSettings) -> None:
    path = write(tmp_path / "song.flac", tone(44100 * 30, 44100), 44100)
    assert segments(decode(path, settings)).shape == (1, 720_000)
    write(path, tone(44100 * 30 + 1, 44100), 44100)
    assert segments(decode(path, settings)).shape == (2, 720_000), "a tail of one sample is a window of its own"


@pytest.mark.parametrize(
    ("codec", "container", "rate"),
    [("aac", "mp4", 44100), ("aac", "adts", 44100), ("libopus", "ogg", 48000), ("libopus", "webm", 48000)],
)
def test_reads_what_libsndfile_does_not(
    tmp_path: Path, settings: AudioSettings, codec: str, container: str, rate: int
) -> None:
    samples = tone(rate * 3, rate)
    path = write_ffmpeg(tmp_path / "song", samples, rate, codec, container)
    heard = decode(path, settings)
    assert heard.size == pytest.approx(3 * SAMPLE_RATE, abs=0.06 * SAMPLE_RATE)
    wanted = resample(torch.from_numpy(samples.mean(axis=1)), rate, SAMPLE_RATE).numpy()
    assert loudest_agreement(heard, wanted) > 0.98


def loudest_agreement(heard: Samples, wanted: Samples) -> float:
    # Codecs delay: the best correlation over a few thousand lags.
    middle = wanted[20_000:40_000]
    lags = [heard[20_000 + lag : 40_000 + lag] for lag in range(-1500, 1500, 1)]
    return max(float(np.dot(a, middle) / np.linalg.norm(a) / np.linalg.norm(middle)) for a in lags)


def test_the_extension_is_not_believed(tmp_path: Path, settings: AudioSettings) -> None:
    path = write(tmp_path / "song.wav", tone(48000, 48000), 48000, "FLOAT")
    for name in ("song.mp3", "song.raw", "song"):
        renamed = path.rename(tmp_path / name)
        assert verify(renamed, settings).codec == "wav"
        assert decode(renamed, settings).size == 24000
        renamed.rename(path)


def test_an_mp3_that_does_not_state_its_length_is_read_to_its_end(tmp_path: Path, settings: AudioSettings) -> None:
    # Quiet first: libsndfile would guess a length from the first frame, and stop there.
    samples = tone(44100 * 12, 44100)
    samples[: 44100 * 6] *= 0.001
    path = write_ffmpeg(tmp_path / "song.mp3", samples, 44100, "libmp3lame", "mp3", write_xing="0")
    assert decode(path, settings).size == pytest.approx(12 * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)
    assert verify(path, settings).codec == "mp3"


def test_a_file_that_has_changed_is_not_decoded_under_its_old_hash(tmp_path: Path, settings: AudioSettings) -> None:
    path = write(tmp_path / "song.flac", tone(24000, 24000), 24000)
    facts = verify(path, settings)
    assert decode(path, settings, sha256=facts.sha256).size == 24000
    write(path, tone(24001, 24000), 24000)
    with pytest.raises(Unavailable, match="changed since it was verified"):
        decode(path, settings, sha256=facts.sha256)


def test_a_rate_that_needs_an_enormous_filter_is_refused(tmp_path: Path, settings: AudioSettings) -> None:
    path = write(tmp_path / "song.wav", tone(100, 999_983), 999_983)
    with pytest.raises(Undecodable, match="sample rate 999983 Hz"):
        decode(path, settings)


def test_finding_and_fetching_do_not_load_torch() -> None:
    code = (
        "import sys; from apex_core.audio import AudioRef, Fetcher, list_libraries, reach, verify; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
