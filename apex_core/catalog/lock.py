"""The catalog's own lock: a file beside it, since DuckDB's lock can vanish (any other descriptor closed drops it)."""

import contextlib
import fcntl
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Generator
from pathlib import Path

from apex_core.errors import CatalogError, Locked

_log = logging.getLogger("apex_core.catalog")

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.005, 0.25

_mutexes: dict[str, threading.Lock] = {}
_owners: dict[str, tuple[int, str]] = {}


@contextlib.contextmanager
def hold(path: Path, holder: str, timeout_s: float, what: str = "The catalog") -> Generator[None]:
    """Hold the lock file ``path`` across threads and processes; ``what`` it guards is for messages.

    Raises Locked, naming the holder, after ``timeout_s`` seconds.
    """
    deadline = time.monotonic() + timeout_s
    with _mutex(str(path.absolute()), holder, timeout_s, what):
        descriptor = _locked(path, deadline, what)
        try:
            _write_holder(descriptor, holder)
            yield
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)  # also drops the flock; the file itself stays


@contextlib.contextmanager
def share(path: Path) -> Generator[None]:
    """Hold the lock file ``path`` together with others who share it; waits as long as one holds it alone."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.warning("%s is held by %s; waiting until that is done.", path.name, read_holder(path))
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _mutex(path: str, holder: str, timeout_s: float, what: str) -> Generator[None]:
    owner, stage = _owners.get(path, (0, ""))
    if owner == threading.get_ident():
        raise CatalogError(f"{what} is already open in this thread, by {stage!r}: holding does not nest.")
    mutex = _mutexes.setdefault(path, threading.Lock())
    if not mutex.acquire(timeout=timeout_s):
        stage = _owners.get(path, (0, "another thread"))[1]
        raise Locked(f"{what} is held by {stage!r} in this process ({os.getpid()}).", fix="wait until it is done")
    _owners[path] = (threading.get_ident(), holder)
    try:
        yield
    finally:
        _owners.pop(path, None)
        mutex.release()


def _locked(path: Path, deadline: float, what: str) -> int:
    """The lock file, opened and locked. One that was taken away meanwhile guards nothing: then it is the new one."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _flock(descriptor, path, deadline, what)
        except BaseException:
            os.close(descriptor)
            raise
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _flock(descriptor: int, path: Path, deadline: float, what: str) -> None:
    wait = _FIRST_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Locked(
                    f"{what} is held by {read_holder(path)}.", fix="wait until it is done, then try again"
                ) from None
        time.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT_S)


def _write_holder(descriptor: int, holder: str) -> None:
    facts = {"pid": os.getpid(), "host": socket.gethostname(), "holder": holder}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(facts).encode(), 0)


def holder_of(path: Path) -> str | None:
    """What whoever holds the lock now calls itself; None while nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return _facts(path).get("holder", "")
    finally:
        os.close(descriptor)


def _facts(path: Path) -> dict[str, str]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def read_holder(path: Path) -> str:
    """Who holds (or last crashed holding) the lock, in words."""
    try:
        facts = _facts(path)
        return f"pid {facts['pid']} on {facts['host']} ({facts['holder']})"
    except KeyError:
        return "another process"
