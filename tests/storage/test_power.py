"""What was said to be done is on the disk by then: the system calls of a process show what was synced when."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_WORK = """
import os, sys
from pathlib import Path
from apex_core.catalog import connect, put_in_place, rewrite, transaction
from apex_core.settings import Settings
from apex_core.storage import Store, whole_file

def said(what):
    os.write(2, f"said {what}\\n".encode())

settings = Settings(home=Path(sys.argv[1]) / "home", threads=1)
with connect(settings):
    pass
with connect(settings) as connection:
    with transaction(connection):
        connection.execute("INSERT INTO run_stat VALUES ('r', 's', 'm', 1)")
    said("committed")
said("closed")
rewrite(settings, "test")
said("rewritten")
settings.catalog_path.rename(settings.home / "fresh")
put_in_place(settings, settings.home / "fresh", settings.home / "aside", "test")
said("put in place")
store = Store.open(settings.store_url)
store.put("one/two/new.json", b"1")
said("new")
store.put("one/two/new.json", b"2", replace=True)
said("replaced")
with whole_file(settings.home / "answer.csv", replace=True) as path:
    path.write_text("1")
said("whole")
"""
_CALL = re.compile(r"\d+ +(\w+)\((.*)\) += (-?\d+)")
_PATH = re.compile(r'"([^"]*)"')
_CALLS = "openat,close,write,pwrite64,fsync,fdatasync,link,linkat,rename,renameat,renameat2,mkdir,mkdirat"


def calls(log: Path) -> Iterator[tuple[str, str]]:
    """What was done to which path; a name that came to be in a folder is ``named`` of that folder."""
    opened: dict[str, str] = {}
    for line in log.read_text("utf-8", errors="replace").splitlines():
        match = _CALL.match(line)
        if match is None or match[3].startswith("-"):
            continue
        call, words, answer = match.groups()
        paths = _PATH.findall(words)
        if call == "openat":
            opened[answer] = paths[0]
        elif call == "write" and paths and paths[0].startswith("said "):
            yield "said", paths[0].removeprefix("said ").removesuffix("\\n")
        elif call in ("write", "pwrite64"):
            yield "written", opened.get(words.partition(",")[0], "")
        elif call in ("fsync", "fdatasync"):
            yield "synced", opened.get(words, "")
        elif call.startswith(("link", "rename", "mkdir")):
            yield "named", str(Path(paths[-1]).parent)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str]]]:
    """The folder of the process, and what it did there, in order."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    folder = tmp_path_factory.mktemp("power")
    log = folder / "calls"
    command = ["strace", "-f", "-qq", "-s", "4096", "-e", f"trace={_CALLS}", "-o", str(log)]
    ran = subprocess.run(
        [*command, sys.executable, "-c", _WORK, str(folder)], capture_output=True, text=True, check=False
    )
    if "ptrace" in ran.stderr or not log.exists():
        pytest.skip("this machine lets no process be watched")
    assert ran.returncode == 0, ran.stderr
    return folder, [(what, path) for what, path in calls(log) if what == "said" or path.startswith(str(folder))]


@pytest.mark.parametrize(
    ("said", "also"),
    [
        ("committed", "home/catalog.duckdb.wal"),
        ("closed", "home/catalog.duckdb"),
        ("rewritten", "home/catalog.duckdb.rewritten"),
        ("put in place", "home/fresh"),
        ("new", "home/store/one"),
        ("replaced", "home/store/one/two"),
        ("whole", "home"),
    ],
)
def test_all_that_was_written_and_named_is_synced_before_it_is_said(
    done: tuple[Path, list[tuple[str, str]]], said: str, also: str
) -> None:
    folder, log = done
    end = log.index(("said", said))
    start = max((n for n in range(end) if log[n][0] == "said"), default=-1)
    part = log[start + 1 : end]
    assert ("synced", str(folder / also)) in part
    for n, (what, path) in enumerate(part):
        if what in ("written", "named") and not path.endswith(".lock") and not _is_scratch(path):
            assert ("synced", path) in part[n + 1 :], f"{path} was {what}, and not synced before {said!r} was said"


def _is_scratch(path: str) -> bool:
    """Names that nobody is told of."""
    return "/spill" in path
