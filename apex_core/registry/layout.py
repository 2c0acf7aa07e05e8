"""Where models and the records about them lie in the store, and what their names look like."""

import re
from datetime import UTC, datetime

from apex_core.errors import ArtifactError

MODELS = "models"
ALIASES = f"{MODELS}/aliases"
HOLDS = f"{MODELS}/holds"
DECISIONS = f"{MODELS}/decisions"
CLAIMS = f"{MODELS}/claims"

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
METRICS = "metrics.json"
LINEAGE = "lineage.json"
CARD = "README.md"
FILES = (WEIGHTS, CONFIG, METRICS, LINEAGE, CARD)

CHAMPION = "champion"
"""The alias of the version that predicts."""

_VERSION = re.compile(r"v\d{8}-[0-9a-f]{8}")
_ALIAS = re.compile(r"[a-z][a-z0-9-]{0,62}")


def version_name(as_of: datetime, weights_sha256: str) -> str:
    """Name a version after its run's day (UTC) and the hash of its weights: ``v20261122-1a2b3c4d``."""
    return check_version(f"v{as_of.astimezone(UTC):%Y%m%d}-{weights_sha256[:8]}")


def version_day(version: str) -> datetime:
    """The day that a version is named after, at its start (UTC)."""
    return datetime.strptime(check_version(version)[1:9], "%Y%m%d").replace(tzinfo=UTC)


def is_version(name: str) -> bool:
    return _VERSION.fullmatch(name) is not None


def check_version(version: str) -> str:
    """Return ``version``; raises ArtifactError when it is not a version's name."""
    if not is_version(version):
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


def hold_prefix(alias: str) -> str:
    return f"{HOLDS}/{check_alias(alias)}"


def decision_prefix(version: str) -> str:
    return f"{DECISIONS}/{check_version(version)}"
