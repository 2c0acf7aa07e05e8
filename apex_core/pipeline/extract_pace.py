"""How fast an extraction goes, and what it waits for."""

import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Pace:
    """Seconds of audio done, and the seconds that took: all in all, waiting for the feed, in the encoder."""

    audio_s: float = 0.0
    wait_s: float = 0.0
    encode_s: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def wall_s(self) -> float:
        return time.monotonic() - self.started

    @contextmanager
    def waiting(self) -> Generator[None]:
        """Count the block as waiting for the feed."""
        started = time.monotonic()
        yield
        self.wait_s += time.monotonic() - started

    @contextmanager
    def encoding(self) -> Generator[None]:
        """Count the block as time in the encoder."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.encode_s += time.monotonic() - started

    def since(self, before: "Pace") -> dict[str, Any]:
        """What is kept with a shard: its seconds, and where it was computed."""
        return {
            "wall_s": round(before.wall_s, 3),
            "wait_s": round(self.wait_s - before.wait_s, 3),
            "encode_s": round(self.encode_s - before.encode_s, 3),
            "host": socket.gethostname(),
        }

    def mark(self) -> "Pace":
        """The pace as it stands, for ``since``."""
        return Pace(self.audio_s, self.wait_s, self.encode_s, time.monotonic())

    def told(self, left_s: float) -> str:
        """The pace in words, and how long ``left_s`` more seconds of audio will take."""
        return pace_in_words(self.audio_s, self.wall_s, self.wait_s, self.encode_s, left_s)


def pace_in_words(audio_s: float, wall_s: float, wait_s: float, encode_s: float, left_s: float = 0.0) -> str:
    """Times real time, time left, what the machine waits for, hours of audio done; all arguments are seconds."""
    rate = audio_s / wall_s if wall_s > 0 else 0.0
    words: list[str] = []
    if rate:
        words.append(f"{rate:,.0f}× real time" if rate >= 10 else f"{rate:.1f}× real time")
    if rate and left_s > 0:
        words.append(f"{_clock(left_s / rate)} left")
    if wait_s + encode_s > 0:
        words.append("feed-bound" if wait_s > encode_s else "encoder-bound")
    words.append(hours_of_audio(audio_s))
    return ", ".join(words)


def hours_of_audio(seconds: float) -> str:
    """A length of audio in the unit that fits."""
    if seconds < 3_600:
        return f"{seconds / 60:.1f} min of audio"
    return f"{seconds / 3_600:,.1f} h of audio"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
