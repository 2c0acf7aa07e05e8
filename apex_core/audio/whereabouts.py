"""How to get at a song's file, wherever it lies."""

import contextlib
import tempfile
from pathlib import Path

from apex_core.audio.facts import Origin
from apex_core.errors import NotFound, Unavailable
from apex_core.storage import Store, fetch_s3, local_file
from apex_core.storage.foreign import S3

_OPEN_FILES = Path("/proc/self/fd")


def reach(stack: contextlib.ExitStack, store: Store, origin: Origin, uri: str, scratch: Path | None = None) -> Path:
    """A path on this disk with the song's bytes, which stays while ``stack`` does.

    Copies lie in ``scratch``; without one they have no name, and the path, which is for this process alone, leads to an
    open file: nothing is left of it when the process is killed.
    Raises Unavailable: there is no such file, or (``transient``) it cannot be read just now.
    """
    try:
        if scratch is None and _is_elsewhere(store, origin, uri) and _OPEN_FILES.is_dir():
            return _nameless_copy(stack, store, origin, uri)
        return stack.enter_context(local_file(uri, scratch) if origin == "library" else store.local(uri))
    except NotFound as error:
        raise Unavailable("file not found" if origin == "library" else "not in the store") from error
    except Exception as error:  # S3 clients have many kinds
        raise Unavailable(f"temporary: {type(error).__name__} while reading", transient=True) from error


def _is_elsewhere(store: Store, origin: Origin, uri: str) -> bool:
    return uri.startswith(S3) if origin == "library" else not store.is_local


def _nameless_copy(stack: contextlib.ExitStack, store: Store, origin: Origin, uri: str) -> Path:
    copy = stack.enter_context(tempfile.TemporaryFile(prefix="apex-"))  # noqa: SIM115  for as long as the stack
    path = _OPEN_FILES / str(copy.fileno())
    if origin == "library":
        fetch_s3(uri, path)
    else:
        store.fetch(uri, path)
    return path
