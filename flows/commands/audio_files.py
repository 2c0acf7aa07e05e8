"""The audio files that somebody means by the files and folders they name."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from apex_core.errors import Unavailable

# What the decoder can be expected to read; a file named on the command line is tried whatever its name.
_LOSSY = (".mp3", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac", ".webm", ".wma")
_LOSSLESS = (".wav", ".flac", ".aif", ".aiff", ".aifc", ".caf", ".w64", ".au")
_SUFFIXES = frozenset(_LOSSY + _LOSSLESS)


def audio_files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and the audio files below the folders named; a file that is missing keeps its place.

    Raises Unavailable for a folder without any.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
        if not found:
            raise Unavailable(f"There is no audio file in {path}.", fix=f"looked for {' '.join(sorted(_SUFFIXES))}")
        yield from found
