"""What people do to the registry: promote, roll back, hold, release; and let the catalog follow at once.

A rollback first holds automatic promotion, then sets the alias: cut short in between, nothing is promoted behind the
back of whoever was about to roll back.
"""

import contextlib
import getpass
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime

from apex_core.catalog import sql
from apex_core.catalog.lock import hold as lock
from apex_core.errors import ArtifactError, NotFound
from apex_core.pipeline.run import Run, at_work
from apex_core.registry import (
    CHAMPION,
    AliasRecord,
    Decision,
    HoldRecord,
    alias_history,
    alias_names,
    before,
    check_published,
    list_versions,
    record_decision,
    resolve_alias,
    resolve_hold,
    set_alias,
    set_hold,
)
from apex_core.settings import Settings
from apex_core.storage import Store

_PATIENCE_S = 60.0


def operator(settings: Settings) -> str:
    """Who decides by hand: the one the settings name, else the user of this host."""
    if settings.promotion.operator:
        return settings.promotion.operator
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def find_version(store: Store, name: str) -> str:
    """The version that ``name`` means: an alias, a version, or how only one version begins or ends.

    Raises NotFound.
    """
    if name in alias_names(store):
        record = resolve_alias(store, name)
        if record is not None:
            return record.version
    versions = list_versions(store)
    if name in versions:
        return name
    alike = [version for version in versions if name and (version.startswith(name) or version.endswith(name))]
    if len(alike) != 1:
        what = f"{len(alike)} models are" if alike else "No model is"
        raise NotFound(f"{what} called {name!r} in {store.url}.", fix="apex models list shows versions and aliases")
    return alike[0]


def known_names(store: Store) -> list[str]:
    """Every alias and version."""
    return [*alias_names(store), *list_versions(store)]


def is_held(store: Store) -> bool:
    """Is automatic promotion held?"""
    held = resolve_hold(store, CHAMPION)
    return held is not None and held.held


@contextlib.contextmanager
def registry_lock(settings: Settings, holder: str) -> Generator[None]:
    """One process of this host decides about models by hand, or clears old ones away."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with lock(settings.home / "models.lock", holder, _PATIENCE_S, "The registry"), at_work(settings):
        yield


def promote(
    settings: Settings,
    version: str,
    reason: str,
    by: str,
    at: datetime,
    committing: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext[None],
) -> AliasRecord:
    """Make a version champion by a person's word. It is read first, every hash checked.

    ``committing`` is a run's, when one carries the word out. Raises ArtifactError when it is not whole, AlreadyExists
    when somebody else sets the alias meanwhile, Fenced when the run was declared dead.
    """
    store = Store.open(settings.store_url)
    with registry_lock(settings, f"{by}: promote {version}"):
        check_published(store, version)
        champion = resolve_alias(store, CHAMPION)
        if champion is not None and champion.version == version:
            return champion
        against = champion.version if champion else None
        with committing():
            record_decision(store, version, Decision("promoted", (f"by hand: {reason}",)), against, by, at)
            return set_alias(store, CHAMPION, version, reason, by, at, after=champion.n if champion else 0)


def roll_back(
    settings: Settings,
    to: str | None,
    reason: str,
    by: str,
    at: datetime,
    committing: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext[None],
) -> tuple[AliasRecord, HoldRecord]:
    """Let the champion be the version it was before, or ``to``, and hold automatic promotion.

    Raises ArtifactError when there is nothing to go back to, and else what ``promote`` raises.
    """
    store = Store.open(settings.store_url)
    with registry_lock(settings, f"{by}: rollback"):
        history = alias_history(store, CHAMPION)
        target = _target(history, to)
        check_published(store, target.version)
        # To the version that was looked at: a promotion since then is a lost race, not what is rolled back instead.
        after, restores = history[-1].n, target.n
        with committing():
            held = set_hold(store, CHAMPION, True, f"rolled back from {history[-1].version}: {reason}", by, at)
            return set_alias(store, CHAMPION, target.version, reason, by, at, after=after, restores=restores), held


def _target(history: tuple[AliasRecord, ...], to: str | None) -> AliasRecord:
    """The record that is gone back to."""
    if not history:
        raise ArtifactError("There is no champion to roll back from.", fix="apex models list")
    if to is None:
        found = before(history)
    else:
        found = next((record for record in reversed(history) if record.version == to), None)
    if found is None:
        what = "The champion was no other version before." if to is None else f"{to} never was champion."
        raise ArtifactError(what, fix="apex models promote VERSION makes any version champion")
    if found.version == history[-1].version:
        raise ArtifactError(f"{found.version} is champion already.", fix="apex models list")
    return found


def hold(settings: Settings, held: bool, reason: str, by: str, at: datetime) -> HoldRecord:
    """Hold automatic promotion of a champion, or release it. Raises ArtifactError for a release of nothing."""
    store = Store.open(settings.store_url)
    with registry_lock(settings, f"{by}: {'hold' if held else 'release'}"):
        return set_hold(store, CHAMPION, held, reason, by, at)


def has_catalog(settings: Settings) -> bool:
    """Is this the host with the catalog? Elsewhere only the store can be told, and nothing can follow."""
    return settings.catalog_path.exists()


@dataclass(frozen=True, slots=True)
class Followed:
    """What followed a decision: songs predicted now, songs with the champion's predictions, the snapshot's note."""

    predicted: int
    shown: int
    encoder_id: str
    snapshot: str


def follow(run: Run) -> Followed:
    """Let the catalog's mirror, the predictions and the public snapshot follow what was decided, at once."""
    from apex_core.pipeline.predict import run_predict
    from apex_core.pipeline.snapshot import run_snapshot

    predicted = run_predict(run)
    with run.catalog("models") as connection:
        shown, encoder_id = connection.execute(sql("registry/shown")).fetchall()[0]
    return Followed(int(predicted.counts["songs"]), shown, encoder_id or "", run_snapshot(run).note)
