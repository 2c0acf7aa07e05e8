"""The model card: what the heads predict, from what, how well, and what not to use them for."""

import json
from collections.abc import Mapping
from typing import Any

from apex_core.registry.gate import RANKED, TargetMetrics

LICENCE = "cc-by-nc-4.0"

_MEANINGS = {
    "score_streams": (
        "0–100",
        "plays, as a percentile of the platform's songs with the upper tail compressed",
    ),
    "score_likes": ("0–100", "likes, in the same way"),
    "coherence": ("1–5", "overall coherence"),
    "musicality": ("1–5", "overall musicality"),
    "memorability": ("1–5", "memorability"),
    "clarity": ("1–5", "clarity of song structure"),
    "naturalness": ("1–5", "naturalness of vocal breathing and phrasing"),
}
_FIGURES = ("n", "mse", "mae", "pearson", "spearman")

_LOAD = """\
```python
from pathlib import Path

from apex_core.heads import HeadsConfig, build_model, predict
from apex_core.registry import load_artifact

artifact = load_artifact(Path("."))  # this folder; every hash is checked
model = build_model(HeadsConfig.from_json(artifact.config), artifact.weights)
predict(model, vectors)  # float32[n, {hidden}] of encoder {encoder} -> float32[n, {targets}]
```"""


def model_card(
    *,
    version: str,
    config: Mapping[str, Any],
    metrics: TargetMetrics,
    lineage: Mapping[str, Any],
    ceiling: Mapping[str, float] | None = None,
) -> str:
    """Write the card of a version: Markdown under a YAML header.

    ``metrics`` are those on the test rows. Of ``lineage`` every plain value is listed, and ``window``
    ({"from", "to"}) and ``rows`` ({"train", "val", "test"}) in words. ``ceiling`` is the Spearman that a
    perfect model could reach, by target, where it is known.
    """
    sections = [
        _header(config),
        f"# apex heads {version}",
        _opening(config),
        _predicted(config["targets"]),
        _data(lineage),
        _measured(metrics, ceiling),
        _limits(config["targets"]),
        _licence(config),
        _loading(config),
    ]
    return "\n\n".join(sections) + "\n"


def encoder_kind(encoder_id: str) -> str:
    """``random`` for the demo's stand-in, ``mert``, or ``other``, from what the encoder is named."""
    name = encoder_id.lower()
    if "random" in name:
        return "random"
    return "mert" if "mert" in name else "other"


def _header(config: Mapping[str, Any]) -> str:
    tags = ["music", "popularity-prediction", "apex", f"encoder:{config['encoder_id']}"]
    lines = [
        "---",
        f"# {_licence_reason(config['encoder_id'])}",
        f"license: {LICENCE}",
        "library_name: apex",
        "tags:",
        *(f"- {json.dumps(tag)}" for tag in tags),
        "metrics:",
        *(f"- {name}" for name in ("spearmanr", "pearsonr", "mse", "mae")),
        "---",
    ]
    return "\n".join(lines)


def _licence_reason(encoder_id: str) -> str:
    return {
        "mert": "The heads only work on embeddings of MERT-v1-95M, whose licence is CC-BY-NC-4.0.",
        "random": "As for heads on MERT-v1-95M (CC-BY-NC-4.0), although these sit on a random stand-in.",
        "other": "As for heads on MERT-v1-95M (CC-BY-NC-4.0); see also the encoder's own licence.",
    }[encoder_kind(encoder_id)]


def _opening(config: Mapping[str, Any]) -> str:
    encoder = config["encoder_id"]
    text = (
        f"Predicts {len(config['targets'])} numbers for an AI-generated song from its audio alone: a small "
        f"multi-task network (condition `{config.get('condition', 'unnamed')}`) on frozen embeddings of "
        f"`{encoder}`."
    )
    warning = {
        "mert": "",
        "random": (
            "\n\n> **This is not a model for real songs.** Its encoder has the architecture of MERT at a "
            "tiny size with random weights that were never trained. It is there to try the pipeline out "
            "without a download."
        ),
        "other": "\n\n> The encoder is not MERT-v1-95M: published APEX results say nothing of this model.",
    }
    return text + warning[encoder_kind(encoder)]


def _predicted(targets: list[str]) -> str:
    rows = [f"| `{target}` | {' | '.join(_MEANINGS.get(target, ('', '')))} |" for target in targets]
    return "\n".join(["## What it predicts", "", "| target | range | meaning |", "|---|---|---|", *rows])


def _data(lineage: Mapping[str, Any]) -> str:
    window, rows = lineage.get("window"), lineage.get("rows")
    lines = ["## Data", ""]
    if window:
        lines.append(f"- songs created from {window['from']} to {window['to']}")
    if rows:
        lines.append("- rows: " + ", ".join(f"{count} {split}" for split, count in rows.items()))
    plain = ((key, value) for key, value in sorted(lineage.items()) if isinstance(value, str | int | float))
    lines += [f"- {key.replace('_', ' ')}: `{value}`" for key, value in plain]
    return "\n".join(lines)


def _measured(metrics: TargetMetrics, ceiling: Mapping[str, float] | None) -> str:
    ceiling = ceiling or {}
    names = [*_FIGURES, *(["best possible spearman"] if ceiling else [])]
    lines = [
        "## Metrics",
        "",
        "On the test rows, which neither training nor the choice of the epoch has seen.",
        "",
    ]
    lines += [f"| target | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for target, figures in metrics.items():
        values = [_shown(figures.get(name)) for name in _FIGURES]
        values += [_shown(ceiling.get(target))] if ceiling else []
        lines.append(f"| `{target}` | {' | '.join(values)} |")
    if ceiling:
        named = " and ".join(f"`{target}`" for target in RANKED if target in ceiling)
        lines += [
            "",
            f"The last column is the ceiling: the noise in {named} is known, and no model ranks better.",
        ]
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _limits(targets: list[str]) -> str:
    lines = [
        "## Limits",
        "",
        "- Popularity also comes from what audio does not show: exposure, covers, the creator's followers.",
        "- Learnt from generated songs of few platforms in one window; unproven on other or later music.",
        "- Scores of similar songs lie close together: compare ranks or percentiles, not points.",
        "- Not a judgement of artistic worth, and not a ground for decisions about people.",
    ]
    if len(targets) > len(RANKED):
        lines.append("- The aesthetic labels are themselves a model's output (SongEval), not people's ratings.")
    return "\n".join(lines)


def _licence(config: Mapping[str, Any]) -> str:
    lines = ["## Licence", "", f"CC-BY-NC-4.0: no commercial use. {_licence_reason(config['encoder_id'])}"]
    if len(config["targets"]) > len(RANKED):
        lines.append(
            "The aesthetic labels come from SongEval, whose README says CC BY-NC-SA 4.0 while its licence "
            "file says Apache-2.0; that conflict is not resolved here."
        )
    return "\n".join(lines)


def _loading(config: Mapping[str, Any]) -> str:
    snippet = _LOAD.format(
        hidden=config.get("hidden", "hidden"), encoder=config["encoder_id"], targets=len(config["targets"])
    )
    return f"## How to load\n\n{snippet}"
