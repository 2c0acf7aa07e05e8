"""What a file is, judged by its bytes alone: names and headers of strangers are not believed."""

from typing import BinaryIO

HEAD = 4096
TEXTS = frozenset({"html", "json", "text"})

_MAGIC = (
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (8, b"WAVE", "wav"),
    (8, b"AIFF", "aiff"),
    (8, b"AIFC", "aiff"),
    (0, b"caff", "caf"),
    (0, b".snd", "au"),
    (0, b"riff\x2e\x91", "w64"),
    (4, b"ftyp", "mp4"),
    (4, b"styp", "mp4"),
    (4, b"moov", "mp4"),
    (0, b"\x1a\x45\xdf\xa3", "webm"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
)
_LARGEST_MOOV = 32 << 20


def sniff(file: BinaryIO) -> str:
    """Name the container that ``file`` starts with, or ``html``, ``json``, ``text``, ``empty``, ``unknown``.

    The file is left at its start.
    """
    start, head = after_id3(file)
    return (_frame_kind(head) or "mp3") if start else _kind(head)


def is_encrypted(file: BinaryIO) -> bool:
    """Say whether an MP4 file declares encrypted audio; the file is left at its start."""
    moov = _moov(file)
    file.seek(0)
    return b"enca" in moov and b"sinf" in moov


def after_id3(file: BinaryIO) -> tuple[int, bytes]:
    """Return where an MP3 file's first frame should be, behind an ID3v2 tag if there is one, and what lies there.

    The file is left at its start.
    """
    start, head = 0, _read_at(file, 0, HEAD)
    if head.startswith(b"ID3"):
        start = _id3_bytes(head)
        head = _read_at(file, start, HEAD)
    file.seek(0)
    return start, head


def _kind(head: bytes) -> str:
    if not head:
        return "empty"
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset):
            return kind
    return _frame_kind(head) or _text_kind(head) or "unknown"


def _frame_kind(head: bytes) -> str | None:
    # Both share the sync word; the layer bits are 00 in ADTS, and anything else in MPEG audio.
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "adts"
    reserved = head[1] & 0x18 == 0x08 or head[1] & 0x06 == 0 or head[2] & 0xF0 == 0xF0 or head[2] & 0x0C == 0x0C
    return None if reserved else "mp3"


def _text_kind(head: bytes) -> str | None:
    # The last bytes may be half a character.
    text = head.decode("utf-8-sig", errors="replace")[:-1] if len(head) == HEAD else None
    try:
        text = text or head.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if "\ufffd" in text or any(c < " " and c not in "\t\n\r\f" for c in text):
        return None
    first = text.lstrip()[:1]
    return {"<": "html", "{": "json", "[": "json"}.get(first, "text")


def _id3_bytes(head: bytes) -> int:
    a, b, c, d = head[6:10].ljust(4, b"\0")
    return 10 + (a << 21 | b << 14 | c << 7 | d)


def _moov(file: BinaryIO) -> bytes:
    offset = 0
    while len(header := _read_at(file, offset, 16)) >= 8:
        size = int.from_bytes(header[:4], "big")
        size = int.from_bytes(header[8:16], "big") if size == 1 else size
        if header[4:8] == b"moov":
            return file.read(min(size or _LARGEST_MOOV, _LARGEST_MOOV))
        if size < 8:
            break
        offset += size
    return b""


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)
