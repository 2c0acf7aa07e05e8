"""Our end of a decoder process."""

import contextlib
import json
import mmap
import os
import selectors
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from apex_core.audio.decoder import LONGEST_MESSAGE, SONG_LIMIT_S
from apex_core.audio.facts import SEGMENT_SAMPLES, AudioFacts, AudioRef
from apex_core.audio.last_words import LastWords
from apex_core.audio.windows import NativeSong, Windows
from apex_core.errors import AudioError, TooLarge, Unavailable, Undecodable
from apex_core.lifeline import start_child
from apex_core.settings import AudioSettings

_LAST_WORDS_S = 5.0
_ERRORS = {kind.__name__: kind for kind in (AudioError, Unavailable, Undecodable, TooLarge)}


@dataclass(slots=True, eq=False)
class Job:
    """One song on its way: what came of it, once something did, and how many processes died on it.

    A reference is decoded to samples, a path verified to facts. Decoding stands still (``waits``) where a song becomes
    large, until it ``may_go_on``.
    """

    song: AudioRef | Path
    outcome: Windows | NativeSong | AudioFacts | AudioError | None = None
    deaths: int = 0
    waits: bool = False
    may_go_on: bool = False

    @property
    def uri(self) -> str:
        return self.song.uri if isinstance(self.song, AudioRef) else str(self.song)


@dataclass(frozen=True, slots=True)
class Decoding:
    """What a process decodes: songs of a store or of libraries, and not more ``bytes_at_once`` of one without leave."""

    store_url: str
    native: bool
    bytes_at_once: int


class Worker:
    """A decoder process; without ``decoding`` it verifies.

    It answers jobs in the order given: when it dies, the first one left is to blame.
    """

    def __init__(self, settings: AudioSettings, decoding: Decoding | None = None) -> None:
        self.jobs: deque[Job] = deque()
        self.ready = False
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _start(theirs.fileno())
        self._words = LastWords(cast(IO[bytes], self._process.stderr), self._process.pid)
        self._native = decoding is not None and decoding.native
        self._send({"audio": settings.model_dump(mode="json"), **_told(decoding)})

    def fileno(self) -> int:
        return self._socket.fileno()

    def give(self, job: Job) -> None:
        """Queue a song behind those already given."""
        self.jobs.append(job)
        job.waits = job.may_go_on = False
        self._send(asdict(job.song) if isinstance(job.song, AudioRef) else {"path": str(job.song)})

    def let_go_on(self) -> None:
        """Let the song that stands still be decoded to its end."""
        job = self.jobs[0]
        job.waits, job.may_go_on = False, True
        self._send({"go on": True})

    def receive(self) -> bool:
        """Take one message, waiting for it; False when the process is gone and all it said was heard."""
        message, descriptors = self._read()
        if not message:
            return False
        answer = json.loads(message)
        if "ready" in answer:
            self.ready = True
        elif "waiting" in answer:
            self.jobs[0].waits = True
        else:
            self.jobs.popleft().outcome = self._samples(answer, descriptors[0]) if descriptors else _outcome(answer)
        return True

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self.bury()

    def bury(self) -> tuple[int, str]:
        """See off a process that is going.

        Returns its exit status, negative for the signal it died of, and the end of what it said on stderr.
        """
        self._socket.close()
        try:
            status = self._process.wait(_LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        return status, self._words.end()

    def _samples(self, answer: dict[str, Any], descriptor: int) -> Windows | NativeSong:
        memory = mmap.mmap(descriptor, 0)
        os.close(descriptor)
        wave = np.frombuffer(memory, dtype=np.float32)
        return NativeSong(wave, answer["sample_rate"]) if self._native else wave.reshape(-1, SEGMENT_SAMPLES)

    def _send(self, message: dict[str, Any]) -> None:
        # A process that is gone is noticed when it is next listened to.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.send(json.dumps(message).encode())

    def _read(self) -> tuple[bytes, list[int]]:
        try:
            return self._read_once()
        except ConnectionResetError:
            # Raised once when it died with jobs unread; what it had answered before is still there.
            return self._read_once()

    def _read_once(self) -> tuple[bytes, list[int]]:
        message, descriptors, _, _ = socket.recv_fds(self._socket, LONGEST_MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
        return message, descriptors


def wait_for_any(workers: Iterable[Worker]) -> list[Worker]:
    """Wait until some of ``workers`` have something to say, or are gone."""
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker, selectors.EVENT_READ, worker)
        return [key.data for key, _ in selector.select()]


def describe_death(status: int) -> str:
    """Say as a short reason how a decoder ended."""
    if status == -signal.SIGALRM:
        return f"decoding took more than {SONG_LIMIT_S} s"
    name = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return f"decoder died ({name})"


def _start(descriptor: int) -> subprocess.Popen[bytes]:
    # One core each.
    own = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return start_child("apex_core.audio.decoder", descriptor, own)


def _told(decoding: Decoding | None) -> dict[str, Any]:
    if decoding is None:
        return {"store": None}
    return {"store": decoding.store_url, "native": decoding.native, "bytes_at_once": decoding.bytes_at_once}


def _outcome(answer: dict[str, Any]) -> AudioFacts | AudioError:
    if "facts" in answer:
        return AudioFacts(**answer["facts"])
    kind = _ERRORS.get(answer["error"], AudioError)
    return kind(answer["message"], fix=answer["fix"], transient=answer["transient"])
