"""The prefetching feed: songs are decoded ahead in other processes, and come out in order.

Decoders are plain subprocesses at the end of a socket rather than a process pool: they load nothing of the
calling program, a death is charged to the very song it happened on, and songs arrive in shared memory.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Self, cast

from apex_core.audio.crew import Crew, processes
from apex_core.audio.facts import AudioRef
from apex_core.audio.windows import segments
from apex_core.audio.worker import Job, Windows, Worker
from apex_core.errors import AudioError
from apex_core.settings import AudioSettings
from apex_core.storage import Store


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
        self._count = processes(workers)
        self._window = 2 * workers + 2
        self._crew = Crew(lambda: Worker(settings, store_url), self._count)

    def __enter__(self) -> Self:
        self._crew.staff()
        return self

    def __exit__(self, *_: object) -> None:
        self._crew.dismiss()

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
        pending: deque[tuple[AudioRef, Job]] = deque()
        self._crew.staff()
        try:
            while self._top_up(refs, pending):
                self._crew.finish(pending[0][1])
                yield _handed_over(pending)
        finally:
            # A stream that was left early: its songs are nobody's any more.
            self._crew.dismiss_busy()

    def _top_up(self, refs: Iterator[AudioRef], pending: deque[tuple[AudioRef, Job]]) -> bool:
        while len(pending) < self._window and (ref := next(refs, None)) is not None:
            pending.append((ref, Job(ref)))
            self._crew.assign(pending[-1][1])
        return bool(pending)


def _decoded(store: Store, ref: AudioRef, settings: AudioSettings) -> Windows | AudioError:
    from apex_core.audio.decoding import load  # only here does the feed's own process need torch

    try:
        return segments(load(store, ref, settings))
    except AudioError as error:
        return error


def _handed_over(pending: deque[tuple[AudioRef, Job]]) -> tuple[AudioRef, Windows | AudioError]:
    # Returned, not kept in the generator's frame: the song's memory is free once its taker drops it.
    ref, job = pending.popleft()
    return ref, cast(Windows | AudioError, job.outcome)
