"""Verify songs out of the caller's reach: a file that kills its decoder is one bad file, not the end of a night."""

from pathlib import Path
from queue import LifoQueue
from typing import Self

from apex_core.audio.crew import Crew, processes
from apex_core.audio.facts import AudioFacts
from apex_core.audio.verification import verify
from apex_core.audio.worker import Job, Worker
from apex_core.errors import AudioError
from apex_core.settings import AudioSettings
from apex_core.threads import Threads


class Verifier:
    """Verifies songs in up to ``workers`` decoder processes; with 0, or where the system lacks the means, in this one.

    Safe to share between threads: who finds all processes busy waits. They are started when first needed, and end
    with the context, which waits for calls under way, or with this process, however it ends.
    """

    def __init__(self, settings: AudioSettings, workers: int) -> None:
        self._settings = settings
        self._count = processes(workers)
        # A thread of its own, because the system ends a decoder together with the thread that started it.
        self._starter = Threads(1, "decoder-starter")
        # Last in, first out: a process that is up is taken before one that is not.
        self._idle: LifoQueue[Crew] = LifoQueue()
        for _ in range(self._count):
            self._idle.put(Crew(self._start, 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exit: object) -> None:
        for _ in range(self._count):
            self._idle.get().dismiss()
        self._starter.shutdown()

    def verify(self, path: Path) -> AudioFacts:
        """Decode all of ``path`` once, within the bounds of the settings, and state its facts.

        Raises Unavailable (also when its decoder was killed, twice), Undecodable (or died otherwise) or TooLarge with
        a short reason;
        a plain AudioError, which is not this song's, when decoders cannot start at all.
        """
        if not self._count:
            return verify(path, self._settings)
        outcome = self._outcome(Job(path.absolute()))
        if isinstance(outcome, AudioFacts):
            return outcome
        assert isinstance(outcome, AudioError)
        raise outcome

    def _outcome(self, job: Job) -> object:
        crew = self._idle.get()
        try:
            crew.assign(job)
            crew.finish(job)
        finally:
            crew.dismiss_busy()
            self._idle.put(crew)
        return job.outcome

    def _start(self) -> Worker:
        return self._starter.submit(Worker, self._settings).result()
