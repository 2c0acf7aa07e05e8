"""Where models and aliases lie in the store, and what their names look like."""

import re
from datetime import UTC, datetime

from apex_core.errors import ArtifactError

MODELS = "models"
ALIASES = f"{MODELS}/aliases"

_VERSION = re.compile(r"v\d{8}-[0-9a-f]{8}")
_ALIAS = re.compile(r"[a-z][a-z0-9-]{0,62}")


def version_name(as_of: datetime, weights_sha256: str) -> str:
    """Name a version after its run's day (UTC) and the hash of its weights: ``v20261122-1a2b3c4d``."""
    return check_version(f"v{as_of.astimezone(UTC):%Y%m%d}-{weights_sha256[:8]}")


def check_version(version: str) -> str:
    """Return ``version``; raises ArtifactError when it is not a version's name."""
    if not _VERSION.fullmatch(version):
        raise ArtifactError(f"{version!r} is not a model version.", fix="versions look like v20261122-1a2b3c4d")
    return version


def check_alias(alias: str) -> str:
    """Return ``alias``; raises ArtifactError when it is not an alias's name."""
    if not _ALIAS.fullmatch(alias):
        raise ArtifactError(f"{alias!r} is not an alias.", fix="lower-case letters, digits and dashes, like champion")
    return alias


def version_prefix(version: str) -> str:
    return f"{MODELS}/{check_version(version)}"


def alias_prefix(alias: str) -> str:
    return f"{ALIASES}/{check_alias(alias)}"
