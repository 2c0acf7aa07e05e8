"""Verifying elsewhere says what verifying here says, and outlives every file."""

import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apex_core.audio import AudioFacts, Verifier, verify
from apex_core.errors import AudioError, TooLarge, Unavailable, Undecodable
from apex_core.settings import AudioSettings

from .decoders import children, first_decoders, gone_within, importing_first, poisonous
from .songs import scrambled, tone, write

SETTINGS = AudioSettings(max_seconds=3, max_bytes=2_000_000)


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(SETTINGS, 2) as verifier:
        yield verifier


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write(tmp_path / "song.flac", tone(44100, 44100), 44100)


@pytest.mark.parametrize("workers", [0, 2])
def test_facts_and_faults_are_those_of_verify(verifier: Verifier, tmp_path: Path, song: Path, workers: int) -> None:
    (tmp_path / "text.mp3").write_text("Too many requests.")
    (tmp_path / "big.wav").write_bytes(bytes(2_000_001))
    long = write(tmp_path / "long.flac", tone(8000 * 4, 8000, 1), 8000)
    odd = Path(os.fsdecode(bytes(tmp_path) + b"/\xff.flac"))
    odd.write_bytes(song.read_bytes())
    files = [song, odd, long, tmp_path / "text.mp3", tmp_path / "big.wav", tmp_path / "none", Path("/proc/self/mem")]
    verifier = verifier if workers else Verifier(SETTINGS, 0)
    found = [outcome(lambda path=path: verifier.verify(path)) for path in files]
    assert found == [outcome(lambda path=path: verify(path, SETTINGS)) for path in files]
    kinds = [AudioFacts, AudioFacts, TooLarge, Undecodable, TooLarge, Unavailable, Unavailable]
    assert [kind for kind, *_ in found] == kinds
    assert [transient for *_, transient in found] == [False] * 6 + [True]


def outcome(attempt: Callable[[], AudioFacts]) -> tuple[type, str, bool]:
    try:
        return AudioFacts, str(attempt()), False
    except AudioError as error:
        return type(error), error.message, error.transient


def test_threads_share_it(verifier: Verifier, tmp_path: Path) -> None:
    files = [write(tmp_path / f"{n}.wav", tone(8000 + n, 8000, 1), 8000) for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        facts = list(pool.map(verifier.verify, files))
    assert [fact.sha256 for fact in facts] == [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert 1 <= len(children()) <= 2


def test_a_file_that_kills_its_decoders_fails_alone(
    tmp_path: Path, song: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    poison = song.rename(tmp_path / "poison.flac")
    good = write(tmp_path / "good.flac", tone(44100, 44100), 44100)
    with (
        caplog.at_level(logging.DEBUG, "apex_core.audio"),
        poisonous(tmp_path),
        Verifier(SETTINGS, 2) as verifier,
        ThreadPoolExecutor(3) as pool,
    ):
        outcomes = list(pool.map(lambda path: outcome(lambda: verifier.verify(path)), [good, poison, good, good]))
    assert outcomes.pop(1) == (Undecodable, "decoder died (SIGSEGV)", False)
    assert {kind for kind, *_ in outcomes} == {AudioFacts}
    assert caplog.text.count("tasted of almonds") == 2, "one retry"
    # Where Prefect has been in this process, what is logged is shown there too, and that is all.
    shown = capfd.readouterr().err.splitlines()
    assert [line for line in shown if not line.endswith(tuple(caplog.messages))] == []


def test_a_decoder_that_is_killed_costs_no_song(song: Path) -> None:
    before = children()
    with Verifier(SETTINGS, 1) as verifier:
        verifier.verify(song)
        for decoder in children() - before:
            os.kill(decoder, signal.SIGKILL)
        assert verifier.verify(song) == verify(song, SETTINGS)


def test_decoders_outlive_the_threads_that_needed_them(song: Path) -> None:
    before = children()
    with Verifier(SETTINGS, 1) as verifier:
        thread = threading.Thread(target=verifier.verify, args=(song,))
        thread.start()
        thread.join()
        started = children() - before
        verifier.verify(song)
        assert len(started) == 1
        assert children() - before == started
    assert children() == before


def test_none_is_started_before_it_is_needed() -> None:
    before = children()
    with Verifier(SETTINGS, 2):
        assert children() == before


def test_decoders_that_cannot_start_are_no_fault_of_the_song(song: Path, tmp_path: Path) -> None:
    with (
        importing_first(tmp_path, "soundfile", "raise ImportError('no such library')\n"),
        Verifier(SETTINGS, 1) as verifier,
        pytest.raises(AudioError, match=r"(?s)could not start: .* \(exit status 1\)\..*no such library") as caught,
    ):
        verifier.verify(song)
    assert type(caught.value) is AudioError


@pytest.mark.parametrize("workers", [0, 1])
def test_an_mp3_that_is_not_as_long_as_it_says_causes_no_noise(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], workers: int
) -> None:
    path = write(tmp_path / "song.mp3", tone(44100 * 2, 44100), 44100)
    whole = path.read_bytes()
    with Verifier(SETTINGS, workers) as verifier:
        path.write_bytes(whole[: len(whole) // 2])
        assert outcome(lambda: verifier.verify(path)) == (Undecodable, "shorter than its header says", False)
        path.write_bytes(whole + bytes(len(whole) // 10))
        assert verifier.verify(path).duration_s == pytest.approx(2, abs=0.03)
    assert capfd.readouterr().err == ""


def test_what_decoders_say_is_logged_and_never_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    path = scrambled(tmp_path / "song.mp3")
    with caplog.at_level(logging.DEBUG, "apex_core.audio"), Verifier(AudioSettings(), 1) as verifier:
        outcome(lambda: verifier.verify(path))
    assert "Illegal Audio-MPEG-Header" in caplog.text
    assert capfd.readouterr().err == ""


PARENT = """
import sys, threading
from pathlib import Path
from apex_core.audio import Verifier
from apex_core.settings import AudioSettings

with Verifier(AudioSettings(), 1) as verifier:
    verifier.verify(Path(sys.argv[1]))
    print("up", flush=True)
    while True:
        if sys.argv[2] == "busy":
            verifier.verify(Path(sys.argv[1]))
        else:
            threading.Event().wait()
"""


@pytest.mark.parametrize("state", ["starting", "idle", "busy"])
def test_decoders_die_with_a_parent_that_is_killed(song: Path, state: str) -> None:
    arguments = [sys.executable, "-c", PARENT, str(song), state]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        decoders = first_decoders(parent.pid)
        if state != "starting":
            assert parent.stdout.readline() == "up\n"
        parent.kill()
        parent.wait()
        assert gone_within(10, decoders)
