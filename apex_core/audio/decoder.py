"""A decoder process: songs in, windows or facts out, gone when its parent is (DESIGN §7)."""

import contextlib
import json
import mmap
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apex_core.audio.facts import SEGMENT_SAMPLES, AudioRef
from apex_core.audio.windows import segment_count
from apex_core.errors import AudioError
from apex_core.lifeline import die_with
from apex_core.settings import AudioSettings

# What a decoder does with a job: the answer, and a descriptor of shared memory where there are samples.
Work = Callable[[dict[str, Any]], tuple[dict[str, Any], int | None]]

LONGEST_MESSAGE = 1 << 16
SONG_LIMIT_S = 600


def main() -> None:
    """Serve the parent at the other end of a socket; the arguments are the socket's number and the parent's pid."""
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    die_with(parent)
    # The parent decides when to stop, and says so by closing the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nobody listens any more: not worth a traceback.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError), socket.socket(fileno=descriptor) as feed:
        _serve(feed)


def _serve(feed: socket.socket) -> None:
    hello = json.loads(feed.recv(LONGEST_MESSAGE))
    settings = AudioSettings.model_validate(hello["audio"])
    work = _verifying(settings) if hello["store"] is None else _decoding(hello["store"], settings)
    feed.send(b'{"ready": true}')
    while job := feed.recv(LONGEST_MESSAGE):
        _answer(feed, work, json.loads(job))


# Imported only when needed, and only then: loading torch takes seconds in which the parent may die.


def _verifying(settings: AudioSettings) -> Work:
    from apex_core.audio.verification import verify

    return lambda job: ({"facts": asdict(verify(Path(job["path"]), settings))}, None)


def _decoding(store_url: str, settings: AudioSettings) -> Work:
    import torch

    from apex_core.audio.decoding import load
    from apex_core.storage import Store

    torch.set_num_threads(1)
    store = Store.open(store_url)
    return lambda job: ({}, _shared(load(store, AudioRef(job["sha256"], job["uri"], job["origin"]), settings)))


def _answer(feed: socket.socket, work: Work, job: dict[str, Any]) -> None:
    # The alarm's default action ends this process, also out of a decoder that never returns.
    signal.alarm(SONG_LIMIT_S)
    try:
        answer, descriptor = work(job)
    except AudioError as error:
        kept = {"message": error.message, "fix": error.fix, "transient": error.transient}
        answer, descriptor = {"error": type(error).__name__, **kept}, None
    finally:
        signal.alarm(0)
    body = json.dumps(answer).encode()
    if descriptor is None:
        feed.send(body)
    else:
        socket.send_fds(feed, [body], [descriptor])
        os.close(descriptor)


def _shared(wave: NDArray[np.float32]) -> int:
    # Anonymous shared memory: no copy on the way to the parent, and nothing that could be left behind.
    count = segment_count(wave.size)
    descriptor = os.memfd_create("apex-song")
    os.ftruncate(descriptor, count * SEGMENT_SAMPLES * wave.itemsize)
    with mmap.mmap(descriptor, 0) as memory:
        windows = np.frombuffer(memory, dtype=np.float32)
        windows[: wave.size] = wave
        del windows
    return descriptor


if __name__ == "__main__":
    main()
