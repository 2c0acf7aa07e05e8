"""The measured part of a model card, from what ``metrics.json`` holds; a section that was not measured is left out."""

from collections.abc import Mapping, Sequence
from typing import Any

from apex_core.registry.figures import NAMES, Intervals, all_figures, beside, parts, shown, table
from apex_core.registry.gate import RANKED, TargetMetrics

_COMPARED = {"spearman": "Spearman", "mae": "mean absolute error, in points"}


def measured(
    metrics: Mapping[str, Any], rival: Mapping[str, Any] | None, ceiling: Mapping[str, float], plots: Sequence[str]
) -> str:
    """Tables and pictures: figures, comparison, parts, calibration, time, segments."""
    test: TargetMetrics = metrics.get("test") or {}
    if not test:
        return "## Metrics\n\nNothing was measured of this model here."
    sections = [
        _opening(metrics),
        all_figures(test, _intervals(metrics)),
        _ceiling(test, ceiling),
        *(_against(metrics, rival, figure) for figure in _COMPARED),
        _gain(metrics, rival),
        _picture(plots, "predicted_against_actual", "Predicted against actual, a panel a target"),
        _parts(metrics),
        _picture(plots, "by_platform", "Rank correlation by platform, with intervals"),
        _calibration(metrics),
        _picture(plots, "calibration", "Mean label against mean prediction, songs in bins by prediction"),
        _time(metrics),
        _modes(metrics),
        _picture(plots, "learning_curves", "Loss by epoch, in training and on the validation songs"),
    ]
    return "\n\n".join(section for section in sections if section)


def _intervals(metrics: Mapping[str, Any]) -> Intervals:
    return (metrics.get("intervals") or {}).get("test") or {}


def _opening(metrics: Mapping[str, Any]) -> str:
    drawn = metrics.get("intervals") or {}
    text = "## Metrics\n\nOn the test songs, which neither training nor the choice of the epoch has seen."
    if drawn.get("draws"):
        what = {
            "groups": f"the {drawn['of']} groups of related songs (same creator, remakes)",
            "songs": f"the {drawn['of']} songs one by one, as they fall into too few groups; for related songs that "
            "is too narrow",
        }[drawn["drawn"]]
        text += f" In brackets the {drawn['level']:.0%} interval of a bootstrap: {drawn['draws']} draws of {what}."
    return (
        text + " `pairwise` is the share of pairs of songs with different labels that the predictions put in the right "
        "order; chance is 0.5."
    )


def _ceiling(test: TargetMetrics, ceiling: Mapping[str, float]) -> str:
    reachable = [target for target in test if target in ceiling]
    if not reachable:
        return ""
    best = ", ".join(f"`{target}` {shown(ceiling[target])}" for target in reachable)
    return f"The noise in these labels is known. The best possible Spearman, which no model ranks better than: {best}."


def _against(metrics: Mapping[str, Any], rival: Mapping[str, Any] | None, figure: str) -> str:
    drawn = (metrics.get("intervals") or {}).get("baselines") or {}
    columns: dict[str, tuple[TargetMetrics, Intervals]] = {"this model": (metrics["test"], _intervals(metrics))}
    if rival is not None:
        columns[rival["name"]] = (rival["test"], rival["intervals"])
    for name, found in (metrics.get("baselines") or {}).items():
        if any(figures.get(figure) is not None for figures in found.values()):
            columns[NAMES.get(str(name), str(name))] = (found, drawn.get(name) or {})
    if len(columns) < 2:
        return ""
    remark = f" {rival['name']} is the champion at the time, on the same songs." if rival is not None else ""
    told = (
        "\n\nRidge regression on the embedding and ridge on duration and age alone have their penalty chosen on the "
        f"validation songs; the mean is that of the train songs.{remark}"
        if figure == "spearman"
        else ""
    )
    return f"### Against baselines: {_COMPARED[figure]}{told}\n\n{beside(figure, columns, metrics['test'])}"


def _gain(metrics: Mapping[str, Any], rival: Mapping[str, Any] | None) -> str:
    """How much more Spearman than the champion and the baselines: an interval of the difference says more than two."""
    drawn = (metrics.get("intervals") or {}).get("gain") or {}
    others: dict[str, tuple[TargetMetrics, Intervals]] = {}
    if rival is not None:
        others[f"over {rival['name']}"] = (rival["test"], rival["gain"])
    for name, found in (metrics.get("baselines") or {}).items():
        others[f"over {NAMES.get(str(name), str(name))}"] = (found, drawn.get(name) or {})
    columns = {
        name: ({target: {"spearman": _more(metrics["test"], found, target)} for target in metrics["test"]}, spans)
        for name, (found, spans) in others.items()
    }
    columns = {
        name: pair for name, pair in columns.items() if any(one["spearman"] is not None for one in pair[0].values())
    }
    if not columns:
        return ""
    return (
        "### Gain in Spearman\n\nWhere an interval lies above 0, this model ranks better by more than the choice of "
        f"test songs explains.\n\n{beside('spearman', columns, metrics['test'])}"
    )


def _more(ours: TargetMetrics, theirs: TargetMetrics, target: str) -> float | None:
    mine, other = (one.get(target, {}).get("spearman") for one in (ours, theirs))
    return None if mine is None or other is None else mine - other


def _parts(metrics: Mapping[str, Any]) -> str:
    groups = metrics.get("groups") or {}
    targets = [target for target in RANKED if target in metrics["test"]]
    found = [
        f"### Spearman by {kind.replace('_', ' ')}\n\n{parts(groups[kind], 'spearman', targets)}"
        for kind in ("platform", "model_family")
        if groups.get(kind)
    ]
    small = "\n\nParts with fewer than ten labelled songs are counted, not judged." if found else ""
    return "\n\n".join(found) + small


def _calibration(metrics: Mapping[str, Any]) -> str:
    found = metrics.get("calibration") or {}
    if not found:
        return ""
    rows = (
        [f"`{target}`", *(shown(facts[name]) for name in ("slope", "intercept", "error"))]
        for target, facts in found.items()
    )
    return (
        "### Calibration\n\nThe line of labels by predictions (slope 1 and intercept 0 are perfect; below 1 "
        "predictions lie too far apart) and the mean distance in points of a bin's label from its prediction.\n\n"
        + table(["target", "slope", "intercept", "error"], rows)
    )


def _time(metrics: Mapping[str, Any]) -> str:
    found = metrics.get("time_split") or {}
    if "test" not in found:
        return f"### Newer songs\n\nNot measured: {found['reason']}." if "reason" in found else ""
    drawn, ridge = found["intervals"]["test"], found["intervals"]["baselines"].get("ridge") or {}
    columns: dict[str, tuple[TargetMetrics, Intervals]] = {
        "trained on older songs": (found["test"], drawn),
        "this model, same songs": (found["same_songs"], {}),
        "ridge on older songs": (found["baselines"].get("ridge") or {}, ridge),
    }
    rows = found["rows"]
    return (
        f"### Newer songs: Spearman\n\nHeads of the same recipe, trained on {rows['train']:,} songs created before "
        f"{found['cut'][:10]} and tested on {rows['test']:,} songs of other groups created since.\n\n"
        + beside("spearman", columns, found["test"])
    )


def _modes(metrics: Mapping[str, Any]) -> str:
    found = metrics.get("segment_song") or {}
    if "song" not in found:
        return ""
    columns = {
        "from the song's vector": (found["song"], {}),
        "mean of its segments' predictions": (found["segment"], {}),
    }
    return f"### Songs or segments: Spearman\n\nThe same heads, on {found['songs']:,} test songs.\n\n" + beside(
        "spearman", columns, found["song"]
    )


def _picture(plots: Sequence[str], name: str, alt: str) -> str:
    return f"![{alt}](plots/{name}.png)" if f"plots/{name}.png" in plots else ""
