"""What was fetched from elsewhere, remembered beside its converted copy, so that nobody has to be asked again."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

from apex_core.mert.folder import Descriptions

_PART = ".part-"


@dataclass(frozen=True, slots=True)
class Memory:
    """A checkpoint that was fetched: its descriptions, the hash of its weights file, and the converted copy."""

    origin: str
    stamp: str | None
    sha256: str
    descriptions: Descriptions
    copy: Path


def copy_path(sha256: str, cache: Path) -> Path:
    """Where the converted copy of the weights file with this hash lies."""
    return cache / "encoder" / f"{sha256}.safetensors"


def recall(origin: str, cache: Path) -> Memory | None:
    """What is known of ``origin``, or None when nothing usable is."""
    try:
        raw = json.loads(_record(origin, cache).read_bytes())
        descriptions = Descriptions(dict(raw["config"]), dict(raw["processor"]))
        copy = copy_path(raw["sha256"], cache)
        known = Memory(raw["origin"], raw["stamp"], raw["sha256"], descriptions, copy)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return known if known.origin == origin and copy.is_file() else None


def remember(origin: str, stamp: str | None, sha256: str, descriptions: Descriptions, cache: Path) -> None:
    """Write down what was fetched and converted, in one atomic step; nothing is written when it is known."""
    known = recall(origin, cache)
    if known is not None and (known.stamp, known.sha256) == (stamp, sha256):
        return
    value = {"origin": origin, "stamp": stamp, "sha256": sha256, **asdict(descriptions)}
    record = _record(origin, cache)
    temporary = part_of(record)
    temporary.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
    replace_atomically(temporary, record)


@contextlib.contextmanager
def alone(cache: Path) -> Generator[None]:
    """One process at a time fetches and converts; what one that was killed left half done is cleared away."""
    folder = cache / "encoder"
    folder.mkdir(parents=True, exist_ok=True)
    with (cache / "encoder.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for left in folder.glob(f"*{_PART}*"):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
        yield


def part_of(target: Path) -> Path:
    """A name in the folder of ``target`` for what is not whole yet."""
    return target.with_name(f"{target.name}{_PART}{os.getpid()}-{os.urandom(4).hex()}")


def replace_atomically(temporary: Path, target: Path) -> None:
    """Let ``target`` be what ``temporary`` holds, once that is on the disk."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, target)


def _record(origin: str, cache: Path) -> Path:
    return cache / "encoder" / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.json"
