"""Processes and what they started, as the tests see them."""

import contextlib
import time
from collections import defaultdict
from pathlib import Path


def descendants(pid: int, module: str = "") -> set[int]:
    """Living processes that ``pid`` started, or that those started; only those that run ``module``, if one is named."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                children[int(parent)].append(int(stat.parent.name))
    found, waiting = set[int](), children[pid]
    while waiting:
        found |= {waiting[-1]}
        waiting += children[waiting.pop()]
    return {pid for pid in found if module in command(pid)}


def command(pid: int) -> str:
    """How a process was started; empty when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def gone_within(seconds: float, pids: set[int]) -> bool:
    deadline = time.monotonic() + seconds
    while any(command(pid) for pid in pids):  # nobody's command is left of a zombie
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
