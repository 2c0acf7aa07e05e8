"""What an MP3 file states about its own length, in the Xing, Info or VBRI tag of its first frame."""

import os
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from apex_core.audio.sniff import after_id3

_TAG = re.compile(b"Xing|Info|VBRI")
_WITHIN = 200
_TOLERATED_SHARE = 0.005


@dataclass(frozen=True, slots=True)
class LengthTag:
    """``samples`` a channel, codec delay included, and whether the file is as long as it says."""

    samples: int
    is_kept: bool


def read_length_tag(file: BinaryIO) -> LengthTag | None:
    """Read the tag of an MP3 ``file``, which is left at its start; None where there is none that states a length."""
    start, head = after_id3(file)
    match = _TAG.search(head, 0, _WITHIN)
    if match is None:
        return None
    frames, stated = (_vbri if match[0] == b"VBRI" else _xing)(head[match.end() :].ljust(14, b"\0"))
    found = os.fstat(file.fileno()).st_size - start
    is_kept = stated == 0 or abs(stated - found) <= _TOLERATED_SHARE * stated
    return LengthTag(frames * _frame_samples(head), is_kept) if frames else None


def _xing(body: bytes) -> tuple[int, int]:
    flags, *fields = struct.unpack_from(">III", body)
    frames = fields.pop(0) if flags & 1 else 0
    return frames, fields.pop(0) if flags & 2 else 0


def _vbri(body: bytes) -> tuple[int, int]:
    stated, frames = struct.unpack_from(">6xII", body)
    return frames, stated


def _frame_samples(head: bytes) -> int:
    # Layer III of MPEG-1; its lower sampling rates have half, which is also what is claimed of an odd beginning.
    return 1152 if head[0] == 0xFF and head[1] & 0x18 == 0x18 else 576
