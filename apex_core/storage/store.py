"""Objects under keys, written atomically and, unless said otherwise, only once."""

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from apex_core.errors import NotFound, StorageError
from apex_core.storage.s3 import s3_code, s3_faults
from apex_core.storage.whole_file import make_folder, sync

_KEY = re.compile(r"[A-Za-z0-9_.=+-]+(?:/[A-Za-z0-9_.=+-]+)*")
_TEMPORARY = ".part-"
_PRECONDITION_FAILED = frozenset({"PreconditionFailed", "412"})
_CONFLICT = frozenset({"ConditionalRequestConflict", "409"})
_CONFLICTS = 10


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of immutable objects. Keys are relative, with ``/``; listing never shows unfinished writes."""

    url: str
    fs: fsspec.AbstractFileSystem
    root: str

    @classmethod
    def open(cls, url: str | Path) -> "Store":
        """Open a local folder (created when first written) or ``s3://bucket/prefix``.

        S3 credentials and endpoint come from the environment (``AWS_*``, ``AWS_ENDPOINT_URL_S3``).
        """
        text = str(url)
        if "://" not in text:
            text = str(Path(text).absolute())
        # Without the listing cache: what another process has written since must be seen.
        opened = fsspec.core.url_to_fs(text, use_listings_cache=False)
        fs, root = cast(tuple[fsspec.AbstractFileSystem, str], opened)
        return cls(url=text.rstrip("/"), fs=fs, root=root.rstrip("/"))

    @property
    def is_local(self) -> bool:
        return isinstance(self.fs, LocalFileSystem)

    def path(self, key: str) -> str:
        """Where ``key`` lies on the file system behind the store (no scheme)."""
        parts = key.split("/")
        if not _KEY.fullmatch(key) or not {".", ".."}.isdisjoint(parts) or _TEMPORARY in parts[-1]:
            raise StorageError(f"Not a storage key: {key!r}.")
        return f"{self.root}/{key}"

    def uri(self, key: str) -> str:
        """The address that DuckDB and polars read ``key`` from."""
        return self.path(key) if self.is_local else f"{self.url}/{key}"

    def exists(self, key: str) -> bool:
        """Is there an object, not just a folder, under ``key``?"""
        # Not fs.isfile(), to which whatever goes wrong means that there is none.
        try:
            with self._found(key) as path:
                return cast(dict[str, Any], self.fs.info(path))["type"] == "file"
        except NotFound:
            return False

    def size(self, key: str) -> int:
        """Bytes of an object."""
        with self._found(key) as path:
            return int(cast(int, self.fs.size(path)))

    def modified(self, key: str) -> datetime:
        """When an object was written, in UTC."""
        with self._found(key) as path:
            return cast(datetime, self.fs.modified(path)).astimezone(UTC)

    def list(self, prefix: str) -> list[str]:
        """Every finished key under the folder ``prefix``, sorted."""
        folder = self.path(prefix.rstrip("/"))
        try:
            with s3_faults(self.url):
                found = cast(list[str], self.fs.find(folder))
        except FileNotFoundError:
            return []
        keys = (path[len(self.root) + 1 :] for path in found if path.startswith(f"{folder}/"))
        return sorted(key for key in keys if _TEMPORARY not in key.rsplit("/", 1)[-1])

    def written(self, prefix: str) -> dict[str, datetime]:
        """When everything under the folder ``prefix`` was written, in UTC; also what writers have left half written.

        One listing. Keys of the latter are no keys for anything but ``delete_leftover``.
        """
        try:
            with s3_faults(self.url):
                found = cast(dict[str, dict[str, Any]], self.fs.find(self.path(prefix.rstrip("/")), detail=True))
        except FileNotFoundError:
            return {}
        return {path[len(self.root) + 1 :]: _written(info) for path, info in found.items()}

    def read(self, key: str) -> bytes:
        """The bytes of an object."""
        with self._found(key) as path:
            return cast(bytes, self.fs.cat_file(path))

    def read_json(self, key: str) -> Any:  # noqa: ANN401  JSON
        return json.loads(self.read(key))

    def open_file(self, key: str) -> BinaryIO:
        """A seekable reader; close it."""
        with self._found(key) as path:
            return cast(BinaryIO, self.fs.open(path, "rb"))

    @contextlib.contextmanager
    def local(self, key: str) -> Generator[Path]:
        """A path on this disk with the object's bytes: the object itself, or a copy that goes with the context."""
        if self.is_local:
            path = Path(self.path(key))
            if not path.is_file():
                raise NotFound(f"{self.url} has no {key}.")
            yield path
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / key.rsplit("/", 1)[-1]
            self.fetch(key, copy)
            yield copy

    def fetch(self, key: str, target: Path) -> None:
        """Copy an object to a path on this disk; what a failure leaves there is not whole."""
        with self._found(key) as path:
            if self.is_local:
                _copy(Path(path), target)
            else:
                self.fs.get_file(path, str(target))

    def repeat(self, source: str, key: str) -> None:
        """Let ``key``, which no manifest trusts yet, hold what ``source`` holds, without moving the bytes.

        On s3 the server copies; in a folder it is one file under two names, which nobody may write into.
        """
        target = self.path(key)
        with self._found(source) as path:
            if self.is_local:
                with self._temporary(target) as temporary:
                    os.link(path, temporary)
                    os.replace(temporary, target)
            else:
                self.fs.cp_file(path, target)

    def put(self, key: str, data: bytes, *, replace: bool = False) -> bool:
        """Write an object in one atomic step; True when it was written.

        Without ``replace`` the key is create-only: when it is taken nothing changes and the answer is False.
        ``replace`` is for files that no manifest trusts yet.
        """
        path = self.path(key)
        if not self.is_local:
            return self._send(lambda mode: self.fs.pipe_file(path, data, mode=mode), key, replace=replace)
        with self._temporary(path) as temporary:
            temporary.write_bytes(data)
            return _settle(temporary, Path(path), replace=replace)

    def put_file(self, key: str, source: Path, *, replace: bool = False) -> bool:
        """Like ``put``, from a file, which stays where it is."""
        path = self.path(key)
        if not self.is_local:
            return self._send(lambda mode: self.fs.put_file(str(source), path, mode=mode), key, replace=replace)
        with self._temporary(path) as temporary:
            _copy(source, temporary)
            return _settle(temporary, Path(path), replace=replace)

    def put_json(self, key: str, value: object, *, replace: bool = False) -> bool:
        """Canonical JSON (sorted keys), so that equal values are equal bytes."""
        text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        return self.put(key, text.encode(), replace=replace)

    def delete(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError), s3_faults(self.url):
            self.fs.rm_file(self.path(key))

    def delete_leftover(self, key: str) -> None:
        """Delete what a writer that was killed has left half written."""
        folder, _, name = key.rpartition("/")
        if _TEMPORARY not in name:
            raise StorageError(f"{key} is no leftover.")
        with contextlib.suppress(FileNotFoundError):
            self.fs.rm_file(f"{self.path(folder)}/{name}")

    def delete_leftovers(self, older_than: timedelta | None = None) -> int:
        """Delete what writers that were killed have left half written; how many files.

        While nobody writes; or only what is ``older_than`` that by the clock of the disk. On s3 there is none.
        """
        found = cast(list[str], self.fs.find(self.root)) if self.is_local else []
        left = [path for path in found if is_leftover(path)]
        if older_than is not None and left:
            with self._temporary(self.path("clock")) as clock:
                clock.touch()
                before = clock.stat().st_mtime - older_than.total_seconds()
            left = [path for path in left if Path(path).stat().st_mtime < before]
        for path in left:
            with contextlib.suppress(FileNotFoundError):
                self.fs.rm_file(path)
        return len(left)

    def sha256(self, key: str) -> str:
        with self.open_file(key) as file:
            return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()

    def _send(self, put: Callable[[str], object], key: str, *, replace: bool) -> bool:
        # One conditional request. S3 may ask to repeat it (409) while another writer of the key is not yet done.
        for _ in range(_CONFLICTS):
            try:
                with s3_faults(self.url):
                    put("overwrite" if replace else "create")
            except OSError as error:
                if _is_taken(error) and not replace:
                    return False
                if s3_code(error) not in _CONFLICT:
                    raise
            else:
                return True
        raise StorageError(f"{self.url}/{key} is being written by others again and again.", fix="try again")

    @contextlib.contextmanager
    def _found(self, key: str) -> Generator[str]:
        try:
            with s3_faults(self.url):
                yield self.path(key)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise NotFound(f"{self.url} has no {key}.") from error

    @contextlib.contextmanager
    def _temporary(self, path: str) -> Generator[Path]:
        # In the target's own folder: a rename is atomic only within one file system.
        folder, name = path.rsplit("/", 1)
        make_folder(Path(folder))
        temporary = Path(folder) / f"{name}{_TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def is_leftover(key: str) -> bool:
    """Is it what a writer writes before it gives a file its name?"""
    return _TEMPORARY in key.rsplit("/", 1)[-1]


def _written(info: dict[str, Any]) -> datetime:
    if "LastModified" in info:
        return cast(datetime, info["LastModified"]).astimezone(UTC)
    return datetime.fromtimestamp(info["mtime"], UTC)


def _is_taken(error: OSError) -> bool:
    # s3fs says FileExistsError only where the answer names the failed condition, as AWS does and others do not.
    return isinstance(error, FileExistsError) or s3_code(error) in _PRECONDITION_FAILED


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        while block := reader.read(1 << 20):
            writer.write(block)


def _settle(temporary: Path, target: Path, *, replace: bool) -> bool:
    sync(temporary)
    if replace:
        os.replace(temporary, target)
    else:
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
    sync(target.parent)
    return True
