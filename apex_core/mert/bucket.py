"""A checkpoint's folder on s3: fetched and converted once, and then found without asking or with one look."""

import contextlib
import logging
from collections.abc import Generator
from pathlib import Path

from apex_core.errors import EncoderError, NotFound, SettingsError, StorageError
from apex_core.mert.config import PREPROCESSOR
from apex_core.mert.folder import CONFIG, WEIGHT_FILES, Checkpoint, Descriptions, find_files, nameless
from apex_core.mert.memory import Memory, alone, part_of, recall, remember
from apex_core.mert.weights import check_expected, convert_once, file_sha256
from apex_core.settings import EncoderSettings
from apex_core.storage import ForeignFile, find_s3, local_file

_log = logging.getLogger("apex_core.mert")

S3 = "s3://"

Files = dict[str, ForeignFile]

_WHOLE = "put the whole revision there: config.json, preprocessor_config.json and the weights"


def from_bucket(settings: EncoderSettings, cache: Path) -> Checkpoint:
    """The checkpoint under ``s3://bucket/prefix``, of which only the converted copy is kept here.

    With ``settings.sha256`` a copy of that very file is used without a look at the bucket. Without, objects that
    changed since (by their ETags) are fetched anew, and a bucket out of reach leaves what was fetched before.
    Raises EncoderError when there is neither, or what there is cannot be honoured.
    """
    url = settings.source.rstrip("/")
    known = recall(url, cache)
    if known is not None and settings.sha256 is not None and known.sha256 == settings.sha256.lower():
        return _checkpoint(url, known)
    try:
        files = _listed(url)
    except (StorageError, SettingsError) as error:
        return _checkpoint(url, _fall_back(url, known, error))
    if known is None or known.stamp != _stamp(files):
        known = _fetched(url, files, known, settings.sha256, cache)
    return _checkpoint(url, known)


def _checkpoint(url: str, known: Memory) -> Checkpoint:
    architecture, normalise = known.descriptions.read(url)
    return Checkpoint(
        nameless(architecture), None, architecture, normalise, known.copy, known.descriptions, sha256=known.sha256
    )


def _fall_back(url: str, known: Memory | None, error: StorageError | SettingsError) -> Memory:
    if known is None:
        raise EncoderError(
            f"The encoder's folder cannot be read: {error.message}",
            fix=error.fix or f"see that {url} holds config.json, preprocessor_config.json and the weights",
        ) from error
    _log.warning("%s cannot be looked at (%s); the copy fetched before is used.", url, error.message)
    return known


def _listed(url: str) -> Files:
    """The checkpoint's files by name; raises NotFound for a folder that lacks one."""
    found = {name: file for name in (CONFIG, PREPROCESSOR) if (file := find_s3(f"{url}/{name}")) is not None}
    for name in WEIGHT_FILES:
        if (file := find_s3(f"{url}/{name}")) is not None:
            return _complete(url, found | {name: file})
    raise NotFound(f"{url} has neither {' nor '.join(WEIGHT_FILES)}.", fix=_WHOLE)


def _complete(url: str, files: Files) -> Files:
    for name in (CONFIG, PREPROCESSOR):
        if name not in files:
            raise NotFound(f"{url} has no {name}.", fix=_WHOLE)
    return files


def _stamp(files: Files) -> str:
    return " ".join(f"{name}={file.stamp}:{file.bytes}" for name, file in sorted(files.items()))


def _fetched(url: str, files: Files, known: Memory | None, expected: str | None, cache: Path) -> Memory:
    with alone(cache):
        # Another process may have been first.
        fresh = recall(url, cache)
        if fresh is not None and fresh.stamp == _stamp(files):
            return fresh
        if known is not None:
            _log.warning("%s changed since it was fetched; it is fetched again.", url)
        with _downloaded(url, files, cache) as (descriptions, weights):
            descriptions.read(url)
            sha256 = file_sha256(weights)
            check_expected(sha256, expected, f"The weights file in {url}")
            convert_once(weights, sha256, cache)
            remember(url, _stamp(files), sha256, descriptions, cache)
    found = recall(url, cache)
    if found is None:
        raise EncoderError(f"What was fetched from {url} is gone from {cache}.", fix="try again")
    return found


@contextlib.contextmanager
def _downloaded(url: str, files: Files, cache: Path) -> Generator[tuple[Descriptions, Path]]:
    scratch = part_of(cache / "encoder" / "s3")
    scratch.mkdir()
    with contextlib.ExitStack() as stack:
        stack.callback(scratch.rmdir)

        def find(name: str) -> Path | None:
            if name not in files:
                return None
            return _whole(stack.enter_context(local_file(files[name].uri, scratch)), files[name])

        try:
            found = find_files(find, url)
            changed = _stamp(_listed(url)) != _stamp(files)
        except (StorageError, SettingsError, OSError) as error:
            raise EncoderError(f"{url} could not be fetched: {error}", fix="try again") from error
        if changed:
            raise EncoderError(f"{url} changed while it was fetched.", fix="try again when it is written")
        yield found


def _whole(copy: Path, file: ForeignFile) -> Path:
    if copy.stat().st_size != file.bytes:
        raise EncoderError(f"{file.uri} broke off: {copy.stat().st_size} of {file.bytes} bytes.", fix="try again")
    return copy
