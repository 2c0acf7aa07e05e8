"""Udio's listings (SOURCES §2). A page whose shape is unknown is still yielded: the contract refuses it, loudly."""

from collections.abc import Generator, Sequence

from apex_core.errors import PagingFault
from apex_core.settings import ConnectorSettings
from apex_core.sources.http import PlatformClient
from apex_core.sources.listing import Listing, PageCounter, ids_in, members
from apex_core.sources.pages import Page

BATCH = 20


def search(
    listing: Listing, client: PlatformClient, connector: ConnectorSettings, counter: PageCounter
) -> Generator[Page]:
    """Move an offset and echo ``trendingId``; complete at the first short page. The cursor is ``offset:trendingId``."""
    before: list[str] = []
    while True:
        counter.check()
        offset, _, trending = (listing.cursor or "0:").partition(":")
        payload: dict[str, object] = {
            "searchQuery": {"sort": "created_at", "searchTerm": ""},
            "pageParam": int(offset),
            "pageSize": connector.page_size,
        }
        if trending:
            payload["trendingId"] = trending
        answer = client.post("/api/songs/search", payload)
        found = members(answer.body)
        yield counter.page(answer)
        songs = found.get("data")
        if not isinstance(songs, list):
            return None
        if len(songs) < connector.page_size:
            return listing.finish()
        ids = ids_in(songs)
        if ids and ids == before:
            raise PagingFault(f"udio: offset {offset} brought the songs of the offset before.", fix="run again")
        before, trending = ids, str(found.get("trendingId") or trending)
        listing.cursor = f"{int(offset) + connector.page_size}:{trending}"


def songs(listing: Listing, client: PlatformClient, ids: Sequence[str], counter: PageCounter) -> Generator[Page]:
    """Twenty songs a request; those that drop out of an answer go to ``listing.gone``."""
    for start in range(0, len(ids), BATCH):
        counter.check()
        wanted = ids[start : start + BATCH]
        answer = client.get("/api/songs", {"songIds": ",".join(wanted)})
        found = members(answer.body)
        yield counter.page(answer)
        if isinstance(found.get("songs"), list):
            came = set(ids_in(found["songs"]))
            listing.gone.extend(song for song in wanted if song not in came)
    listing.finish()
