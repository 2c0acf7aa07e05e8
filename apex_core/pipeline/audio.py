"""Stage 2: audio. Libraries first, then allow-listed URLs; what cannot be had is a state with a reason.

Every night all libraries are listed and matched with the tracks in SQL; what is to be looked for comes back as a
file, and is worked off batch by batch. So neither a million songs nor a million files are ever in memory at once.
"""

from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from apex_core.audio import Fetcher, Listing, Verifier, list_libraries
from apex_core.audio.index import rows_of
from apex_core.catalog import sql, transaction
from apex_core.errors import AudioError
from apex_core.pipeline.finding import LibraryFile, Row, Tools, Wanted, look_for
from apex_core.pipeline.frames import AUDIO, execute_with, frame
from apex_core.pipeline.in_hand import InHand, in_hand
from apex_core.pipeline.run import EVERYTHING, FAILURES_TOLD, LEFT, Failure, Run, StageReport, Window
from apex_core.pipeline.scratch import working_folder
from apex_core.threads import Threads

_COMMIT_EVERY = 32
_TRACK = ("platform", "track_id")


def run_audio(run: Run, window: Window = EVERYTHING) -> StageReport:
    """Find the audio of every eligible track that lacks it in a library, or fetch it when it is due.

    Library files that have changed since are hashed again, and those that are gone looked for elsewhere.
    A backfill (a ``window`` of its own) is asked for by a person, and waits for no schedule. What could not be read or
    fetched just now, which says nothing about the song, is left undone.
    """
    with working_folder(run.settings, "audio") as scratch, in_hand(run) as hand:
        libraries = run.settings.audio.libraries
        listing = list_libraries(libraries, scratch, lambda files: run.progress("audio libraries", files, 0))
        run.progress("audio libraries", sum(listing.files.values()), sum(listing.files.values()))
        plan = _plan(run, window, listing, hand)
        wanted = sum(1 for _ in groupby(rows_of(plan, _TRACK), _track))
        counts = {"wanted": wanted, "available": 0, "unavailable": 0, "corrupt": 0, LEFT: 0}
        failed: list[Failure] = []
        run.progress("audio", 0, wanted)
        for rows in _looked_for(run, plan, scratch):
            with run.catalog("audio") as connection, transaction(connection):
                execute_with(
                    connection, "incoming", frame(AUDIO, rows), "audio/delete_incoming", "audio/insert_incoming"
                )
            for row in rows:
                counts[row["state"]] += 1
            left = [row for row in rows if row["state"] == "unavailable" and row["next_try_at"] == run.as_of]
            counts[LEFT] += len(left)
            failed += [Failure("/".join(_track(row)), row["reason"]) for row in left][: FAILURES_TOLD - len(failed)]
            run.progress("audio", counts["available"] + counts["unavailable"] + counts["corrupt"], wanted)
    counts["library_files"] = sum(listing.files.values())
    return StageReport("audio", {name: float(n) for name, n in counts.items()}, failed=tuple(failed))


def _plan(run: Run, window: Window, listing: Listing, hand: InHand) -> Path:
    """Write what is to be looked for, but for what another run looks for, into a Parquet file; a short unit of work."""
    plan = hand.path("audio")
    bound: dict[str, Any] = {
        "as_of": run.as_of,
        "all_due": window != EVERYTHING,
        "roots": list(listing.files),
        "tracks": window.tracks,
        **window.bound,
    }
    empty = [root for root, files in listing.files.items() if not files]
    with run.catalog("audio") as connection:
        emptied = connection.execute(sql("audio/emptied"), {"empty": empty}).fetchall()
        if not emptied:
            with hand.left_to_others(connection, "audio", _TRACK):
                connection.execute(sql("audio/wanted", offers=listing.path, wanted=plan), bound)
    if emptied:
        root, songs = emptied[0]
        raise AudioError(
            f"Audio library {root} has not one file, and {songs} songs were found in it before.",
            fix="mount it; if it really is empty, take it out of APEX_AUDIO__LIBRARIES",
        )
    return plan


def _looked_for(run: Run, plan: Path, scratch: Path) -> Iterator[list[Row]]:
    audio = run.settings.audio
    workers = min(audio.concurrency, run.settings.encoder.decode_workers)
    with (
        Fetcher(audio, run.settings.http) as fetcher,
        Verifier(audio, workers) as verifier,
        Threads(audio.concurrency) as pool,
    ):
        tools = Tools(run, run.store, fetcher, verifier, scratch)
        songs = (_wanted(list(rows)) for _, rows in groupby(rows_of(plan), _track))
        # Batch by batch, so that a crash loses little.
        while batch := list(islice(songs, max(_COMMIT_EVERY, 8 * audio.concurrency))):
            scratch.touch()  # still in use
            yield list(pool.map(lambda song: look_for(tools, song), batch))


def _track(row: Row) -> tuple[str, str]:
    return row["platform"], row["track_id"]


def _wanted(rows: list[Row]) -> Wanted:
    files = [LibraryFile(row["uri"], row["bytes"], row["stamp"], row["sha256"]) for row in rows if row["uri"]]
    row = rows[0]
    return Wanted(
        row["platform"],
        row["track_id"],
        row["audio_url"],
        row["attempts"],
        row["due"],
        tuple(files),
        row["digest"],
        row["known"],
    )
