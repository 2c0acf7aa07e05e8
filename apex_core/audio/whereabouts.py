"""How to get at a song's file, wherever it lies."""

import contextlib
from pathlib import Path

from apex_core.audio.facts import Origin
from apex_core.errors import NotFound, Unavailable
from apex_core.storage import Store, local_file


def reach(stack: contextlib.ExitStack, store: Store, origin: Origin, uri: str, scratch: Path | None = None) -> Path:
    """A path on this disk with the song's bytes, which stays while ``stack`` does; copies lie in ``scratch``.

    Raises Unavailable: there is no such file, or (``transient``) it cannot be read just now.
    """
    try:
        return stack.enter_context(local_file(uri, scratch) if origin == "library" else store.local(uri))
    except NotFound as error:
        raise Unavailable("file not found" if origin == "library" else "not in the store") from error
    except Exception as error:  # S3 clients have many kinds
        raise Unavailable(f"temporary: {type(error).__name__} while reading", transient=True) from error
