"""A decoder process: songs in, samples or facts out, gone when its parent is (DESIGN §7)."""

import contextlib
import json
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from apex_core.audio.facts import SEGMENT_SAMPLES, AudioRef
from apex_core.audio.windows import segment_count
from apex_core.errors import AudioError
from apex_core.lifeline import die_with
from apex_core.settings import AudioSettings

if TYPE_CHECKING:
    from apex_core.audio.decoding import Wave

# What a decoder does with a job: the answer, and shared memory where there are samples.
Work = Callable[[dict[str, Any]], tuple[dict[str, Any], BinaryIO | None]]

LONGEST_MESSAGE = 1 << 16
SONG_LIMIT_S = 600
_SAMPLE_BYTES = 4


def main() -> None:
    """Serve the parent at the other end of a socket; the arguments are the socket's number and the parent's pid."""
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    die_with(parent)
    # The parent decides when to stop, and says so by closing the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nobody listens any more: not worth a traceback.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError), socket.socket(fileno=descriptor) as feed:
        _serve(_Line(feed))


class _Line:
    """What the parent says, message by message; an empty one when it has hung up."""

    def __init__(self, feed: socket.socket) -> None:
        self._feed = feed
        self._put_off: deque[bytes] = deque()

    def hear(self) -> bytes:
        return self._put_off.popleft() if self._put_off else self._feed.recv(LONGEST_MESSAGE)

    def say(self, answer: dict[str, Any], memory: BinaryIO | None = None) -> None:
        body = json.dumps(answer).encode()
        if memory is None:
            self._feed.send(body)
        else:
            socket.send_fds(self._feed, [body], [memory.fileno()])

    def wait_for_leave(self) -> None:
        """Stand still until the parent lets the song go on, which does not count as time spent on it."""
        left = signal.alarm(0)
        self.say({"waiting": True})
        while "go on" not in json.loads(message := self._feed.recv(LONGEST_MESSAGE) or b'{"go on": 0}'):
            self._put_off.append(message)
        signal.alarm(left)


def _serve(line: _Line) -> None:
    hello = json.loads(line.hear())
    settings = AudioSettings.model_validate(hello["audio"])
    work = _verifying(settings) if hello["store"] is None else _decoding(line, hello, settings)
    line.say({"ready": True})
    while job := line.hear():
        _answer(line, work, json.loads(job))


# Imported only when needed, and only then: loading codecs takes time in which the parent may die.


def _verifying(settings: AudioSettings) -> Work:
    from apex_core.audio.verification import verify

    return lambda job: ({"facts": asdict(verify(Path(job["path"]), settings))}, None)


def _decoding(line: _Line, hello: dict[str, Any], settings: AudioSettings) -> Work:
    from apex_core.audio.decoding import open_ref
    from apex_core.storage import Store

    store, native, at_once = Store.open(hello["store"]), bool(hello["native"]), int(hello["bytes_at_once"])

    def work(job: dict[str, Any]) -> tuple[dict[str, Any], BinaryIO | None]:
        with open_ref(store, AudioRef(**job), settings, native=native) as wave:
            memory = _shared(line, wave, at_once, whole_windows=not native)
            return {"sample_rate": wave.sample_rate}, memory

    return work


def _answer(line: _Line, work: Work, job: dict[str, Any]) -> None:
    # The alarm's default action ends this process, also out of a decoder that never returns.
    signal.alarm(SONG_LIMIT_S)
    try:
        answer, memory = work(job)
    except AudioError as error:
        kept = {"message": error.message, "fix": error.fix, "transient": error.transient}
        answer, memory = {"error": type(error).__name__, **kept}, None
    finally:
        signal.alarm(0)
    with memory or contextlib.nullcontext():
        line.say(answer, memory)


def _shared(line: _Line, wave: "Wave", at_once: int, *, whole_windows: bool) -> BinaryIO:
    # Anonymous shared memory: no copy of a whole song here, none on the way to the parent, and nothing that could be
    # left behind.
    with contextlib.ExitStack() as stack:
        memory = stack.enter_context(open(os.memfd_create("apex-song"), "wb"))
        written, may_go_on = 0, False
        for piece in wave.pieces:
            written += piece.nbytes
            if written > at_once and not may_go_on:
                line.wait_for_leave()
                may_go_on = True
            memory.write(piece.data)
        memory.flush()
        if whole_windows:
            os.ftruncate(memory.fileno(), segment_count(written // _SAMPLE_BYTES) * SEGMENT_SAMPLES * _SAMPLE_BYTES)
        stack.pop_all()
        return memory


if __name__ == "__main__":
    main()
