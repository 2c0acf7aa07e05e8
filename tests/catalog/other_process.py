"""A second process at the catalog's door, steered line by line: ``python -m tests.catalog.other_process HOME HOLDER``.

It says "in" when it is inside, and leaves when told to.
"""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from apex_core.catalog import connect
from apex_core.settings import Settings

ROOT = Path(__file__).parents[2]


class OtherProcess:
    """The steering side."""

    def __init__(self, *command: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, word: str = "leave") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def ends(self) -> int:
        return self.process.wait(timeout=60)


@contextmanager
def other_process(*command: object) -> Generator[OtherProcess]:
    other = OtherProcess(*command)
    try:
        yield other
    finally:
        other.process.kill()
        other.process.communicate()


def at_the_door(settings: Settings, holder: str) -> tuple[object, ...]:
    return ("-m", "tests.catalog.other_process", settings.home, holder)


def main(home: str, holder: str) -> None:
    with connect(Settings(home=Path(home), threads=1, lock_timeout_s=30), holder) as connection:
        connection.execute("INSERT INTO run_stat VALUES ($1, 'test', 'visits', 1)", [holder])
        sys.stdout.write("in\n")
        sys.stdin.readline()
    sys.stdout.write("out\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
