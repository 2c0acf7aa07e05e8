"""Udio's listings (SOURCES §2).

A page whose shape is unknown is still yielded, the contract refuses it, loudly; but it never completes a listing.
"""

from collections.abc import Generator, Sequence
from typing import cast

from apex_core.errors import PagingFault
from apex_core.sources.asking import Asking
from apex_core.sources.listing import Listing, at, ids_in, members, value_of
from apex_core.sources.pages import Page

BATCH = 20


def search(listing: Listing, asking: Asking) -> Generator[Page]:
    """Move an offset and echo ``trendingId``; complete at the first short page. The cursor is ``offset:trendingId``."""
    before: list[str] = []
    while True:
        offset, _, trending = (listing.cursor or "0:").partition(":")
        payload: dict[str, object] = {
            "searchQuery": {"sort": "created_at", "searchTerm": asking.of},
            "pageParam": int(offset),
            "pageSize": asking.page_size,
        }
        answer = asking.post("/api/songs/search", payload | ({"trendingId": trending} if trending else {}))
        found = members(value_of(answer.body))
        yield asking.page(answer)
        if not isinstance(found.get("data"), list):
            return None
        songs = cast(list[object], found["data"])
        if len(songs) < asking.page_size or listing.ends_at(songs):
            return listing.finish()
        ids = ids_in(songs)
        if ids and ids == before:
            raise PagingFault(f"udio: offset {offset} brought the songs of the offset before.", fix="run again")
        before, trending = ids, str(found.get("trendingId") or trending)
        listing.cursor = f"{int(offset) + asking.page_size}:{trending}"


def songs(listing: Listing, asking: Asking, ids: Sequence[str]) -> Generator[Page]:
    """Twenty songs a request; those that drop out of an answer, and again when asked for anew, are gone."""
    for start in range(0, len(ids), BATCH):
        wanted = ids[start : start + BATCH]
        missing = list(wanted)
        for _ in range(2):
            if missing:
                answer = asking.get("/api/songs", {"songIds": ",".join(missing)})
                yield asking.page(answer)
                found = at(value_of(answer.body), "songs")
                came = set(ids_in(found) if isinstance(found, list) else missing)
                missing = [song for song in missing if song not in came]
        listing.lose("udio", wanted, missing)
    listing.finish()
