"""The prefetching feed: songs are decoded ahead in other processes, and come out in order.

Decoders are plain subprocesses at the end of a socket rather than a process pool: they load nothing of the
calling program, a death is charged to the very song it happened on, and songs arrive in shared memory.
"""

import logging
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Self, cast

from apex_core.audio.facts import AudioRef
from apex_core.audio.windows import segments
from apex_core.audio.worker import Job, Windows, Worker, describe_death, wait_for_any
from apex_core.errors import AudioError, Undecodable
from apex_core.settings import AudioSettings
from apex_core.storage import Store

logger = logging.getLogger("apex_core.audio")

_MOST_DEATHS = 2


class Feed:
    """Decodes songs, ``workers`` at a time; with 0, or where the system lacks the means, in this process.

    At most ``2 * workers + 2`` songs are decoded or queued ahead of the one last taken, so memory is bounded
    by that many songs of ``max_seconds`` (96 kB a second). A feed serves one stream after another, not two at
    once, and keeps its processes between them; they end with the context, or with this process, however it
    ends.
    """

    def __init__(self, store_url: str, settings: AudioSettings, workers: int) -> None:
        self._store_url = store_url
        self._settings = settings
        self._count = workers if hasattr(os, "memfd_create") else 0
        self._window = 2 * workers + 2
        self._workers: list[Worker] = []

    def __enter__(self) -> Self:
        self._staff()
        return self

    def __exit__(self, *_: object) -> None:
        while self._workers:
            self._workers.pop().stop()

    def stream(self, refs: Iterable[AudioRef]) -> Iterator[tuple[AudioRef, Windows | AudioError]]:
        """Yield every song of ``refs``, in order, with float32[k, 720000] or with what was wrong with it.

        ``refs`` is read only as far ahead as the window. Raises AudioError when decoders cannot start at all.
        """
        return self._ahead(iter(refs)) if self._count else self._here(iter(refs))

    def _here(self, refs: Iterator[AudioRef]) -> Iterator[tuple[AudioRef, Windows | AudioError]]:
        store = Store.open(self._store_url)
        for ref in refs:
            yield ref, _decoded(store, ref, self._settings)

    def _ahead(self, refs: Iterator[AudioRef]) -> Iterator[tuple[AudioRef, Windows | AudioError]]:
        pending: deque[Job] = deque()
        self._staff()
        try:
            while self._top_up(refs, pending):
                self._wait_for(pending[0])
                yield _handed_over(pending)
        finally:
            self._dismiss_busy()

    def _top_up(self, refs: Iterator[AudioRef], pending: deque[Job]) -> bool:
        while len(pending) < self._window and (ref := next(refs, None)) is not None:
            pending.append(Job(ref))
            self._assign(pending[-1])
        return bool(pending)

    def _assign(self, job: Job) -> None:
        min(self._workers, key=lambda worker: len(worker.jobs)).give(job)

    def _wait_for(self, job: Job) -> None:
        while job.outcome is None:
            for worker in wait_for_any(self._workers):
                if not worker.receive():
                    self._replace(worker)

    def _replace(self, worker: Worker) -> None:
        self._workers.remove(worker)
        status = worker.bury()
        if not worker.ready:
            raise AudioError(
                f"A decoder process could not start: {describe_death(status)}.",
                fix="look at its messages above; APEX_ENCODER__DECODE_WORKERS=0 does without",
            )
        self._staff()
        if worker.jobs:
            self._blame(worker.jobs.popleft(), status)
        for job in worker.jobs:
            self._assign(job)

    def _blame(self, job: Job, status: int) -> None:
        job.deaths += 1
        reason = describe_death(status)
        logger.warning("%s: %s.", job.ref.uri, reason)
        # Once more on its own account: the system may have killed the process for want of memory elsewhere.
        if job.deaths < _MOST_DEATHS and status != -signal.SIGALRM:
            self._assign(job)
        else:
            job.outcome = Undecodable(reason)

    def _staff(self) -> None:
        while len(self._workers) < self._count:
            self._workers.append(Worker(self._store_url, self._settings))

    def _dismiss_busy(self) -> None:
        # A stream that was left early: its songs are nobody's any more.
        for worker in [worker for worker in self._workers if worker.jobs]:
            self._workers.remove(worker)
            worker.stop()


def _decoded(store: Store, ref: AudioRef, settings: AudioSettings) -> Windows | AudioError:
    from apex_core.audio.decoding import load  # only here does the feed's own process need torch

    try:
        return segments(load(store, ref, settings))
    except AudioError as error:
        return error


def _handed_over(pending: deque[Job]) -> tuple[AudioRef, Windows | AudioError]:
    # Returned, not kept in the generator's frame: the song's memory is free once its taker drops it.
    job = pending.popleft()
    return job.ref, cast(Windows | AudioError, job.outcome)
