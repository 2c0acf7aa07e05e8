"""Which track somebody means: by ``platform/id``, by an id that one platform has, or by a share link."""

from urllib.parse import urlsplit

from apex_core.catalog import Connection, sql
from apex_core.errors import CatalogError
from apex_core.settings import PLATFORMS
from apex_core.sources.share_links import long_id

Name = tuple[str, str]
_ENOUGH = 4  # characters of an id that are worth a guess


def named(text: str) -> tuple[str | None, list[str]]:
    """Platform, where ``text`` says which, and the ids that it may stand for."""
    text = text.strip()
    link = urlsplit(text if "//" in text else "")
    if link.hostname:
        platform = next((name for name in PLATFORMS if name in link.hostname.split(".")), None)
        word = link.path.rstrip("/").rpartition("/")[2]
    else:
        before, _, after = text.partition("/")
        platform, word = (before, after) if before in PLATFORMS else (None, text)
    long = long_id(word) if platform != "suno" or len(word) == 36 else None  # short ones are Udio's
    return platform, list(dict.fromkeys([*([long] if long else []), word]))


def find_track(connection: Connection, text: str) -> Name | None:
    """Platform and id of the one track that ``text`` names; None when there is none.

    Raises CatalogError when several platforms have a track of this id.
    """
    platform, ids = named(text)
    found = connection.execute(sql("report/find_track"), {"platform": platform, "ids": ids}).fetchall()
    if len(found) > 1:
        both = [f"{one}/{track}" for one, track in found]
        raise CatalogError(f"Several tracks have the id {text}.", fix=f"say which: {' or '.join(both)}")
    return (str(found[0][0]), str(found[0][1])) if found else None


def alike(connection: Connection, text: str) -> list[str]:
    """Known tracks whose ids begin as ``text`` does."""
    _, ids = named(text)
    if len(ids[-1]) < _ENOUGH:
        return []
    return ["/".join(row) for row in connection.execute(sql("report/alike"), {"beginning": ids[-1]}).fetchall()]
