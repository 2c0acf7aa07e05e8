"""Files that are somebody else's: at a local path or an ``s3://`` address, listed and read, never written."""

import contextlib
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from apex_core.errors import NotFound
from apex_core.storage.s3 import s3_faults

S3 = "s3://"


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A file as its folder shows it: ``stamp`` changes with its content (modification time, or ETag)."""

    uri: str
    bytes: int
    stamp: str


def list_s3(prefix: str) -> Iterator[ForeignFile]:
    """Every object under ``s3://bucket/prefix/``, in the order of their keys, one request's worth in memory.

    Raises StorageError or SettingsError when the bucket cannot be listed.
    """
    bucket, _, folder = prefix.removeprefix(S3).rstrip("/").partition("/")
    asked: dict[str, str] = {"Bucket": bucket, "Prefix": f"{folder}/" if folder else ""}
    fs = _s3()
    while True:
        with s3_faults(prefix):
            page = fs.call_s3("list_objects_v2", **asked)
        for found in page.get("Contents", ()):
            yield ForeignFile(f"{S3}{bucket}/{found['Key']}", int(found["Size"]), str(found["ETag"]).strip('"'))
        if not page.get("IsTruncated"):
            return
        asked["ContinuationToken"] = page["NextContinuationToken"]


def find_s3(uri: str) -> ForeignFile | None:
    """The object at an ``s3://`` address; None when there is none. Raises as ``list_s3`` does."""
    try:
        with s3_faults(uri):
            found = _s3().info(uri)
    except FileNotFoundError:
        return None
    return ForeignFile(uri, int(found["size"]), str(found["ETag"]).strip('"')) if found["type"] == "file" else None


@contextlib.contextmanager
def local_file(uri: str, scratch: Path | None = None) -> Generator[Path]:
    """A path on this disk with the bytes of ``uri``: the file itself, or a copy (in ``scratch``) for the time being.

    Raises NotFound when an ``s3://`` address holds nothing; a local path is not looked at.
    """
    if not uri.startswith(S3):
        yield Path(uri)
        return
    with tempfile.TemporaryDirectory(prefix="apex-", dir=scratch) as folder:
        # Some look at how it ends; a key may be longer than a name on a disk.
        copy = Path(folder) / f"file-{uri.rpartition('/')[2][-50:]}"
        fetch_s3(uri, copy)
        yield copy


def fetch_s3(uri: str, target: Path) -> None:
    """Copy what lies at an ``s3://`` address to a path on this disk; what a failure leaves there is not whole.

    Raises NotFound when there is nothing.
    """
    try:
        with s3_faults(uri):
            _s3().get_file(uri.removeprefix(S3), str(target))
    except FileNotFoundError as error:
        raise NotFound(f"{uri} is not there.") from error


def _s3() -> Any:  # noqa: ANN401  call_s3 is not in fsspec's declarations
    return fsspec.filesystem("s3", use_listings_cache=False)
