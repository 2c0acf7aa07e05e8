"""What ``apex predict`` is asked to score: files, lines of JSON or embeddings; and the answers, in the same order."""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import typer

from apex_core.errors import NotFound
from flows.commands.audio_files import audio_files

if TYPE_CHECKING:
    from apex_core.pipeline.predictor import Predictor, Scores

    Answers = Iterator[tuple[dict[str, Any] | None, Scores]]

_STDIN = "-"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Sources:
    """Where songs come from; one of the three is given."""

    paths: tuple[Path, ...]
    jsonl: str | None
    embeddings: Path | None

    def files(self) -> list[Path]:
        """The audio files that the paths name. Raises BadParameter unless exactly one source is given."""
        if sum([bool(self.paths), self.jsonl is not None, self.embeddings is not None]) != 1:
            raise typer.BadParameter("name audio files, or --jsonl FILE, or --embeddings FILE")
        if self.jsonl not in (None, _STDIN) and not Path(self.jsonl).is_file():
            raise NotFound(f"There is no file {self.jsonl}.", fix="--jsonl - reads standard input")
        return list(audio_files(self.paths))

    @contextmanager
    def answers(self, predictor: "Predictor", files: list[Path]) -> "Generator[tuple[Answers, int]]":
        """What was given of every song (None: its path alone) and its scores, and how many there will be (0: unknown).

        Raises EncoderError before the first one when the songs, or the encoder to be had, do not fit the model.
        """
        if self.embeddings is not None:
            from apex_core.pipeline.embedded_songs import EmbeddedSongs

            songs = EmbeddedSongs(self.embeddings, predictor)
            yield ((None, scores) for scores in songs.score()), songs.count()
            return
        _ = predictor.encoder
        if self.jsonl is None:
            yield ((None, scores) for scores in predictor.score(files)), len(files)
            return
        from apex_core.pipeline.score_file import own_keys
        from apex_core.pipeline.song_lines import answers

        with _lines(self.jsonl) as (lines, total):
            yield answers(predictor.score, lines, own_keys(predictor.targets, placed=True)), total


@contextmanager
def _lines(name: str) -> Generator[tuple[BinaryIO, int]]:
    if name == _STDIN:
        yield sys.stdin.buffer, 0
        return
    with Path(name).open("rb") as file:
        total, last = 0, b"\n"
        while block := file.read(_BLOCK):
            total, last = total + block.count(b"\n"), block[-1:]
        file.seek(0)
        yield file, total + (last != b"\n")
