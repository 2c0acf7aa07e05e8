"""The prefetching feed: songs are decoded ahead in other processes, and come out in order.

Decoders are plain subprocesses at the end of a socket rather than a process pool: they load nothing of the
calling program, a death is charged to the very song it happened on, and songs arrive in shared memory.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, Literal, Self, TypeVar, cast, overload

from apex_core.audio.budget import Budget
from apex_core.audio.crew import Crew, processes
from apex_core.audio.facts import HIGHEST_NATIVE_RATE, SAMPLE_RATE, SEGMENT_SAMPLES, AudioRef
from apex_core.audio.windows import NativeSong, Windows
from apex_core.audio.worker import Decoding, Job, Worker
from apex_core.errors import AudioError
from apex_core.settings import AudioSettings
from apex_core.storage import Store

Song = TypeVar("Song", bound=Windows | NativeSong, covariant=True)
Pending = deque[tuple[AudioRef, Job]]


class Feed(Generic[Song]):
    """Decodes songs, ``workers`` at a time; with 0, or where the system lacks the means, in this process.

    A song is float32[k, 720000], its windows at 24 kHz; with ``native`` it is a NativeSong for ``windows_on``, which
    resamples it on the encoder's device. At most ``2 * workers + 2`` songs are decoded or queued ahead of the one last
    taken, and they hold at most ``workers`` times ``settings.ahead_mb``; one song may always be decoded to its end.
    A feed serves one stream after another, not two at once, and keeps its processes between them; they end with the
    context, or with this process, however it ends.
    """

    @overload
    def __init__(
        self: "Feed[Windows]", store_url: str, settings: AudioSettings, workers: int, *, native: Literal[False] = False
    ) -> None: ...
    @overload
    def __init__(
        self: "Feed[NativeSong]", store_url: str, settings: AudioSettings, workers: int, *, native: Literal[True]
    ) -> None: ...
    @overload
    def __init__(
        self: "Feed[Windows | NativeSong]", store_url: str, settings: AudioSettings, workers: int, *, native: bool
    ) -> None: ...
    def __init__(self, store_url: str, settings: AudioSettings, workers: int, *, native: bool = False) -> None:
        self._store_url = store_url
        self._settings = settings
        self._native = native
        self._count = processes(workers)
        self._window = 2 * workers + 2
        self._budget = Budget.share(settings, workers, HIGHEST_NATIVE_RATE if native else SAMPLE_RATE)
        decoding = Decoding(store_url, native, self._budget.at_once)
        self._crew = Crew(lambda: Worker(settings, decoding), self._count)

    def __enter__(self) -> Self:
        self._crew.staff()
        return self

    def __exit__(self, *_: object) -> None:
        self._crew.dismiss()

    def stream(self, refs: Iterable[AudioRef]) -> Iterator[tuple[AudioRef, Song | AudioError]]:
        """Yield every song of ``refs``, in order, or what was wrong with it.

        ``refs`` is read only as far ahead as songs are. Raises AudioError when decoders cannot start at all.
        """
        return self._ahead(iter(refs)) if self._count else self._here(iter(refs))

    def _here(self, refs: Iterator[AudioRef]) -> Iterator[tuple[AudioRef, Song | AudioError]]:
        store = Store.open(self._store_url)
        for ref in refs:
            yield ref, cast(Song | AudioError, _decoded(store, ref, self._settings, native=self._native))

    def _ahead(self, refs: Iterator[AudioRef]) -> Iterator[tuple[AudioRef, Song | AudioError]]:
        pending: Pending = deque()
        self._crew.staff()
        try:
            while self._top_up(refs, pending):
                if pending[0][1].outcome is None:
                    self._give_leave(pending)
                    self._crew.listen()
                else:
                    yield self._handed_over(pending)
        finally:
            # A stream that was left early: its songs are nobody's any more.
            self._crew.dismiss_busy()

    def _top_up(self, refs: Iterator[AudioRef], pending: Pending) -> bool:
        while self._has_room(pending) and (ref := next(refs, None)) is not None:
            pending.append((ref, Job(ref)))
            self._crew.assign(pending[-1][1])
        return bool(pending)

    def _has_room(self, pending: Pending) -> bool:
        jobs = [job for _, job in pending]
        return not jobs or (len(jobs) < self._window and self._budget.has_room(jobs, self._budget.at_once))

    def _give_leave(self, pending: Pending) -> None:
        """Let large songs go on: what keeps the first song from its end, and what there is room for."""
        jobs = [job for _, job in pending]
        more = self._budget.largest - self._budget.at_once
        for worker in self._crew.waiting():
            if jobs[0] in worker.jobs or self._budget.has_room(jobs, more):
                worker.let_go_on()

    def _handed_over(self, pending: Pending) -> tuple[AudioRef, Song | AudioError]:
        # Returned, not kept in the generator's frame: the song's memory is free once its taker drops it.
        ref, job = pending.popleft()
        return ref, cast(Song | AudioError, job.outcome)


def _decoded(
    store: Store, ref: AudioRef, settings: AudioSettings, *, native: bool
) -> Windows | NativeSong | AudioError:
    from apex_core.audio.decoding import gather, open_ref  # only here does the feed's own process need the codecs

    try:
        with open_ref(store, ref, settings, native=native) as wave:
            if native:
                return NativeSong(gather(wave), wave.sample_rate)
            return gather(wave, SEGMENT_SAMPLES).reshape(-1, SEGMENT_SAMPLES)
    except AudioError as error:
        return error
