"""Where a checkpoint comes from: a folder in the hub's format, here or on s3, or a pinned hub revision."""

import re
from pathlib import Path

from apex_core.errors import EncoderError
from apex_core.mert.bucket import S3, from_bucket
from apex_core.mert.folder import Checkpoint, find_files, nameless
from apex_core.mert.hub import HubRepository
from apex_core.mert.memory import recall
from apex_core.settings import EncoderSettings

_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def locate(settings: EncoderSettings, cache: Path) -> Checkpoint:
    """Find the files of ``settings.source``, fetching those of the hub or of s3 the first time.

    Raises EncoderError when a file cannot be had or its configuration cannot be honoured.
    """
    if settings.source.startswith(S3):
        return from_bucket(settings, cache)
    if Path(settings.source).is_dir():
        return _local(Path(settings.source))
    if not _HUB_ID.fullmatch(settings.source):
        shown = re.sub("//.*@", "//…@", settings.source)  # an address may have a password in it
        raise EncoderError(
            f"Encoder source {shown!r} is neither a folder nor a hub id.",
            fix="set APEX_ENCODER__SOURCE to m-a-p/MERT-v1-95M, a folder (or s3://bucket/prefix) with its files, or"
            " tiny-random",
        )
    return _from_hub(HubRepository(settings.source, settings.revision, cache / "hub"), cache)


def _local(folder: Path) -> Checkpoint:
    def find(name: str) -> Path | None:
        return folder / name if (folder / name).is_file() else None

    descriptions, weights = find_files(find, str(folder))
    architecture, normalise = descriptions.read(str(folder))
    return Checkpoint(nameless(architecture), None, architecture, normalise, weights, descriptions)


def _from_hub(repository: HubRepository, cache: Path) -> Checkpoint:
    origin = f"{repository.repo_id}@{repository.revision}"
    name = re.sub(r"[^a-z0-9.]+", "-", repository.repo_id.rsplit("/", 1)[-1].lower()).strip("-.")
    # A commit never changes, so its converted copy is as good as the commit.
    if (known := recall(origin, cache)) is not None:
        architecture, normalise = known.descriptions.read(str(repository))
        weights, promised, sha256 = known.copy, None, known.sha256
        descriptions = known.descriptions
    else:
        descriptions, weights = find_files(repository.find, str(repository))
        architecture, normalise = descriptions.read(str(repository))
        # The hub's cache names a large file by its sha256.
        stored, sha256 = weights.resolve().name, None
        promised = stored if _SHA256.fullmatch(stored) else None
    return Checkpoint(
        name, repository.revision, architecture, normalise, weights, descriptions, promised, sha256, origin
    )
