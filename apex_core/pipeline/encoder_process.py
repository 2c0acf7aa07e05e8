"""A process that has one encoder on one device and encodes ranges of shards, one after another (DESIGN §7).

It is told its settings, then ranges, in lines of JSON over a socket, and answers each range with lines of progress,
of log, and at last with facts or an error. It opens no catalog, and is gone when its parent is.
"""

import contextlib
import json
import logging
import signal
import socket
import sys
import threading
import traceback
from typing import Any, TextIO

from apex_core.errors import ApexError
from apex_core.lifeline import die_with


def main() -> None:
    """Serve the parent at the other end of a socket; the arguments are the socket's number and the parent's pid."""
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    die_with(parent)
    # The parent decides when to stop, and says so by closing the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nobody listens any more: not worth a traceback.
    with (
        contextlib.suppress(BrokenPipeError, ConnectionResetError),
        socket.socket(fileno=descriptor) as connection,
        connection.makefile("rw", encoding="utf-8") as lines,
    ):
        _serve(_Parent(lines), lines)


class _Parent(logging.Handler):
    """What is said to the parent, line by line, whichever thread says it; records of the log, too."""

    def __init__(self, lines: TextIO) -> None:
        super().__init__()
        self._lines, self._speaking = lines, threading.Lock()

    def say(self, **message: object) -> None:
        with self._speaking:
            self._lines.write(json.dumps(message) + "\n")
            self._lines.flush()

    def emit(self, record: logging.LogRecord) -> None:
        self.say(log=(record.name, record.levelno, record.getMessage()))


def _serve(parent: _Parent, lines: TextIO) -> None:
    # Imported only now: loading torch takes seconds in which the parent may die.
    from apex_core.mert.kept import keep_encoder
    from apex_core.pipeline.extract import encode_shards
    from apex_core.settings import Settings

    settings = Settings(**json.loads(lines.readline()))
    keep_encoder()
    logger = logging.getLogger("apex_core")
    logger.setLevel(logging.INFO)
    logger.addHandler(parent)
    for line in lines:
        job = json.loads(line)
        try:
            facts = encode_shards(settings, job["encoder_id"], job["shards"], lambda *seen: parent.say(progress=seen))
        except Exception as error:
            parent.say(error=_described(error))
        else:
            parent.say(facts=facts)


def _described(error: Exception) -> dict[str, Any]:
    if isinstance(error, ApexError):
        return {"kind": type(error).__name__, **error.__dict__}
    return {"kind": None, "message": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}


if __name__ == "__main__":
    main()
