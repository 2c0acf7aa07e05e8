"""The parts of the page that a run leaves: what was left undone, the stages with their rates, pictures, where to look.

What a browser can open are other artifacts of the same server; what lies in the store or in the catalog is named with
the command that shows it. No track is named but by its id: Prefect's database is out of reach of ``apex forget``.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prefect.artifacts import Artifact

from apex_core.pipeline.run import LEFT, Run, StageReport

if TYPE_CHECKING:
    from flows.session import Done

CARD = "model-card"
# What of a stage's counts is its work, and in which unit that is told.
_WORK: Mapping[str, tuple[str, str]] = {
    "ingest": ("records_in", "records"),
    "revisit": ("due", "tracks"),
    "audio": ("wanted", "songs"),
    "score": ("tracks", "tracks"),
    "label": ("labels", "labels"),
    "train": ("epochs", "epochs"),
    "predict": ("songs", "songs"),
}
_KINDS = {"png": "image/png", "svg": "image/svg+xml"}
_PICTURE = re.compile(r"(!\[[^\]]*\])\((plots/[\w.-]+\.(png|svg))\)")


def stage_table(done: Iterable["Done"]) -> str:
    """A row a stage: whether all of it was done, how long that took, how fast it was, what it did."""
    rows = [
        (
            d.report.stage,
            "partial" if d.trouble else "done",
            f"{d.seconds:.1f} s",
            rate(d.report, d.seconds),
            d.report.note or (d.trouble.message if d.trouble else ""),
            _counts(d.report.counts),
        )
        for d in done
    ]
    return table(("stage", "state", "took", "rate", "note", "counts"), rows)


def rate(report: StageReport, seconds: float) -> str:
    """What a stage did a second; nothing of one that had nothing to do, or whose work has no unit."""
    stage = report.stage.partition(" ")[0]
    if seconds <= 0:
        return ""
    if stage == "extract":
        times = report.counts.get("audio_s", 0.0) / seconds
        return f"{times:,.1f}× real time" if times else ""
    name, unit = _WORK.get(stage, ("", ""))
    work = report.counts.get(name, 0.0)
    return f"{work / seconds:,.1f} {unit}/s" if work else ""


def left_undone(done: Iterable["Done"]) -> list[str]:
    """What failed, one by one, and the commands that try just that again."""
    from flows.session import retry_command

    reports = [d.report for d in done if d.report.failed]
    rows = [(report.stage, failure.id, failure.reason) for report in reports for failure in report.failed]
    if not rows:
        return []
    more = sum(max(0.0, r.counts.get(LEFT, 0.0) - len(r.failed)) for r in reports)
    commands = bullets(f"`{retry_command(report)}`" for report in reports)
    parts = [
        f"## Left undone\n\n{table(('stage', 'which', 'why'), rows)}",
        *([f"And {more:g} more."] if more else []),
        f"Just that is tried again, before the next run does it, by\n\n{commands}",
    ]
    return ["\n\n".join(parts)]


def where_to_look(run: Run, done: Sequence["Done"]) -> list[str]:
    """Links to the run's other artifacts, and where report and model card lie."""
    by_stage = {d.report.stage: d for d in done}
    found: list[str] = []
    if "report" in by_stage and not by_stage["report"].trouble:
        found.append(
            f"{link('The catalog after this run', 'report')}. All of it, with tracks: `apex report --open` "
            f"(`{by_stage['report'].report.note}`)"
        )
    if "publish" in by_stage and by_stage["publish"].report.counts.get("published"):
        version = by_stage["publish"].report.note.partition(":")[0]
        found.append(
            f"{link('The card of the model', CARD)}. Its figures, files and lineage: `apex models show {version}` "
            f"(`{run.store.uri(f'models/{version}')}`)"
        )
    if "extract" in by_stage and by_stage["extract"].report.counts.get("shards"):
        found.append(link("What was encoded where, and how fast", "extraction"))
    if any(stage.startswith("check ") for stage in by_stage):
        found.append(f"{link('Checks', 'checks')}; `apex check` holds the catalog against them now")
    return [f"## Where to look\n\n{bullets(found)}"] if found else []


def link(text: str, key: str) -> str:
    """A link to the newest artifact of a key; the page of the key itself would only list its versions."""
    found: Any = Artifact.get(key)  # outside of an event loop no coroutine
    return text if found is None else f"[{text}](/artifacts/artifact/{found.id})"


def pictures(run: Run, done: Sequence["Done"]) -> list[str]:
    """What the run's report shows at a glance."""
    if not any(d.report.stage == "report" and not d.trouble for d in done):
        return []
    from apex_core.catalog import latest_snapshot
    from apex_core.pipeline.page.stage import kept_pictures

    drawn = kept_pictures(run.store, latest_snapshot(run.settings).stamp)
    return [f"![]({address})\n\n*{cell(what)}*" for what, address in drawn]


def model_card(run: Run, version: str) -> str:
    """A version's card as one page: its plots are in it, its figures for machines are not."""
    card = run.store.read(f"models/{version}/README.md").decode()
    text = re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL)

    def inline(found: re.Match[str]) -> str:
        told, place, kind = found.groups()
        content = base64.b64encode(run.store.read(f"models/{version}/{place}")).decode()
        return f"{told}(data:{_KINDS[kind]};base64,{content})"

    return _PICTURE.sub(inline, text)


def _counts(counts: Mapping[str, float]) -> str:
    """What there was of; rows of zeros would only widen the table."""
    return ", ".join(f"{name.replace('_', ' ')} {value:,.10g}" for name, value in counts.items() if value)


def bullets(texts: Iterable[str]) -> str:
    """A Markdown list; items may hold any text."""
    return "\n".join(f"- {cell(text)}" for text in texts)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; cells may hold any text."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def cell(value: object) -> str:
    """Any text on one line of Markdown."""
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return re.sub(r"\s+", " ", text).replace("|", r"\|").replace("<", "&lt;")
