"""Stage 2: audio. Libraries first, then allow-listed URLs; what cannot be had is a state with a reason."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from apex_core.audio import AudioFacts, Fetcher, Verifier, find_in_libraries
from apex_core.catalog import sql, transaction
from apex_core.errors import AudioError, TooLarge, Unavailable, Undecodable
from apex_core.pipeline.frames import AUDIO, execute_with, frame
from apex_core.pipeline.run import EVERYTHING, Run, StageReport, Window

_COMMIT_EVERY = 32

Row = dict[str, Any]
Libraries = Mapping[tuple[str, str], Path]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A track without audio, after ``attempts`` vain tries; its URL is asked only when ``due``.

    ``refused_uri`` and ``refused_bytes``: the library file that last proved to be no song, if it was one.
    """

    platform: str
    track_id: str
    url: str | None
    attempts: int
    due: bool
    refused_uri: str | None
    refused_bytes: int | None


@dataclass(frozen=True, slots=True)
class Tools:
    """What every song of the stage goes through."""

    fetcher: Fetcher
    verifier: Verifier


def run_audio(run: Run, window: Window = EVERYTHING) -> StageReport:
    """Find the audio of every eligible track that lacks it in a library, or fetch it when it is due.

    A backfill (a ``window`` of its own) is asked for by a person, and waits for no schedule.
    """
    lacking = _lacking(run, window)
    libraries = find_in_libraries(run.settings.audio.libraries, [(w.platform, w.track_id) for w in lacking])
    wanted = [song for song in lacking if song.due or _is_news(song, libraries)]
    counts = {"wanted": len(wanted), "available": 0, "unavailable": 0, "corrupt": 0}
    for rows in _looked_for(run, wanted, libraries):
        with run.catalog("audio") as connection, transaction(connection):
            execute_with(connection, "incoming", frame(AUDIO, rows), "audio/delete_incoming", "audio/insert_incoming")
        for row in rows:
            counts[row["state"]] += 1
        run.progress("audio", counts["available"] + counts["unavailable"] + counts["corrupt"], len(wanted))
    return StageReport("audio", {name: float(n) for name, n in counts.items()})


def _lacking(run: Run, window: Window) -> list[Wanted]:
    bound = {"as_of": run.as_of, "all_due": window != EVERYTHING, **window.bound}
    with run.catalog("audio") as connection:
        rows = connection.execute(sql("audio/wanted"), bound).fetchall()
    return [Wanted(*row) for row in rows]


def _is_news(song: Wanted, libraries: Libraries) -> bool:
    # A file that was refused before and is still the same waits for its next try, or every night would count one.
    path = libraries.get((song.platform, song.track_id))
    return path is not None and (str(path), _size(path)) != (song.refused_uri, song.refused_bytes)


def _size(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return None


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
    path = libraries.get((song.platform, song.track_id))
    try:
        return row | {"state": "available"} | _find(run, tools, song, path)
    except (Unavailable, Undecodable, TooLarge) as error:  # a plain AudioError is no song's, and ends the stage
        return row | _failure(run, song, error) | ({} if path is None else _refused(path))


def _failure(run: Run, song: Wanted, error: AudioError) -> Row:
    state = "unavailable" if isinstance(error, Unavailable) else "corrupt"
    found: Row = {"state": state, "reason": error.message}
    if error.transient:  # says nothing about the song: no vain try of its own
        return found | {"attempts": song.attempts, "next_try_at": run.as_of}
    days = run.settings.audio.retry_days
    return found | {"next_try_at": run.as_of + timedelta(days=days[min(song.attempts, len(days) - 1)])}


def _refused(path: Path) -> Row:
    return {"uri": str(path), "origin": "library", "bytes": _size(path)}


def _find(run: Run, tools: Tools, song: Wanted, path: Path | None) -> Row:
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
