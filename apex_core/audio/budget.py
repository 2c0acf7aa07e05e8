"""How much decoded audio may wait for its taker."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from apex_core.audio.facts import SAMPLE_RATE
from apex_core.audio.windows import NativeSong
from apex_core.audio.worker import Job
from apex_core.settings import AudioSettings

_SAMPLE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes that songs ahead may take together, that one may take without leave, and that the longest one takes."""

    total: int
    at_once: int
    largest: int

    @classmethod
    def share(cls, settings: AudioSettings, workers: int, highest_rate: int = SAMPLE_RATE) -> "Budget":
        """So much for ``workers`` processes, which can all be at work and have a few songs ready."""
        total = int(settings.ahead_mb * 1_000_000) * workers
        largest = int(settings.max_seconds * highest_rate * _SAMPLE_BYTES)
        return cls(total, min(total // (workers + 2), largest), largest)

    def has_room(self, jobs: Iterable[Job], more: int) -> bool:
        """Say whether ``more`` bytes can be taken beside what ``jobs`` have, or may come to have without leave."""
        return sum(map(self._taken, jobs)) + more <= self.total

    def _taken(self, job: Job) -> int:
        if job.outcome is None:
            return self.largest if job.may_go_on else self.at_once
        wave = job.outcome.wave if isinstance(job.outcome, NativeSong) else job.outcome
        return int(wave.nbytes) if isinstance(wave, np.ndarray) else 0
