"""The audio files that somebody means by the files, folders and globs they name."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from apex_core.errors import Unavailable

# What the decoder can be expected to read; a file named on the command line is tried whatever its name.
_LOSSY = (".mp3", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac", ".webm", ".wma")
_LOSSLESS = (".wav", ".flac", ".aif", ".aiff", ".aifc", ".caf", ".w64", ".au")
_SUFFIXES = frozenset(_LOSSY + _LOSSLESS)


def audio_files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, the audio files below the folders named, and those that globs match or that lie below what they
    match, each once; a file that is missing keeps its place.

    Raises Unavailable for a folder or a glob without any.
    """
    for path in paths:
        if path.is_dir():
            yield from _some(_below(path), f"in {path}")
        elif glob.has_magic(str(path)) and not path.exists():
            yield from _some(_matched(str(path)), f"that {path} matches")
        else:
            yield path


def _matched(pattern: str) -> Iterator[Path]:
    for path in map(Path, sorted(glob.glob(pattern, recursive=True))):
        if path.is_dir():
            yield from _below(path)
        elif _is_audio(path):
            yield path


def _below(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if _is_audio(path))


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and path.is_file()


def _some(found: Iterator[Path], where: str) -> list[Path]:
    listed = list(dict.fromkeys(found))
    if not listed:
        raise Unavailable(f"There is no audio file {where}.", fix=f"looked for {' '.join(sorted(_SUFFIXES))}")
    return listed
