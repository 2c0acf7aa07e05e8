"""An MP3 file's own word about its length is read from its first frame, and compared with the file."""

import struct
from pathlib import Path

import pytest

from apex_core.audio.length_tag import LengthTag, read_length_tag

from .songs import tone, write, write_ffmpeg

MPEG_1, MPEG_2 = b"\xff\xfb\x90\x00", b"\xff\xf3\x90\x00"
ID3 = b"ID3\x04\0\0\0\0\x01\x00" + bytes(128)


def read(path: Path) -> LengthTag | None:
    with path.open("rb", buffering=0) as file:
        tag = read_length_tag(file)  # pyright: ignore[reportArgumentType]
        assert file.tell() == 0
        return tag


@pytest.mark.parametrize("rate", [44100, 24000])
def test_the_tag_of_an_encoder_states_the_whole(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "song.mp3", tone(rate * 4, rate), rate)
    tag = read(path)
    assert tag is not None
    assert tag.is_kept
    assert tag.samples / rate == pytest.approx(4, abs=0.2)
    path.write_bytes(path.read_bytes()[:-2000])
    assert read(path) == LengthTag(tag.samples, False)


def test_an_mp3_may_have_none(tmp_path: Path) -> None:
    assert (
        read(write_ffmpeg(tmp_path / "song.mp3", tone(44100, 44100), 44100, "libmp3lame", "mp3", write_xing="0"))
        is None
    )


@pytest.mark.parametrize(
    ("body", "tag"),
    [
        (MPEG_1 + bytes(32) + b"Xing" + struct.pack(">III", 3, 100, 1000), LengthTag(115_200, True)),
        (MPEG_2 + bytes(17) + b"Info" + struct.pack(">III", 3, 100, 1000), LengthTag(57_600, True)),
        (MPEG_1 + bytes(32) + b"Xing" + struct.pack(">III", 3, 100, 1011), LengthTag(115_200, False)),
        (MPEG_1 + bytes(32) + b"Xing" + struct.pack(">II", 1, 100), LengthTag(115_200, True)),
        (MPEG_1 + bytes(32) + b"Xing" + struct.pack(">II", 2, 1000), None),
        (MPEG_1 + bytes(32) + b"Xing", None),
        (MPEG_1 + bytes(32) + b"VBRI" + struct.pack(">HHHII", 1, 0, 0, 1000, 100), LengthTag(115_200, True)),
        (b"\0" + MPEG_1 + bytes(32) + b"Info" + struct.pack(">III", 3, 100, 1000), LengthTag(57_600, True)),
    ],
)
@pytest.mark.parametrize("before", [b"", ID3])
def test_every_kind_is_read(tmp_path: Path, before: bytes, body: bytes, tag: LengthTag | None) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(before + body.ljust(1000, b"\0"))
    assert read(path) == tag
