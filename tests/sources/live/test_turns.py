"""One pace for a platform, whoever asks: threads, and real processes that share a home."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from apex_core.sandbox import SandboxServer, World
from apex_core.sources import Access, list_pages
from apex_core.sources.turns import LONGEST_WAIT_S, Turns
from tests.sources.live.conftest import Asked

ROOT = Path(__file__).parents[3]
# Asks a number of times and says, by the host's monotonic clock, when it was its turn.
ASKER = """
import json, sys, time
from apex_core.settings import ConnectorSettings, HttpSettings
from apex_core.sources import Access
from apex_core.sources.turns import Turns
from pathlib import Path
home, rate, number, verb = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
access = Access("suno", ConnectorSettings(requests_per_second=rate), HttpSettings(breaker_s=0), Path(home))
turns = Turns(access)
print("up", flush=True); sys.stdin.readline()
moments = []
for _ in range(number):
    turns.wait() if verb == "wait" else turns.failed(0)
    moments.append(time.monotonic())
print(json.dumps(moments), flush=True)
"""


def ask_at_once(home: Path, rate: float, number: int, processes: int, verb: str = "wait") -> list[list[float]]:
    """When each of several processes had its turns (or was told of a failure)."""
    with ExitStack() as stack:
        command = [sys.executable, "-c", ASKER, str(home), str(rate), str(number), verb]
        started = [
            stack.enter_context(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ}
                )
            )
            for _ in range(processes)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "up"
        found: list[list[float]] = []
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in started:
            assert process.stdout is not None
            found.append(json.loads(process.stdout.readline()))
        return found


def next_at(home: Path) -> float:
    return json.loads((home / "suno.turns").read_text())["next_at"]


def test_two_processes_together_keep_to_one_rate(tmp_path: Path) -> None:
    began = time.monotonic()
    found = ask_at_once(tmp_path, rate=20, number=6, processes=2)
    assert [len(moments) for moments in found] == [6, 6]
    # Every turn puts the next one off by 50 ms, whoever takes it.
    assert next_at(tmp_path) >= began + 12 * 0.05


def test_no_process_overwrites_what_another_has_written(tmp_path: Path) -> None:
    ask_at_once(tmp_path, rate=1000, number=300, processes=2, verb="fail")
    assert json.loads((tmp_path / "suno.turns").read_text())["failures"] == 600


def test_being_told_to_wait_holds_for_every_process(tmp_path: Path, asked: Asked) -> None:
    mine = Turns(Access("suno", asked().connector, asked().http, tmp_path))
    mine.wait()
    mine.failed(1.5)
    told = next_at(tmp_path)
    (others,) = ask_at_once(tmp_path, rate=1000, number=1, processes=1)
    assert others[0] >= told - 0.01


def test_a_client_waits_out_what_another_was_told(
    world: World, sandbox: SandboxServer, asked: Asked, waits: list[float]
) -> None:
    Turns(asked()).failed(120)
    assert list(list_pages(asked(page_size=100), world.epoch))
    assert len(waits) == 1
    assert 110 < waits[0] <= 120
    assert not (asked().home / "udio.turns").exists()


def test_whoever_slept_looks_again(asked: Asked, tmp_path: Path) -> None:
    slept: list[float] = []
    first = Turns(asked())

    def told_meanwhile(seconds: float) -> None:
        if not slept:
            Turns(asked()).failed(300)
        slept.append(seconds)

    access = asked()
    sleeper = Turns(Access("suno", access.connector, access.http, access.home, told_meanwhile))
    first.failed(60)
    sleeper.wait()
    assert len(slept) == 2
    assert sum(slept) > 290


def test_failures_in_a_row_open_a_breaker_for_all(asked: Asked) -> None:
    access = asked(breaker_failures=3, breaker_s=60.0)
    one, other = Turns(access), Turns(access)
    waits: list[float] = []
    reader = Turns(Access("suno", access.connector, access.http, access.home, waits.append))
    one.failed(0.0)
    other.failed(0.0)
    reader.wait()
    assert sum(waits) < 1
    one.failed(0.0)
    reader.wait()
    assert 50 < sum(waits) <= 61


def test_an_answer_closes_the_count(asked: Asked) -> None:
    access = asked(breaker_failures=2, breaker_s=60.0)
    waits: list[float] = []
    turns = Turns(Access("suno", access.connector, access.http, access.home, waits.append))
    for _ in range(5):
        turns.failed(0.0)
        turns.wait()
        turns.succeeded()
    assert sum(waits) < 1


def test_a_moment_of_before_a_restart_and_a_torn_file_hold_nobody_up(asked: Asked) -> None:
    access = asked()
    waits: list[float] = []
    turns = Turns(Access("suno", access.connector, access.http, access.home, waits.append))
    for text in (json.dumps({"next_at": 1e12, "failures": 0}), '{"next_', ""):
        (access.home / "suno.turns").write_text(text)
        turns.wait()
    assert sum(waits) < 1


def test_no_wait_is_longer_than_a_quarter_of_an_hour(asked: Asked) -> None:
    access = asked()
    waits: list[float] = []
    turns = Turns(Access("suno", access.connector, access.http, access.home, waits.append))
    turns.failed(timedelta(days=1).total_seconds())
    turns.wait()
    assert sum(waits) <= LONGEST_WAIT_S
