"""A process that restores and can be killed at any change it makes to a disk.

Started as ``python -m tests.pipeline.restore_mortal``; reads one JSON job a line, forks a child for each and answers
with how the child ended and how many changes it made. Python itself says before each of them what it is about to do.
"""

import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from apex_core.pipeline.restore import restore
from apex_core.settings import Settings

_CHANGES = {"os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


def _run(job: dict[str, Any], log: Path) -> None:
    count = 0

    def about_to(event: str, args: tuple[Any, ...]) -> None:
        nonlocal count
        if event in _CHANGES or (event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax")):
            if count == job["last"]:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1
            os.write(out, f"{event} {args[0]}\n".encode())

    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.addaudithook(about_to)
    restore(Settings.model_validate_json(job["settings"]), datetime.fromisoformat(job["as_of"]), set_aside=True)


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                _run(job, Path(job["log"]))
            except BaseException as error:
                os.write(2, f"{error!r}\n".encode())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(json.dumps({"status": status}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
