"""A file under a name that somebody asked for: whole, or not there."""

import contextlib
import fcntl
import os
from collections.abc import Generator
from pathlib import Path

from apex_core.errors import AlreadyExists, NotFound, StorageError


@contextlib.contextmanager
def whole_file(path: Path, *, replace: bool) -> Generator[Path]:
    """A path to write to while the block lasts; it takes the name ``path`` when the block ends well, else it goes.

    What a writer that was killed left is written over. Raises as ``check_target`` does; AlreadyExists also while
    another process writes ``path``, StorageError where nothing can be written.
    """
    check_target(path, replace=replace)
    part = path.with_name(f".{path.name}.part")
    with _alone(part, path):
        try:
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            # No link, which would never replace anything: not every file system has them, and after hours of work.
            check_target(path, replace=replace)
            os.replace(part, path)
            sync(path.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def sync(path: Path) -> None:
    """Have what was written to a file, or which names a folder has, on the disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; a power cut leaves none of them out that somebody was told of."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def check_target(path: Path, *, replace: bool) -> None:
    """Raise AlreadyExists or NotFound where ``path`` cannot be written; better before the work than after it."""
    if not path.parent.is_dir():
        raise NotFound(f"There is no folder {path.parent}.", fix="make it, or name another file")
    if not os.path.lexists(path):
        return
    if not path.is_file():  # a folder, a device, a link to nothing
        raise AlreadyExists(f"{path} is there already, and no file that could be replaced.", fix="name another file")
    if not replace:
        raise AlreadyExists(f"{path} is there already.", fix="--force replaces a file; or name another one")


@contextlib.contextmanager
def _alone(part: Path, path: Path) -> Generator[None]:
    try:
        file = part.open("ab")
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}.", fix="name a file in a folder that you may write to"
        ) from error
    with file:
        busy = AlreadyExists(f"{path} is being written by another process.", fix="wait for it, or name another file")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        except OSError:  # not every file system has locks
            pass
        # Whoever had it may be done with it meanwhile: then it is somebody's file by now.
        if not (part.exists() and os.path.samestat(part.stat(), os.fstat(file.fileno()))):
            raise busy
        file.truncate(0)
        yield
