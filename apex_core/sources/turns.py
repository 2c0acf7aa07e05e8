"""A platform is asked by one process of this host at a time: they take turns through one small file."""

import fcntl
import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from apex_core.sources.access import Access

LONGEST_WAIT_S = 900.0


class Turns:
    """When the next request may be sent, for every thread and process that shares ``path``.

    The file holds the next free moment of the host's monotonic clock, which all of its processes read alike, and how
    many requests in a row have failed. A moment further off than any wait can be was written before a restart.
    """

    def __init__(self, access: Access, clock: Callable[[], float] = time.monotonic) -> None:
        access.home.mkdir(parents=True, exist_ok=True)
        self._path: Path = access.home / f"{access.platform}.turns"
        self._interval_s = 1.0 / access.connector.requests_per_second
        self._breaker = access.http.breaker_failures, access.http.breaker_s
        self._sleep = access.sleep
        self._clock = clock
        self._awaited = 0.0
        self._failing = False

    def wait(self) -> None:
        """Return when it is our turn. Whoever slept looks again: somebody may have been told to wait meanwhile."""
        while (wait_s := self._claim()) > 0:
            self._sleep(wait_s)

    def failed(self, wait_s: float) -> None:
        """Let nobody ask for ``wait_s`` seconds; longer when too many requests in a row have failed."""
        with self._held() as state:
            state["failures"] += 1
            most, breaker_s = self._breaker
            wait_s = max(wait_s, breaker_s) if state["failures"] >= most else wait_s
            state["next_at"] = max(state["next_at"], self._now() + min(wait_s, LONGEST_WAIT_S))

    def succeeded(self) -> None:
        """The platform answers: failures are counted from nought again."""
        if self._failing:
            with self._held() as state:
                state["failures"] = 0

    def _claim(self) -> float:
        """Take the next moment if it has come (0), else say how many seconds off it is."""
        with self._held() as state:
            self._failing = state["failures"] > 0
            if state["next_at"] <= self._now():
                state["next_at"] = self._now() + self._interval_s
                return 0.0
            wait_s = state["next_at"] - self._now()
            self._awaited = state["next_at"]
            return wait_s

    def _now(self) -> float:
        """The clock, or the moment slept for: a sleep may end a little early."""
        return max(self._clock(), self._awaited)

    @contextmanager
    def _held(self) -> Generator[dict[str, Any]]:
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            state = _read(file)
            if state["next_at"] > self._now() + LONGEST_WAIT_S + self._interval_s:
                state["next_at"] = 0.0
            yield state
            file.seek(0)
            file.truncate()
            file.write(json.dumps(state).encode())


def _read(file: IO[bytes]) -> dict[str, Any]:
    """What the file says; of a file that a killed process left half written, nothing."""
    file.seek(0)
    try:
        state = json.loads(file.read())
        return {"next_at": float(state["next_at"]), "failures": int(state["failures"])}
    except (ValueError, TypeError, KeyError):
        return {"next_at": 0.0, "failures": 0}
