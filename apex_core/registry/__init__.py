"""The model registry: immutable versions, aliases, the promotion gate and the model card."""

from apex_core.registry.aliases import (
    AliasRecord,
    alias_history,
    list_aliases,
    resolve_alias,
    rollback,
    set_alias,
)
from apex_core.registry.artifact import (
    Artifact,
    load_artifact,
    read_staged,
    stage_artifact,
    verify_artifact,
    weights_sha256,
)
from apex_core.registry.card import model_card
from apex_core.registry.gate import Decision, gate
from apex_core.registry.layout import version_name
from apex_core.registry.versions import is_published, list_versions, publish

__all__ = [
    "AliasRecord",
    "Artifact",
    "Decision",
    "alias_history",
    "gate",
    "is_published",
    "list_aliases",
    "list_versions",
    "load_artifact",
    "model_card",
    "publish",
    "read_staged",
    "resolve_alias",
    "rollback",
    "set_alias",
    "stage_artifact",
    "verify_artifact",
    "version_name",
    "weights_sha256",
]
