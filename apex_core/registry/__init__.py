"""The model registry: immutable versions, aliases, holds, decisions, the promotion gate and the model card.

Importing this package is cheap: torch loads with the first model whose weights are read or written.
"""

import importlib
from typing import TYPE_CHECKING, Any

from apex_core.registry.aliases import (
    AliasRecord,
    alias_history,
    alias_names,
    before,
    list_aliases,
    resolve_alias,
    set_alias,
    unread_aliases,
)
from apex_core.registry.card import model_card
from apex_core.registry.contents import Description, describe_version
from apex_core.registry.decisions import (
    DecisionRecord,
    decided,
    decision_history,
    newest_decision,
    record_decision,
    unread_decisions,
)
from apex_core.registry.gate import Contest, Decision, gate
from apex_core.registry.holds import HoldRecord, hold_history, resolve_hold, set_hold, unread_holds
from apex_core.registry.layout import CHAMPION, is_version, version_day, version_name
from apex_core.registry.versions import (
    check_published,
    delete_version,
    is_published,
    list_versions,
    named_after,
    publish,
    version_folders,
)

if TYPE_CHECKING:
    from apex_core.registry.artifact import (
        Artifact,
        load_artifact,
        read_staged,
        stage_artifact,
        verify_artifact,
        weights_sha256,
    )

__all__ = [
    "CHAMPION",
    "AliasRecord",
    "Artifact",
    "Contest",
    "Decision",
    "DecisionRecord",
    "Description",
    "HoldRecord",
    "alias_history",
    "alias_names",
    "before",
    "check_published",
    "decided",
    "decision_history",
    "delete_version",
    "describe_version",
    "gate",
    "hold_history",
    "is_published",
    "is_version",
    "list_aliases",
    "list_versions",
    "load_artifact",
    "model_card",
    "named_after",
    "newest_decision",
    "publish",
    "read_staged",
    "record_decision",
    "resolve_alias",
    "resolve_hold",
    "set_alias",
    "set_hold",
    "stage_artifact",
    "unread_aliases",
    "unread_decisions",
    "unread_holds",
    "verify_artifact",
    "version_day",
    "version_folders",
    "version_name",
    "weights_sha256",
]


_HEAVY = frozenset({"Artifact", "load_artifact", "read_staged", "stage_artifact", "verify_artifact", "weights_sha256"})


def __getattr__(name: str) -> Any:  # noqa: ANN401  a module's attribute
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("apex_core.registry.artifact"), name)
