"""Stage 2: audio. Libraries first, then allow-listed URLs; what cannot be had is a state with a reason."""

import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from apex_core.audio import AudioFacts, Fetcher, Verifier, find_in_libraries
from apex_core.catalog import sql, transaction
from apex_core.errors import TooLarge, Unavailable, Undecodable
from apex_core.pipeline.frames import AUDIO, execute_with, frame
from apex_core.pipeline.run import EVERYTHING, Run, StageReport, Window

_COMMIT_EVERY = 32

Row = dict[str, Any]
Libraries = Mapping[tuple[str, str], Path]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A track whose audio is to be found, after ``attempts`` vain tries."""

    platform: str
    track_id: str
    url: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Tools:
    """What every song of the stage goes through."""

    fetcher: Fetcher
    verifier: Verifier


def run_audio(run: Run, window: Window = EVERYTHING) -> StageReport:
    """Find or fetch the audio of every eligible track that lacks it and is due."""
    wanted = _wanted(run, window)
    libraries = find_in_libraries(run.settings.audio.libraries, [(w.platform, w.track_id) for w in wanted])
    counts = {"wanted": len(wanted), "available": 0, "unavailable": 0, "corrupt": 0}
    for rows in _looked_for(run, wanted, libraries):
        with run.catalog("audio") as connection, transaction(connection):
            execute_with(connection, "incoming", frame(AUDIO, rows), "audio/delete_incoming", "audio/insert_incoming")
        for row in rows:
            counts[row["state"]] += 1
        run.progress("audio", counts["available"] + counts["unavailable"] + counts["corrupt"], len(wanted))
    return StageReport("audio", {name: float(n) for name, n in counts.items()})


def _wanted(run: Run, window: Window) -> list[Wanted]:
    with run.catalog("audio") as connection:
        rows = connection.execute(sql("audio/wanted"), {"as_of": run.as_of, **window.bound}).fetchall()
    return [Wanted(*row) for row in rows]


def _looked_for(run: Run, wanted: list[Wanted], libraries: Libraries) -> Iterator[list[Row]]:
    audio = run.settings.audio
    workers = min(audio.concurrency, run.settings.encoder.decode_workers)
    with (
        Fetcher(audio, run.settings.http) as fetcher,
        Verifier(audio, workers) as verifier,
        ThreadPoolExecutor(audio.concurrency) as pool,
    ):
        tools = Tools(fetcher, verifier)
        for start in range(0, len(wanted), _COMMIT_EVERY):  # batch by batch, so that a crash loses little
            batch = wanted[start : start + _COMMIT_EVERY]
            yield list(pool.map(lambda song: _look_for(run, tools, song, libraries), batch))


def _look_for(run: Run, tools: Tools, song: Wanted, libraries: Libraries) -> Row:
    row: Row = {
        "platform": song.platform,
        "track_id": song.track_id,
        "attempts": song.attempts + 1,
        "checked_at": run.as_of,
    }
    try:
        return row | {"state": "available"} | _find(run, tools, song, libraries)
    except (Unavailable, Undecodable, TooLarge) as error:  # a plain AudioError is no song's, and ends the stage
        days = run.settings.audio.retry_days
        later = timedelta(days=days[min(song.attempts, len(days) - 1)])
        state = "unavailable" if isinstance(error, Unavailable) else "corrupt"
        return row | {"state": state, "reason": error.message, "next_try_at": run.as_of + later}


def _find(run: Run, tools: Tools, song: Wanted, libraries: Libraries) -> Row:
    path = libraries.get((song.platform, song.track_id))
    if path is not None:
        return _facts(tools.verifier.verify(path)) | {"uri": str(path), "origin": "library"}
    if not run.settings.audio.fetch:
        raise Unavailable("in no library")
    if not song.url:
        raise Unavailable("in no library, and the record has no URL")
    with tempfile.TemporaryDirectory(prefix="apex-") as folder:
        target = Path(folder) / "audio"
        tools.fetcher.fetch(song.url, target)
        facts = tools.verifier.verify(target)
        key = f"audio/{facts.sha256[:2]}/{facts.sha256}.{facts.codec}"
        run.store.put_file(key, target)
    return _facts(facts) | {"uri": key, "origin": "fetched"}


def _facts(facts: AudioFacts) -> Row:
    return asdict(facts)
