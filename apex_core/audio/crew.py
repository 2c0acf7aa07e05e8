"""Decoder processes that stand in for one another."""

import logging
import os
import signal
import socket
from collections.abc import Callable

from apex_core.audio.worker import Job, Worker, describe_death, wait_for_any
from apex_core.errors import AudioError, Unavailable, Undecodable

logger = logging.getLogger("apex_core.audio")

_MOST_DEATHS = 2


def processes(workers: int) -> int:
    """How many of ``workers`` decoder processes this system can have: all, or none."""
    return workers if hasattr(os, "memfd_create") and hasattr(socket, "SOCK_SEQPACKET") else 0


class Crew:
    """``count`` decoder processes, replaced as they die; for one thread at a time."""

    def __init__(self, start: Callable[[], Worker], count: int) -> None:
        self._start = start
        self._count = count
        self._workers: list[Worker] = []

    def staff(self) -> None:
        """Start the processes that are missing, without waiting for them."""
        while len(self._workers) < self._count:
            self._workers.append(self._start())

    def assign(self, job: Job) -> None:
        """Give ``job`` to the process that has the fewest."""
        self.staff()
        min(self._workers, key=lambda worker: len(worker.jobs)).give(job)

    def finish(self, job: Job) -> None:
        """Wait until ``job``, which was assigned, has an outcome; others may get theirs meanwhile.

        Raises AudioError when processes cannot start at all.
        """
        while job.outcome is None:
            self.listen()

    def listen(self) -> None:
        """Wait until some process has something to say, and take it. Raises as ``finish`` does."""
        for worker in wait_for_any(self._workers):
            if not worker.receive():
                self._replace(worker)

    def waiting(self) -> list[Worker]:
        """The processes whose song stands still."""
        return [worker for worker in self._workers if worker.jobs and worker.jobs[0].waits]

    def dismiss_busy(self) -> None:
        """End the processes that still have jobs, which nobody waits for any more."""
        for worker in [worker for worker in self._workers if worker.jobs]:
            self._workers.remove(worker)
            worker.stop()

    def dismiss(self) -> None:
        """End all processes."""
        while self._workers:
            self._workers.pop().stop()

    def _replace(self, worker: Worker) -> None:
        self._workers.remove(worker)
        status, last_words = worker.bury()
        if not worker.ready:
            said = f" It said:\n{last_words}" if last_words else ""
            raise AudioError(
                f"A decoder process could not start: {describe_death(status)}.{said}",
                fix="mend what it complains of; APEX_ENCODER__DECODE_WORKERS=0 does without",
            )
        if worker.jobs:
            self._blame(worker.jobs.popleft(), status)
        for job in worker.jobs:
            self.assign(job)

    def _blame(self, job: Job, status: int) -> None:
        job.deaths += 1
        reason = describe_death(status)
        logger.warning("%s: %s.", job.uri, reason)
        # Once more on its own account: the system may have killed the process for want of memory elsewhere.
        if job.deaths < _MOST_DEATHS and status != -signal.SIGALRM:
            self.assign(job)
        elif status == -signal.SIGKILL:  # want of memory says nothing about the bytes; no use in trying at once, though
            job.outcome = Unavailable(reason)
        else:
            job.outcome = Undecodable(reason)
