"""Whom to forget, and what there is of them: in the catalog, in the store, and elsewhere."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from apex_core.catalog import Connection, connect, sql
from apex_core.errors import CatalogError
from apex_core.pipeline.forget_catalog import count_rows, models_of, remaining, songs_of
from apex_core.pipeline.forget_store import PLACES, old_copies
from apex_core.pipeline.forget_work import Work
from apex_core.settings import Platform, Settings
from apex_core.sources.share_links import long_id
from apex_core.storage import Store

Facts = dict[str, Any]

_LASTS = (
    ("forgotten", "the ids themselves, in the catalog's table of that name: without them they would come back"),
    ("score_cdf", "how many tracks of a cohort had how many plays and likes; the next scoring makes new ones"),
    ("elsewhere", "copies that others took of snapshots, old versions that an s3 bucket keeps, logs and Prefect's own "
     "database, temporary folders (apex-*) of processes that were killed"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """Whom to forget: tracks or creators (``kind``) of a platform, by id. A Udio track may be named as it is shared."""

    platform: Platform
    kind: str
    ids: tuple[str, ...]


def plan_forget(settings: Settings, request: Request) -> Facts:
    """What would be removed, and what would remain; nothing is changed.

    Raises CatalogError for an id that nobody knows.
    """
    request = known(settings, request)
    with _reading(settings) as connection:
        work = work_of(connection, request, "")
    store = Store.open(settings.store_url)
    work = survey(settings, work, store)
    # Copies are only made anew when there is something that may be in them.
    return described(settings, work.with_found(old_copies(store, keep=None)) if any(work.found.values()) else work)


def known(settings: Settings, request: Request) -> Request:
    """The request with ids as the catalog writes them. Raises CatalogError for what is no id, or nobody's."""
    store = Store.open(settings.store_url)
    with _reading(settings) as connection:
        marked = {(kind, id_) for kind, id_, _ in marks_of(connection, request.platform)}
        ids = [id_ if (request.kind, id_) in marked else _written(connection, request, id_) for id_ in request.ids]
        request = replace(request, ids=tuple(dict.fromkeys(ids)))
        facts = connection.execute(sql("forget/facts_of"), {"ids": list(request.ids)}).fetchall()
    here = {id_ for platform, kind, id_, _ in facts if (platform, kind) == (request.platform, request.kind)}
    for id_ in request.ids:
        if id_ not in here and (request.kind, id_) not in marked:
            elsewhere = [fact for fact in facts if fact[2] == id_]
            tracks, creators = ((id_,), ()) if request.kind == "track" else ((), (id_,))
            work = Work("", request.platform, request.kind, (id_,), tracks, creators)
            if elsewhere or not any(survey(settings, work, store).found.values()):
                raise _unknown(settings, request, id_, elsewhere)
    return request


def work_of(connection: Connection, request: Request, receipt: str) -> Work:
    """The tracks asked for, or the creators and their tracks, those that an earlier try has marked included."""
    if request.kind == "track":
        return Work(receipt, request.platform, "track", request.ids, request.ids, ())
    bound = {"platform": request.platform, "creators": list(request.ids)}
    tracks = {row[0] for row in connection.execute(sql("forget/tracks_of"), bound).fetchall()}
    marks = marks_of(connection, request.platform)
    receipts = {marked for kind, id_, marked in marks if kind == "creator" and id_ in request.ids}
    tracks |= {id_ for kind, id_, marked in marks if kind == "track" and marked in receipts}
    return Work(receipt, request.platform, "creator", request.ids, tuple(sorted(tracks)), request.ids)


def marks_of(connection: Connection, platform: Platform) -> list[tuple[str, str, str]]:
    """Who was forgotten of a platform: kind, id, receipt."""
    return connection.execute(sql("forget/marks"), {"platform": platform}).fetchall()


def survey(settings: Settings, work: Work, store: Store | None = None) -> Work:
    """The work with what is where now; of an earlier try's count nothing is lost."""
    store = store or Store.open(settings.store_url)
    with _reading(settings) as connection:
        work = replace(work, songs=songs_of(connection, work))
        found = {"catalog": count_rows(connection, work)}
    work = work.with_found(found | {place.name: place.find(store, work) for place in PLACES})
    if work.remains:
        return work
    with _reading(settings) as connection:
        remains = [*remaining(connection, work), *models_of(connection, list(work.found["training_sets"]))]
    return replace(work, remains=tuple(remains))


def described(settings: Settings, work: Work) -> Facts:
    """A plan or a receipt. Of ids it holds those asked for, and what file names of the operator's hold."""
    found = {name: counts for name, counts in work.found.items() if name != "catalog"}
    files = {name: {"files": len(keys), "entries": sum(keys.values())} for name, keys in found.items()}
    labels = [{"what": "labels", "why": "the operator's files, which may name these", "where": [path]}
              for files in settings.aesthetics.by_labeller.values() for path in files]  # fmt: skip
    return {
        "receipt": work.receipt,
        "platform": work.platform,
        "asked": {"kind": work.kind, "ids": list(work.asked)},
        "tracks": len(work.tracks),
        "removed": {"catalog": work.found["catalog"], **files},
        "remains": [*work.remains, *labels, *({"what": what, "why": why} for what, why in _LASTS)],
    }


@contextmanager
def _reading(settings: Settings) -> Generator[Connection]:
    if not settings.catalog_path.exists():
        raise CatalogError(f"There is no catalog at {settings.catalog_path}.", fix="set APEX_HOME to where it is")
    with connect(settings, "apex forget: look") as connection:
        yield connection


def _written(connection: Connection, request: Request, text: str) -> str:
    """An id as the catalog has it."""
    if request.kind == "creator":
        return text
    found = long_id(text) if len(text) == 36 or request.platform == "udio" else None
    if found is None and not connection.execute(sql("forget/facts_of"), {"ids": [text]}).fetchall():
        raise CatalogError(
            f"{text!r} is no track id of {request.platform}.",
            fix="an id has 36 characters (8-4-4-4-12 hexadecimal digits), in Udio's share links 22",
        )
    return found or text


def _unknown(settings: Settings, request: Request, id_: str, facts: list[tuple[Any, ...]]) -> CatalogError:
    """Nobody knows the id; what is known that comes close."""
    message = f"Neither the catalog nor the landing has a {request.kind} {id_} of {request.platform}."
    if facts:
        platform, kind = facts[0][:2]
        return CatalogError(message, fix=f"it is a {kind} of {platform}: --platform {platform} --{kind} {id_}")
    with _reading(settings) as connection:
        alike = connection.execute(sql("forget/alike"), {"kind": request.kind, "id": id_}).fetchall()
    if alike:
        return CatalogError(message, fix=f"these begin alike: {', '.join(row[0] for row in alike)}")
    return CatalogError(message, fix="look it up in the scored catalog, by title or creator_name (apex sql)")


def entries(facts: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """What a plan or receipt says was found: place, what, how much."""
    removed = facts["removed"]
    rows = [("catalog", table, count) for table, count in removed["catalog"].items()]
    for place, counts in removed.items():
        if place != "catalog" and counts["files"]:
            rows += [(place, what, count) for what, count in counts.items()]
    return rows
