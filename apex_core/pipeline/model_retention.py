"""Old versions that nothing leads to any more are cleared away; what an alias, a hold or a prediction names stays."""

from datetime import timedelta

from apex_core.catalog import sql
from apex_core.pipeline.models import registry_lock
from apex_core.pipeline.run import Run
from apex_core.registry import (
    CHAMPION,
    alias_history,
    alias_names,
    delete_version,
    list_versions,
    newest_decision,
    resolve_alias,
    version_day,
    version_folders,
)
from apex_core.storage import Store


def collect_models(run: Run) -> int:
    """Delete versions that were not promoted, are old and are no longer among the newest; how many.

    Their rows in the catalog and the decisions about them stay. Cut short anywhere, the next call goes on.
    """
    settings = run.settings.promotion
    with registry_lock(run.settings, f"{run.run_id}: retention"):
        folders = version_folders(run.store)
        published = list_versions(run.store)
        oldest = run.as_of - timedelta(days=settings.keep_days)
        newest = set(published[-settings.keep_versions :] if settings.keep_versions else ())
        old = {version for version in folders - newest if version_day(version) < oldest}
        doomed = old - protected(run, old) if old else old
        for version in sorted(doomed):
            delete_version(run.store, version)
    _mark(run, set(published) - doomed)
    return len(doomed)


def protected(run: Run, versions: set[str]) -> set[str]:
    """Those of ``versions`` that something names: an alias record, a prediction, a decision that waits for a word."""
    named = {record.version for alias in alias_names(run.store) for record in alias_history(run.store, alias)}
    with run.catalog("publish") as connection:
        predicted = {version for (version,) in connection.execute(sql("registry/predicted_by")).fetchall()}
    exported = {key.rsplit("/", 1)[-1].removesuffix(".parquet") for key in run.store.list("predictions")}
    waiting = {version for version in versions - named if _waits(run.store, version)}
    return versions & (named | predicted | exported | waiting)


def _waits(store: Store, version: str) -> bool:
    """Is it held for a person's word, and has nobody given one, for this or any other version, since?"""
    decision, champion = newest_decision(store, version), resolve_alias(store, CHAMPION)
    if decision is None or decision.outcome != "held":
        return False
    return champion is None or champion.set_at < decision.decided_at


def _mark(run: Run, present: set[str]) -> None:
    """Say in the catalog which versions are gone, this time or by a call that was cut short."""
    with run.catalog("publish") as connection:
        known = connection.execute(sql("registry/versions")).fetchall()
        gone = [version for version, removed in known if not removed and version not in present]
        if gone:
            connection.execute(sql("registry/mark_removed"), {"versions": gone, "as_of": run.as_of})
