"""``apex predict``: seven numbers a song from audio alone; needs a model, and no catalog, server or settings."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.encoder_choice import DeviceOption, EncoderOption, with_encoder
from flows.commands.scored_songs import Sources

if TYPE_CHECKING:
    from apex_core.pipeline.predictor import Predictor
    from apex_core.pipeline.score_file import ScoreFile
    from flows.commands.scored_songs import Answers

PathsArgument = Annotated[
    list[Path] | None, typer.Argument(help="Audio files, folders of them, or quoted globs ('songs/**/*.mp3').")
]
JsonlOption = Annotated[
    str | None,
    typer.Option(
        "--jsonl", help='A file of JSON lines, or - for standard input: {"path": …, whatever else}, an answer a line.'
    ),
]
EmbeddingsOption = Annotated[
    Path | None, typer.Option("--embeddings", help="A file that apex embed wrote: no audio, no encoder.")
]
ModelOption = Annotated[
    str, typer.Option(help="An alias or version in the store; or a model's folder or s3:// address, or a store's.")
]
StoreOption = Annotated[
    str | None, typer.Option(help="Folder or s3://bucket/prefix with models/; default: the settings'.")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write a .jsonl, .csv or .parquet instead of printing.")
]


@dataclass(frozen=True, slots=True)
class _Wish:
    output: Path | None
    force: bool
    as_json: bool


def predict(
    paths: PathsArgument = None,
    jsonl: JsonlOption = None,
    embeddings: EmbeddingsOption = None,
    model: ModelOption = "champion",
    store: StoreOption = None,
    output: OutputOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="An object a line instead of a table.")] = False,
    device: DeviceOption = None,
    encoder: EncoderOption = None,
) -> None:
    """Predict plays and likes (0 to 100) and five aesthetic dimensions (1 to 5) of songs, from audio alone.

    With each score goes its percentile among the songs the model was made from, where the model brings it.
    """
    sources = Sources(tuple(paths or ()), jsonl, embeddings)
    wish = _Wish(output, force, as_json or jsonl is not None)
    files = sources.files()
    from apex_core.pipeline.predictor import Predictor
    from apex_core.settings import get_settings

    _check_output(wish)
    predictor = Predictor.load(
        with_encoder(get_settings(), source=encoder, device=device), model, store=store, encoder=encoder
    )
    with sources.answers(predictor, files) as (answers, total):
        done, failed = _given_out(_with_progress(answers, total), predictor, wish, extra=jsonl is not None)
    _tell(predictor, done, failed, wish)
    if failed:
        raise typer.Exit(1)


def _check_output(wish: _Wish) -> None:
    """Better before the work than after it."""
    if wish.output is not None:
        from apex_core.pipeline.score_file import check_format
        from apex_core.storage import check_target

        check_format(wish.output)
        check_target(wish.output, replace=wish.force)


def _with_progress(answers: "Answers", total: int) -> "Answers":
    from flows.terminal import progress

    with progress() as report:
        report("predict", 0, total)
        for done, one in enumerate(answers, start=1):
            report("predict", done, total)
            yield one


def _given_out(answers: "Answers", predictor: "Predictor", wish: _Wish, *, extra: bool) -> tuple[int, int]:
    """Print or write every answer; how many there were, and how many without scores."""
    from apex_core.pipeline.score_file import as_line, record, score_file

    counted = _Counted(answers)
    if wish.output is not None:
        placed = predictor.known is not None
        with score_file(wish.output, predictor.targets, placed=placed, extra=extra, replace=wish.force) as file:
            _each(counted, predictor.version, file)
    elif wish.as_json:
        for given, scores in counted:
            sys.stdout.write(as_line(record(predictor.version, scores, given)))
            sys.stdout.flush()
    else:
        from flows.commands.score_table import print_scores

        print_scores([scores for _, scores in counted], predictor.targets)
    return counted.done, counted.failed


def _each(answers: "_Counted", version: str, file: "ScoreFile") -> None:
    from apex_core.pipeline.score_file import record

    for given, scores in answers:
        file.add(record(version, scores, given))


class _Counted:
    """Answers that are counted as they pass."""

    def __init__(self, answers: "Answers") -> None:
        self._answers = answers
        self.done = self.failed = 0

    def __iter__(self) -> "Answers":
        for given, scores in self._answers:
            self.done += 1
            self.failed += scores.values is None
            yield given, scores


def _tell(predictor: "Predictor", done: int, failed: int, wish: _Wish) -> None:
    from flows.terminal import notice

    what = f"{done} song{'' if done == 1 else 's'} by model {predictor.version}"
    tail = f", {failed} could not be scored" if failed else ""
    place = "" if predictor.known else "; the model brings no quantiles, so there are no percentiles"
    notice(f"{what}{tail}{place}{f' → {wish.output}' if wish.output else ''}")
