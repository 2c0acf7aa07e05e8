"""The model card: what the heads predict, from what, how well, and what not to use them for."""

from collections.abc import Mapping, Sequence
from typing import Any

from apex_core.registry.card_metrics import measured
from apex_core.registry.gate import RANKED

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
# As the hub calls figures of ours.
_HUB_METRICS = {"spearman": "spearmanr", "pearson": "pearsonr", "mse": "mse", "mae": "mae"}

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
    metrics: Mapping[str, Any],
    lineage: Mapping[str, Any],
    rival: Mapping[str, Any] | None = None,
    plots: Sequence[str] = (),
    ceiling: Mapping[str, float] | None = None,
) -> str:
    """Write the card of a version: Markdown under a YAML header that the hub understands.

    ``metrics`` is the whole of ``metrics.json``. Of ``lineage`` every plain value is listed, and ``window``
    ({"from", "to"}) and ``rows`` ({"train", "val", "test"}) in words. ``rival``: the champion on the same test rows
    ({"name", "test", "intervals"}). ``plots``: pictures that lie beside the card. ``ceiling`` is the Spearman that a
    perfect model could reach, by target, where it is known.
    """
    sections = [
        _header(version, config, metrics),
        f"# apex heads {version}",
        _opening(config),
        _predicted(config["targets"]),
        _data(lineage),
        measured(metrics, rival, ceiling or {}, plots),
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


def _header(version: str, config: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    from huggingface_hub import ModelCardData

    source = (config.get("encoder") or {}).get("source")
    data = ModelCardData(
        license=LICENCE,
        library_name="apex",
        base_model=source if encoder_kind(config["encoder_id"]) == "mert" and source and "://" not in source else None,
        tags=["music", "popularity-prediction", "apex", f"encoder:{config['encoder_id']}"],
        metrics=list(_HUB_METRICS.values()),
        model_name=f"apex heads {version}",
        eval_results=_results(metrics.get("test") or {}) or None,
    )
    return f"---\n# {_licence_reason(config['encoder_id'])}\n{data.to_yaml().strip()}\n---"


def _results(test: Mapping[str, Mapping[str, float | None]]) -> list[Any]:
    """The figures on the test songs as the hub's evaluation results: one a target and figure that is defined."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="audio-regression",
            task_name="popularity and aesthetics of a song",
            dataset_type="own-test-songs",
            dataset_name="test songs of the training set",
            dataset_split="test",
            metric_type=hub,
            metric_name=f"{name} of {target}",
            metric_value=round(value, 4),
        )
        for target, figures in test.items()
        for name, hub in _HUB_METRICS.items()
        if (value := figures.get(name)) is not None
    ]


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
