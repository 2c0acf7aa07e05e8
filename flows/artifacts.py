"""What a flow run shows in the Prefect UI: progress of long stages, and one page at the end."""

import contextlib
import re
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectException

from apex_core.errors import NotFound
from apex_core.pipeline.run import Progress, Run, StageReport
from apex_core.settings import Settings
from flows.run_page import CARD, bullets, cell, left_undone, model_card, pictures, stage_table, table, where_to_look

if TYPE_CHECKING:
    from apex_core.pipeline.page.data import PageData
    from flows.session import Done, Session

_EVERY_S = 2.0
_MODELS = 10
_WHICH = "Which: `apex sql \"FROM scored_catalog WHERE embedding_state = 'failed'\"`."

_watchers: list[Progress] = []


@contextlib.contextmanager
def watched(watcher: Progress) -> Generator[None]:
    """Let ``watcher`` see the progress of the stages that run in this process, while the block lasts."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


class ProgressArtifacts:
    """A progress callback: one artifact for each thing in progress, updated no more than every ``every_s`` seconds.

    ``watched``: show watchers the same; not for a part of what they see as a whole.
    """

    def __init__(self, every_s: float = _EVERY_S, *, watched: bool = True) -> None:
        self._every_s, self._watched = every_s, watched
        self._shown: dict[str, tuple[UUID, float]] = {}
        self._ended: dict[str, tuple[int, int]] = {}

    def __call__(self, what: str, done: int, total: int, detail: str = "", /) -> None:
        for watcher in _watchers if self._watched else ():
            watcher(what, done, total, detail)
        if done <= 0 >= total or self._ended.get(what) == (done, total):  # a stage may say twice that it ended
            return
        self._ended.pop(what, None)
        artifact, last = self._shown.get(what, (None, 0.0))
        now = time.monotonic()
        if artifact is not None and now - last < self._every_s and not 0 < total <= done:
            return
        # Progress is for onlookers: a server that does not answer must not stop a stage.
        try:
            self._shown[what] = (_show(what, artifact, done, total, detail), now)
        except (httpx.HTTPError, PrefectException) as error:
            get_run_logger().warning("The progress of %s cannot be shown: %s", what, error)
        if 0 < total <= done:
            self._shown.pop(what, None)
            self._ended[what] = done, total


def _show(what: str, artifact: UUID | None, done: int, total: int, detail: str) -> UUID:
    said = f" ({detail})" if detail else ""
    if total > 0:
        percent, description = min(100.0, 100 * done / total), f"{what}: {done:,} of {total:,}{said}"
    else:  # nobody knows how many there will be: the number moves, not the bar
        percent, description = 0.0, f"{what}: {done:,} so far{said}"
    if artifact is None:
        key = re.sub("[^a-z0-9]+", "-", f"progress {what}".lower())
        # A union with a coroutine, which is what an async caller would get.
        created: Any = create_progress_artifact(percent, key=key, description=description)
        return created
    update_progress_artifact(artifact, percent, description)
    return artifact


@contextlib.contextmanager
def only_shown(what: str) -> Generator[None]:
    """What is for onlookers must neither end a run nor hide what did: a failure inside is logged."""
    try:
        yield
    except Exception as error:
        get_run_logger().warning("%s cannot be shown: %s", what, error)


@contextlib.contextmanager
def reported(session: "Session", key: str) -> Generator[None]:
    """Leave a page on the run under ``key``, whether the stages inside the block went through or not."""
    try:
        yield
    except Exception as error:
        with only_shown("The page of the run"):
            _write(session, key, f"{type(error).__name__}: {error}")
        raise
    with only_shown("The page of the run"):
        _write(session, key, "")


def _write(session: "Session", key: str, stopped_by: str) -> None:
    troubles = [str(trouble) for trouble in session.troubles] + ([stopped_by] if stopped_by else [])
    headline = "failed" if stopped_by else "partly done" if troubles else "completed"
    markdown = "\n\n".join(
        [
            f"# {session.run.run_id}: {headline}",
            f"As of {session.run.as_of:%Y-%m-%d %H:%M} UTC.",
            *([f"## What went wrong\n\n{bullets(troubles)}"] if troubles else []),
            *left_undone(session.done),
            *_warnings(session.done),
            f"## Stages\n\n{stage_table(session.done)}",
            *where_to_look(session.run, session.done),
            *pictures(session.run, session.done),
            *_from_snapshot(session.run.settings),
        ]
    )
    create_markdown_artifact(markdown, key=key, description=f"{session.run.run_id}: {headline}")


def _warnings(done: Iterable["Done"]) -> list[str]:
    """What checks found that did not stop the run."""
    found = [d.report for d in done if d.report.counts.get("warnings") or d.report.counts.get("accepted")]
    return [f"## Warnings\n\n{bullets(f'{report.stage}: {report.note}' for report in found)}"] if found else []


def show_report(figures: "PageData", pictures: Iterable[tuple[str, str]], where: str) -> None:
    """Leave the essential of the report under the key ``report``, and where its page lies.

    ``pictures``: what each shows, and its address. It names no track: Prefect's database is out of reach of
    ``apex forget``.
    """
    from apex_core.pipeline.page.summary import headline, tiles

    markdown = "\n\n".join(
        [
            f"# The scored catalog as of {figures.as_of:%Y-%m-%d %H:%M} UTC",
            cell(headline(figures)),
            f"The whole page, with tracks and pictures: `{where}`, or `apex report --open`.",
            table(("", "now", "change"), [(tile.name, f"{tile.value:,}", tile.note) for tile in tiles(figures)]),
            *(f"![{cell(what)}]({address})" for what, address in pictures),
            *(f"## {title}\n\n{table(head, rows)}" for title, head, rows in _report_tables(figures) if rows),
        ]
    )
    create_markdown_artifact(markdown, key="report", description=f"Snapshot {figures.stamp}")


def _report_tables(figures: "PageData") -> list[tuple[str, Sequence[str], Sequence[Sequence[object]]]]:
    """Title, head and rows of each."""
    drift = ("cohort", "score of", "in both", "come", "gone", "mean move")
    moves = [(c.cohort, c.measure, c.stayed, c.come, c.gone, c.mean_move) for c in figures.cohorts]
    newest, mark = list(reversed(figures.models))[:_MODELS], {True: "champion", False: ""}
    models = [
        (m.version, m.streams_spearman, m.likes_spearman, m.decision, m.reason, mark[m.is_champion]) for m in newest
    ]
    rejects = [(r.source, r.reason, r.records, r.fresh) for r in figures.rejects]
    return [
        ("Drift", drift, moves),
        ("Models", ("version", "streams", "likes", "decision", "reason", ""), models),
        ("Open rejects", ("source", "reason", "open", "new"), rejects),
    ]


def show_extraction(report: "StageReport", figures: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Leave under the key ``extraction`` what was encoded where, how fast, what that waited for, and what failed.

    It names no track: Prefect's database is out of reach of ``apex forget``.
    """
    counts = report.counts
    parts = [
        f"# {counts['songs']:,.0f} songs, {counts['audio_s'] / 3600:,.2f} h of audio",
        cell(report.note),
        *([f"**{counts['missing_shards']:g} shards were not encoded.**"] if counts["missing_shards"] else []),
        f"## Where, and how fast\n\n{_rows_table(figures['machines'])}",
        "`feed_percent` of the time encoders waited for decoded audio: above half, more decoders help "
        "(`APEX_ENCODER__DECODE_WORKERS`); else a faster device does.",
        *([f"## Songs without a vector\n\n{_rows_table(figures['failures'])}", _WHICH] if figures["failures"] else []),
    ]
    create_markdown_artifact("\n\n".join(parts), key="extraction", description=cell(report.note))


def _from_snapshot(settings: Settings) -> list[str]:
    """Models and open rejects, as readers see them now."""
    from apex_core.pipeline.report import overview

    try:
        sections = overview(settings)
    except NotFound:
        return ["There is no snapshot yet."]
    wanted = {"models": "Models", "rejects": "Open rejects", "coverage": "Coverage"}
    return [f"## {title}\n\n{_rows_table(sections[name])}" for name, title in wanted.items() if sections[name]]


def show_card(run: Run, version: str) -> None:
    """Leave the card of a version under the key ``model-card``, with its plots."""
    with only_shown("The model's card"):
        create_markdown_artifact(model_card(run, version), key=CARD, description=f"Model {version}")


def _rows_table(rows: Sequence[Mapping[str, Any]]) -> str:
    return table(tuple(rows[0]), [tuple(row.values()) for row in rows])
