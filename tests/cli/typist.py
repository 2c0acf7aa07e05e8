"""Somebody at a terminal: a command in a pseudo-terminal of its own, keys typed into it, what it shows."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][A-Z0-9]|[=>])")
_PATIENCE_S = 30.0


class Typist:
    """``apex WORDS`` in a terminal of ``columns`` by 50; a test that waits in vain fails with what was shown."""

    def __init__(self, *words: str, columns: int = 120, env: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "flows.cli", *words]
        # A pseudo-terminal does not say where its cursor is, and a prompt would wait for it.
        surroundings = {"PYTHONPATH": str(ROOT), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **(env or {})}
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            # What the test's own surroundings say of a width (workers of xdist do) is not this terminal's.
            inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
            os.execve(sys.executable, command, inherited | surroundings)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self._shown = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._terminal)

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def line(self, text: str) -> None:
        self.type(text + "\r")

    def sees(self, pattern: str) -> str:
        """Wait until ``pattern`` is shown after what was seen before; everything up to its end."""
        until = time.monotonic() + _PATIENCE_S
        while (found := re.compile(pattern).search(self.text, self._seen)) is None:
            assert time.monotonic() < until, f"waited in vain for {pattern!r} in:\n{self.text[self._seen :]}"
            assert self._read(), f"ended without {pattern!r}:\n{self.text[self._seen :]}"
        start, self._seen = self._seen, found.end()
        return self.text[start : found.end()]

    def is_heard(self) -> None:
        """Wait until Ctrl-C is a signal again, and no key that the prompt would keep for its next line."""
        until = time.monotonic() + _PATIENCE_S
        while not termios.tcgetattr(self._terminal)[3] & termios.ISIG:
            assert time.monotonic() < until, "still at the prompt"
            self._read(0.05)

    @property
    def text(self) -> str:
        """All that was shown so far, without what only steers a terminal."""
        return _ESCAPES.sub("", self._shown).replace("\r", "")

    def leaves(self) -> int:
        """Wait for the end; the exit code."""
        until = time.monotonic() + _PATIENCE_S
        while self._read():
            assert time.monotonic() < until, f"does not end:\n{self.text[self._seen :]}"
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def _read(self, seconds: float = 1.0) -> bool:
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if not ready:
            return True
        try:
            more = os.read(self._terminal, 65_536)
        except OSError:  # the other side is closed
            return False
        self._shown += more.decode(errors="replace")
        return bool(more)
