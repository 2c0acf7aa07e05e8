"""What a process says on stderr: never on the terminal, where it would read as ours."""

import logging
import threading
from typing import IO

logger = logging.getLogger("apex_core.audio")

MOST_KEPT = 2000
_CHUNK = 4096
_PATIENCE_S = 5.0


class LastWords:
    """Listens to a process: logs what it says at DEBUG, and keeps the end of it."""

    def __init__(self, pipe: IO[bytes], pid: int) -> None:
        self._kept = b""
        # A thread, because nobody else listens all the time, and a process that fills a pipe stands still.
        self._thread = threading.Thread(target=self._listen, args=(pipe, pid), daemon=True)
        self._thread.start()

    def end(self) -> str:
        """Wait until the process, which is gone, has been heard out; return the last that it said."""
        self._thread.join(_PATIENCE_S)
        return self._kept.decode(errors="replace").strip()

    def _listen(self, pipe: IO[bytes], pid: int) -> None:
        with pipe:
            while said := pipe.read(_CHUNK):
                self._kept = (self._kept + said)[-MOST_KEPT:]
                logger.debug("Process %d: %s", pid, said.decode(errors="replace").rstrip())
