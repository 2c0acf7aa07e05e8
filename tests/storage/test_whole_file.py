"""A file that was asked for is whole or not there, and nothing else is lost for it."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from apex_core.errors import AlreadyExists, NotFound, StorageError
from apex_core.storage import whole_file


def write(path: Path, text: str, fault: BaseException | None) -> None:
    with whole_file(path, replace=True) as part:
        part.write_text(text)
        if fault is not None:
            raise fault


def test_it_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    with whole_file(path, replace=False) as part:
        part.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert os.listdir(tmp_path) == ["answer"]


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    path.write_text("precious")
    with pytest.raises(KeyboardInterrupt):
        write(path, "half", KeyboardInterrupt())
    assert path.read_text() == "precious"
    assert os.listdir(tmp_path) == ["answer"]


def test_a_file_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    with contextlib.ExitStack() as stack:
        part = stack.enter_context(whole_file(path, replace=False))
        part.write_text("ours")
        path.write_text("theirs")
        with pytest.raises(AlreadyExists, match="is there already"):
            stack.close()
    assert path.read_text() == "theirs"


def test_two_writers_of_one_name_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    with whole_file(path, replace=True) as part:
        part.write_text("first")
        with pytest.raises(AlreadyExists, match="another process"), whole_file(path, replace=True):
            pass
    assert path.read_text() == "first"


def test_what_a_killed_writer_left_is_written_over(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from apex_core.storage import whole_file\n"
        "with whole_file(Path(sys.argv[1]), replace=False) as part:\n"
        "    part.write_text('half' * 1000); os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "answer"
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -signal.SIGKILL
    assert not path.exists()
    with whole_file(path, replace=False) as part:
        part.write_text("whole")
    assert path.read_text() == "whole"
    assert os.listdir(tmp_path) == ["answer"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to nothing"])
def test_what_is_no_file_is_never_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "answer"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nothing")
    before = path.lstat()
    with pytest.raises(AlreadyExists, match="no file that could be replaced"), whole_file(path, replace=True):
        pytest.fail("before any work is done")
    assert os.path.samestat(path.lstat(), before)


def test_a_place_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no folder"), whole_file(tmp_path / "none" / "answer", replace=False):
        pass
    with pytest.raises(StorageError, match="cannot be written: File name too long") as caught:  # also for root
        write(tmp_path / ("a" * 255), "half", None)
    assert caught.value.fix is not None
