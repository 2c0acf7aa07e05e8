"""A file is a song when all of it decodes within bounds; otherwise a short reason says why not."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from apex_core.audio import verify
from apex_core.errors import TooLarge, Unavailable, Undecodable
from apex_core.settings import AudioSettings

from .songs import tone, write, write_ffmpeg


def test_facts_are_those_of_the_decoded_song(tmp_path: Path, settings: AudioSettings) -> None:
    path = write(tmp_path / "song.flac", tone(66150, 44100), 44100)
    facts = verify(path, settings)
    assert (facts.codec, facts.sample_rate, facts.channels, facts.duration_s) == ("flac", 44100, 2, 1.5)
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts.bytes == path.stat().st_size


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty file"),
        (b"Too many requests.", "text instead of audio"),
        (b"<html><body>403</body></html>", "html instead of audio"),
        (b'{"detail": "forbidden"}', "json instead of audio"),
        (b"#EXTM3U\nhttp://169.254.169.254/latest\n", "text instead of audio"),
        (bytes(range(256)) * 40, "not audio"),
        (b"fLaC" + b"\0" * 1000, "cannot be decoded as flac"),
        (b"ID3\x04\0\0\0\0\0\0" + b"\0" * 1000, "cannot be decoded as mp3"),
        (b"\0\0\0\x18ftypM4A " + b"\0" * 2000, "cannot be decoded as mp4"),
        ("naïve café\n".encode() * 1000, "text instead of audio"),
    ],
)
def test_what_is_no_audio_is_undecodable(tmp_path: Path, settings: AudioSettings, body: bytes, reason: str) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(body)
    with pytest.raises(Undecodable) as caught:
        verify(path, settings)
    assert caught.value.message == reason


@pytest.mark.parametrize("suffix", ["mp3", "flac", "m4a"])
def test_a_cut_file_is_undecodable(tmp_path: Path, settings: AudioSettings, suffix: str) -> None:
    path, samples = tmp_path / f"song.{suffix}", tone(44100 * 6, 44100)
    if suffix == "m4a":
        write_ffmpeg(path, samples, 44100, "aac", "mp4", movflags="faststart")
    else:
        write(path, samples, 44100)
    verify(path, settings)
    os.truncate(path, path.stat().st_size * 6 // 10)
    with pytest.raises(Undecodable):
        verify(path, settings)


def test_an_encrypted_m4a_is_undecodable(tmp_path: Path, settings: AudioSettings) -> None:
    path = write_ffmpeg(
        tmp_path / "song.m4a",
        tone(44100, 44100),
        44100,
        "aac",
        "mp4",
        encryption_scheme="cenc-aes-ctr",
        encryption_key="00112233445566778899aabbccddeeff",
        encryption_kid="00112233445566778899aabbccddeeff",
    )
    with pytest.raises(Undecodable, match=r"^encrypted$"):
        verify(path, settings)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_must_be_finite(tmp_path: Path, settings: AudioSettings, value: float) -> None:
    samples = tone(24000, 24000)
    samples[12345, 1] = value
    path = write(tmp_path / "song.wav", samples, 24000, "FLOAT")
    with pytest.raises(Undecodable, match="not finite"):
        verify(path, settings)


def test_a_header_without_samples_is_undecodable(tmp_path: Path, settings: AudioSettings) -> None:
    path = write(tmp_path / "song.wav", np.zeros((0, 2), np.float32), 24000)
    with pytest.raises(Undecodable, match="no samples"):
        verify(path, settings)


def test_bounds_hold_for_seconds_bytes_and_channels(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav", tone(24000, 24000, 1), 24000)
    assert verify(path, AudioSettings(max_seconds=1)).duration_s == 1
    with pytest.raises(TooLarge, match=r"longer than 0\.5 s"):
        verify(path, AudioSettings(max_seconds=0.5))
    with pytest.raises(TooLarge, match="more than 1000 bytes"):
        verify(path, AudioSettings(max_bytes=1000))
    with pytest.raises(Undecodable, match="channels"):
        verify(write(path, tone(10, 24000, 40), 24000), AudioSettings())


def test_what_is_not_there_is_unavailable(tmp_path: Path, settings: AudioSettings) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, reason in ((tmp_path / "none", "not found"), (tmp_path, "not a file"), (tmp_path / "pipe", "not a file")):
        with pytest.raises(Unavailable, match=reason):
            verify(path, settings)
