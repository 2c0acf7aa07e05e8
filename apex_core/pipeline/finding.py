"""One song's audio: its libraries' files in turn, then the address in its record."""

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from apex_core.audio import AudioFacts, Fetcher, Verifier, digest, reach
from apex_core.errors import AudioError, NotFound, TooLarge, Unavailable, Undecodable
from apex_core.pipeline.run import Run
from apex_core.storage import Store

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """A file that a library offers for a song; ``sha256`` when its manifest says what it should be."""

    uri: str
    bytes: int
    stamp: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A track to look for, after ``attempts`` vain tries; its URL is asked only when ``due``.

    ``files`` of the libraries, best first, and their ``digest``; ``known``: what is on record of the file it had.
    """

    platform: str
    track_id: str
    url: str | None
    attempts: int
    due: bool
    files: tuple[LibraryFile, ...]
    digest: str | None
    known: Row | None


@dataclass(frozen=True, slots=True)
class Tools:
    """What every song of the stage goes through; downloads lie in ``scratch`` until they are judged."""

    run: Run
    store: Store
    fetcher: Fetcher
    verifier: Verifier
    scratch: Path


def look_for(tools: Tools, song: Wanted) -> Row:
    """The song's row in ``audio``. A fault that is no song's is raised as AudioError, and ends the stage."""
    row: Row = {
        "platform": song.platform,
        "track_id": song.track_id,
        "attempts": song.attempts + 1,
        "checked_at": tools.run.as_of,
    }
    try:
        return row | {"state": "available"} | _find(tools, song)
    except (Unavailable, Undecodable, TooLarge) as error:
        return row | _failure(tools.run, song, error) | _refused(song)


def _find(tools: Tools, song: Wanted) -> Row:
    faults: list[AudioError] = []
    for file in song.files:
        try:
            return _from_library(tools, song, file)
        except (Unavailable, Undecodable, TooLarge) as fault:
            faults.append(fault)
    try:
        return _from_address(tools, song)
    except (Unavailable, Undecodable, TooLarge) as fault:
        faults.append(fault)
    # A file that is there and no song is what its owner can mend; a fault that passes is no verdict at all.
    raise next((fault for fault in faults if fault.transient), faults[0])


def _from_library(tools: Tools, song: Wanted, file: LibraryFile) -> Row:
    audio = tools.run.settings.audio
    if file.bytes > audio.max_bytes:
        raise TooLarge(f"more than {audio.max_bytes} bytes")
    place: Row = {"uri": file.uri, "origin": "library", "stamp": file.stamp}
    with contextlib.ExitStack() as stack:
        path = reach(stack, tools.store, "library", file.uri, tools.scratch)
        if song.known is not None or file.sha256 is not None:
            found = digest(path, audio)
            if file.sha256 not in (None, found):
                raise Undecodable("not the bytes that its manifest names")
            if song.known is not None and song.known["sha256"] == found:
                return song.known | place  # moved or touched: the same bytes are the same song
        return asdict(tools.verifier.verify(path)) | place


def _from_address(tools: Tools, song: Wanted) -> Row:
    if not tools.run.settings.audio.fetch or not song.due:
        raise Unavailable("in no library")
    if not song.url:
        raise Unavailable("in no library, and the record has no URL")
    with tempfile.TemporaryDirectory(dir=tools.scratch) as folder:
        target = Path(folder) / "audio"
        tools.fetcher.fetch(song.url, target)
        facts = tools.verifier.verify(target)
        return asdict(facts) | {"uri": _keep(tools.store, facts, target), "origin": "fetched"}


def _keep(store: Store, facts: AudioFacts, file: Path) -> str:
    """Put ``file`` into the store under its hash. What lies there already is believed only if it has that hash."""
    key = f"audio/{facts.sha256[:2]}/{facts.sha256}.{facts.codec}"
    if not store.put_file(key, file):
        with contextlib.suppress(NotFound):
            if store.sha256(key) == facts.sha256:
                return key
        store.put_file(key, file, replace=True)
    return key


def _failure(run: Run, song: Wanted, error: AudioError) -> Row:
    state = "unavailable" if isinstance(error, Unavailable) else "corrupt"
    gone = "" if song.known is None or song.files else "library file gone; "
    found: Row = {"state": state, "reason": gone + error.message}
    if error.transient:  # says nothing about the song: no vain try of its own
        return found | {"attempts": song.attempts, "next_try_at": run.as_of}
    days: Sequence[float] = run.settings.audio.retry_days
    return found | {"next_try_at": run.as_of + timedelta(days=days[min(song.attempts, len(days) - 1)])}


def _refused(song: Wanted) -> Row:
    if not song.files:
        return {}
    best = song.files[0]
    return {"uri": best.uri, "origin": "library", "bytes": best.bytes, "stamp": song.digest}
