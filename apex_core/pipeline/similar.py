"""Which songs sound like one: exact neighbours by the cosine of song vectors, from a snapshot."""

from dataclasses import dataclass
from typing import Any

from apex_core.catalog import Connection, sql
from apex_core.errors import CatalogError
from apex_core.pipeline.naming import alike, find_track
from apex_core.pipeline.report import Row, rows
from apex_core.pipeline.why import why


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The tracks nearest to one (columns of ``report/similar``), and those that are the very same audio."""

    track: str
    title: str | None
    encoder_id: str
    same_audio: list[str]
    nearest: list[Row]


def similar(connection: Connection, text: str, n: int) -> Neighbours:
    """The ``n`` tracks nearest to the one that ``text`` names, under the encoder that the champion reads.

    Raises CatalogError when no track is named, or one without a vector; the error says why it has none.
    """
    name = find_track(connection, text)
    if name is None:
        guesses = alike(connection, text)
        fix = f"these begin alike: {', '.join(guesses)}" if guesses else f"apex why {text} tells more"
        raise CatalogError(f"The snapshot has no track {text}.", fix=fix)
    track = "/".join(name)
    facts = rows(connection, sql("report/why"), dict(zip(("platform", "track_id"), name, strict=True)))[0]
    if facts["embedding_state"] != "embedded":
        raise CatalogError(f"{track} has no vector: {_lack(connection, name)}", fix=f"apex why {track}")
    bound: dict[str, Any] = {"encoder_id": facts["encoder_id"], "sha256": facts["sha256"], "n": n}
    nearest = rows(connection, sql("report/similar"), bound)
    return Neighbours(track, facts["title"], facts["encoder_id"], facts["shared_with"] or [], nearest)


def _lack(connection: Connection, name: tuple[str, str]) -> str:
    """What keeps the track from a vector: the first stage on the way there that it has not passed."""
    stages = [fact for fact in why(connection, *name).stages if fact.stage in ("eligible", "audio", "embedded")]
    return next((fact.says for fact in stages if fact.standing != "done"), "it is on its way.")
