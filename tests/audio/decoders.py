"""Decoder processes as the tests see them: which there are, when they are gone, and how one is made to die."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

# Opening a file is where a real poison strikes; here it is a decoder started with the poison inside.
_POISON = """
import os, signal, sys

def strike(event, arguments):
    if event == "open" and "poison" in str(arguments[0]):
        print("tasted of almonds", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)

if "apex_core.audio.decoder" in sys.orig_argv:
    sys.addaudithook(strike)
"""


def poisonous(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Decoders started meanwhile die of any file with ``poison`` in its path."""
    return importing_first(folder, "sitecustomize", _POISON)


@contextlib.contextmanager
def importing_first(folder: Path, module: str, code: str) -> Iterator[None]:
    """Decoders started meanwhile find this ``module`` before any other of its name."""
    (folder / f"{module}.py").write_text(code)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def children(parent: int | None = None) -> set[int]:
    """Decoder processes of ``parent``, this process unless another is named."""
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            owner = int(stat.read_text().rpartition(")")[2].split()[1])
            if owner == (parent or os.getpid()) and _is_decoder(stat.parent):
                found.add(int(stat.parent.name))
    return found


def _is_decoder(process: Path) -> bool:
    return b"apex_core.audio.decoder" in (process / "cmdline").read_bytes()


def first_decoders(parent: int) -> set[int]:
    while not (found := children(parent)):
        time.sleep(0.01)
    return found


def standing_still(decoders: set[int]) -> list[int]:
    """Bytes of the song that each of ``decoders`` holds, once none of them has done anything for a while."""
    before, calm = None, 0
    while calm < 5:
        held = [_song_bytes(pid) for pid in sorted(decoders)]
        calm = calm + 1 if held == before and all(held) else 0
        before = held
        time.sleep(0.05)
    return before or []


def _song_bytes(pid: int) -> int:
    total = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if "memfd:apex-song" in os.readlink(descriptor):
                total += descriptor.stat().st_size
    return total


def gone_within(seconds: float, pids: set[int]) -> bool:
    deadline = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
