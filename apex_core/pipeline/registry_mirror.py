"""The catalog's mirror of the registry: what the store's create-only records say, projected into tables.

The store is the truth. A run that was cut short has left records there that the catalog lacks, and so has whoever
promoted, rolled back or held by hand.
"""

import json
from typing import Any

from apex_core.catalog import sql, transaction
from apex_core.pipeline.run import Run
from apex_core.registry import (
    AliasRecord,
    DecisionRecord,
    HoldRecord,
    decided,
    describe_version,
    is_published,
    newest_decision,
    unread_aliases,
    unread_decisions,
    unread_holds,
)
from apex_core.registry.layout import WEIGHTS

Known = dict[str, set[int]]


def adopt_registry(run: Run) -> None:
    """Take in alias records, holds and decisions that the catalog does not know, and the versions they are about.

    A version that was decided to be promoted, and that no alias names, stays out: whoever decided was cut short, and it
    is to be trained and judged again.
    """
    known, versions = _known(run)
    aliases = unread_aliases(run.store, known["alias"])
    named = {record.version for record in aliases}
    unread = (name for name, numbers in decided(run.store).items() if {*numbers} - known["decision"].get(name, set()))
    ready = [name for name in unread if name in versions or name in named or _is_done(run, name)]
    decisions = [record for version in ready for record in unread_decisions(run.store, version, known["decision"])]
    holds = unread_holds(run.store, known["hold"])
    fresh = sorted((named | {record.version for record in decisions}) - versions)
    rows = [_version_row(run, version, aliases) for version in fresh if is_published(run.store, version)]
    if not (aliases or holds or decisions):
        return
    with run.catalog("publish") as connection, transaction(connection):
        for row in rows:
            connection.execute(sql("registry/insert_version"), row)
        for record in aliases:
            connection.execute(sql("registry/insert_alias"), _alias_row(record))
        for record in holds:
            connection.execute(sql("registry/insert_hold"), _hold_row(record))
        for record in decisions:
            connection.execute(sql("registry/insert_decision"), _decision_row(record))


def _known(run: Run) -> tuple[dict[str, Known], set[str]]:
    """The numbers of the records that the catalog has, by kind and name, and its versions."""
    known: dict[str, Known] = {"alias": {}, "hold": {}, "decision": {}}
    with run.catalog("publish") as connection:
        for kind, name, n in connection.execute(sql("registry/known_records")).fetchall():
            known[kind].setdefault(name, set()).add(n)
        versions = {version for version, _ in connection.execute(sql("registry/versions")).fetchall()}
    return known, versions


def _is_done(run: Run, version: str) -> bool:
    newest = newest_decision(run.store, version)
    return newest is not None and newest.outcome != "promoted"


def _version_row(run: Run, version: str, aliases: list[AliasRecord]) -> dict[str, Any]:
    found, decision = describe_version(run.store, version), newest_decision(run.store, version)
    alias = next((record for record in aliases if record.version == version), None)
    return {
        "version": version,
        "training_set_id": found.lineage.get("training_set_id"),
        "score_run_id": found.lineage.get("score_run_id"),
        "encoder_id": found.config["encoder_id"],
        "weights_sha256": found.files[WEIGHTS].sha256,
        "condition": found.config["condition"],
        "metrics": json.dumps(found.metrics, sort_keys=True),
        "lineage": json.dumps(found.lineage, sort_keys=True),
        "created_at": decision.decided_at if decision else alias.set_at if alias else run.as_of,
        "decision": decision.outcome if decision else "promoted",
        "reason": "; ".join(decision.reasons) if decision else alias.reason if alias else None,
    }


def _alias_row(record: AliasRecord) -> dict[str, Any]:
    names = ("alias", "n", "version", "reason", "set_by", "set_at", "restores")
    return {name: getattr(record, name) for name in names}


def _hold_row(record: HoldRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in ("alias", "n", "held", "reason", "set_by", "set_at")}


def _decision_row(record: DecisionRecord) -> dict[str, Any]:
    names = ("version", "n", "outcome", "reasons", "champion", "decided_by", "decided_at")
    row = {name: getattr(record, name) for name in names}
    return row | {"figures": json.dumps(record.figures, sort_keys=True)}
