"""Models as people look at them: what is published, what was decided about it, how two of them differ.

From the store alone: no catalog is needed, and no torch is loaded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from apex_core.registry import (
    CHAMPION,
    alias_history,
    alias_names,
    decision_history,
    describe_version,
    list_aliases,
    list_versions,
    newest_decision,
    resolve_hold,
)
from apex_core.registry.figures import interval_of, shown
from apex_core.registry.gate import RANKED
from apex_core.storage import Store

Row = dict[str, Any]

_FIGURES = ("n", "spearman", "pearson", "mae")


def list_models(store: Store, most: int) -> list[Row]:
    """A row a version, the newest ``most`` first: how it ranks, what was decided and why, which aliases name it."""
    aliases = list_aliases(store)
    versions = list_versions(store)[::-1]
    return [_listed(store, version, aliases) for version in (versions[:most] if most else versions)]


def _listed(store: Store, version: str, aliases: Mapping[str, Any]) -> Row:
    found, decision = describe_version(store, version), newest_decision(store, version)
    test = found.metrics.get("test") or {}
    return {
        "version": version,
        "alias": ", ".join(name for name, record in aliases.items() if record.version == version) or None,
        "condition": found.config.get("condition"),
        **{target.removeprefix("score_"): (test.get(target) or {}).get("spearman") for target in RANKED},
        "test_songs": (test.get(RANKED[0]) or {}).get("n"),
        "decision": decision.outcome if decision else None,
        "decided_by": decision.decided_by if decision else None,
        "reason": "; ".join(decision.reasons) if decision else None,
    }


def figures_shown(metrics: Mapping[str, Any], targets: Sequence[str]) -> list[Row]:
    """A row a target that was measured: figures on the test songs with their intervals, and ridge beside."""
    test, ridge = metrics.get("test") or {}, (metrics.get("baselines") or {}).get("ridge") or {}
    drawn = metrics.get("intervals") or {}
    ours, theirs = drawn.get("test") or {}, (drawn.get("baselines") or {}).get("ridge") or {}
    return [
        {
            "target": target,
            "songs": figures.get("n"),
            **{name: shown(figures.get(name), interval_of(ours, target, name)) for name in ("spearman", "pairwise")},
            "ridge spearman": shown((ridge.get(target) or {}).get("spearman"), interval_of(theirs, target, "spearman")),
            "mae": shown(figures.get("mae"), interval_of(ours, target, "mae")),
        }
        for target, figures in ((target, test[target]) for target in targets if target in test)
    ]


def standing(store: Store) -> Row:
    """Who is champion since when and by whom, and whether promotion is held."""
    champion, held = list_aliases(store).get(CHAMPION), resolve_hold(store, CHAMPION)
    return {"champion": asdict(champion) if champion else None, "hold": asdict(held) if held else None}


def hold_in_words(hold: Row | None) -> str | None:
    """That promotion is held, since when, by whom and why; None while it is not. ``hold`` as in ``standing``."""
    if not hold or not hold["held"]:
        return None
    return f"promotion is held since {hold['set_at'][:16]} by {hold['set_by']}: {hold['reason']}"


def show_model(store: Store, version: str) -> Row:
    """All there is about a version: config, metrics, lineage, every decision, the alias records that name it, files."""
    found = describe_version(store, version)
    history = (record for name in alias_names(store) for record in alias_history(store, name))
    return {
        "version": version,
        "config": {name: value for name, value in found.config.items() if name != "quantiles"},
        "metrics": found.metrics,
        "lineage": found.lineage,
        "decisions": [asdict(record) for record in decision_history(store, version)],
        "aliases": [asdict(record) for record in history if record.version == version],
        "files": {name: asdict(entry) for name, entry in found.files.items()},
    }


def compare_models(store: Store, one: str, other: str) -> Row:
    """How ``other`` differs from ``one``: settings and origin that are not equal, test figures side by side.

    ``same_test_songs``: whether both were measured on one training set; else figures are of other songs each.
    """
    a, b = describe_version(store, one), describe_version(store, other)
    kinds = (("config", a.config, b.config), ("lineage", a.lineage, b.lineage))
    differing = [row for kind, left, right in kinds for row in _differing(kind, left, right)]
    sets = [found.lineage.get("training_set_id") for found in (a, b)]
    return {
        "versions": [one, other],
        "same_test_songs": sets[0] is not None and sets[0] == sets[1],
        "training_sets": _sets(store, sets),
        "differing": differing,
        "metrics": list(_side_by_side(a.metrics.get("test") or {}, b.metrics.get("test") or {})),
    }


def _differing(kind: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Row]:
    one, other = dict(_flat(left)), dict(_flat(right))
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield {"where": kind, "what": name, "before": one.get(name), "after": other.get(name)}


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Plain values by dotted name; of a list that is long or nested, how many there are."""
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{name}.") if name != "quantiles" else ()
        elif isinstance(inner, list) and len(inner) > 8:
            yield f"{prefix}{name}", f"{len(inner)} of them"
        else:
            yield f"{prefix}{name}", inner


def _side_by_side(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Row]:
    for target in dict.fromkeys((*one, *other)):
        for figure in _FIGURES:
            a, b = (one.get(target) or {}).get(figure), (other.get(target) or {}).get(figure)
            change = b - a if isinstance(a, int | float) and isinstance(b, int | float) else None
            yield {"target": target, "figure": figure, "before": a, "after": b, "change": change}


def _sets(store: Store, names: list[Any]) -> Row | None:
    """How far the second training set is from the first; None where one is not there."""
    if None in names or names[0] == names[1]:
        return None
    from apex_core.errors import NotFound
    from apex_core.pipeline import training_set as sets  # loads torch: only where it is needed

    try:
        before, after = (sets.read(store, name) for name in names)
    except NotFound:
        return None
    change = sets.compare(before, after)
    rows = {"rows_before": before.rows.height, "rows_after": after.rows.height}
    return {**rows, "new_share": change.new_share, "target_move": change.target_move}
