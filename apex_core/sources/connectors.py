"""The live connectors: off by default, polite, and honest about completeness."""

import re
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import Literal

from apex_core.errors import SourceError
from apex_core.settings import Platform
from apex_core.sources import suno, udio
from apex_core.sources.access import Access
from apex_core.sources.asking import Asking
from apex_core.sources.http import PlatformClient
from apex_core.sources.listing import Listing
from apex_core.sources.pages import Page

Kind = Literal["feed_v3", "feed_v2", "feed_v1", "profile", "playlist", "project", "homepage", "search"]
_Walk = Callable[[Listing, Asking], Generator[Page]]
_WALKS: dict[Platform, dict[Kind, _Walk]] = {
    "suno": {
        "feed_v3": suno.feed_v3,
        "feed_v2": suno.feed_v2,
        "feed_v1": suno.feed_v1,
        "profile": suno.profile,
        "playlist": suno.playlist,
        "project": suno.project,
        "homepage": suno.homepage,
        "search": suno.search,
    },
    "udio": {"search": udio.search},
}
_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_IN_A_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")


# The listings of all of a platform's songs, newest first; of any other a watermark says nothing.
_WHOLE: dict[Platform, tuple[Kind, ...]] = {"suno": ("feed_v3", "feed_v2", "feed_v1"), "udio": ("search",)}


def whole_listing(access: Access) -> Kind:
    """The listing of all of a platform's songs that the settings choose; raises SourceError when it is none."""
    known = _WHOLE[access.platform]
    chosen = access.connector.feed or known[0]
    if chosen not in known:
        raise SourceError(
            f"sources.{access.platform}.feed is {chosen!r}, which does not list all of {access.platform}.",
            fix=f"choose from {', '.join(known)}",
        )
    return chosen


def list_pages(
    access: Access,
    as_of: datetime,
    *,
    kind: Kind | None = None,
    of: str = "",
    cursor: str | None = None,
    since: datetime | None = None,
) -> Listing:
    """List a platform's songs: iterate over the result, then read its ``complete`` and ``cursor``.

    ``kind`` is what is listed, the whole platform by default; ``of`` says whose profile, which playlist or project,
    what term. With ``since`` a listing that is newest first may end at a page that is older. Iterating raises
    Unauthorized, Forbidden, Missing, RateLimited, PlatformDown or PagingFault after the pages that came before; the
    call itself raises what ``Access.token`` does, and SourceError for a listing that does not exist.
    """
    access.token()
    kind = kind or whole_listing(access)
    walk = _WALKS[access.platform].get(kind)
    if walk is None:
        known = ", ".join(_WALKS[access.platform])
        raise SourceError(f"{access.platform} has no listing {kind!r}.", fix=f"choose from {known}")
    if kind in ("profile", "playlist", "project") and not _IN_A_PATH.fullmatch(of):
        raise SourceError(f"{of!r} does not name a {kind} of {access.platform}.")

    def pages(listing: Listing) -> Generator[Page]:
        connector = access.connector
        with PlatformClient(access) as client:
            yield from walk(listing, Asking(client, as_of, connector.page_size, connector.max_pages, of))

    return Listing(cursor, pages, since)


def revisit(access: Access, ids: Sequence[str], as_of: datetime) -> Listing:
    """Look again at known tracks, twenty at a time.

    After iterating, ``gone`` names those the platform no longer knows (tombstones), ``withheld`` the private ones.
    """
    access.token()
    odd = next((track_id for track_id in ids if not _ID.fullmatch(track_id)), None)
    if odd is not None:
        raise SourceError(f"{odd!r} is not an id of {access.platform}.")
    walk = suno.clips if access.platform == "suno" else udio.songs

    def pages(listing: Listing) -> Generator[Page]:
        with PlatformClient(access) as client:
            yield from walk(listing, Asking(client, as_of, access.connector.page_size, 2 * len(ids) + 1), ids)

    return Listing(None, pages)
