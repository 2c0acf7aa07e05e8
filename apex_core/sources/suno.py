"""Suno's listings (SOURCES §1). A page whose shape is unknown is still yielded: the contract refuses it, loudly."""

from collections.abc import Generator, Iterable

from apex_core.errors import Forbidden, Missing, PagingFault
from apex_core.settings import ConnectorSettings
from apex_core.sources.http import PlatformClient
from apex_core.sources.listing import Listing, PageCounter, ids_in, members
from apex_core.sources.pages import Page


def feed_v3(
    listing: Listing, client: PlatformClient, connector: ConnectorSettings, counter: PageCounter
) -> Generator[Page]:
    """Follow cursors; complete only when ``has_more`` is false, and missing is not false."""
    used: set[str] = set()
    while True:
        counter.check()
        payload = {"cursor": listing.cursor, "limit": connector.page_size, "filters": {}}
        answer = client.post("/api/feed/v3", payload)
        found = members(answer.body)
        yield counter.page(answer)
        if found.get("has_more") is False:
            return listing.finish()
        following = found.get("next_cursor")
        if not isinstance(following, str) or not following:
            return None
        used.add(listing.cursor or "")
        if following in used:
            raise PagingFault(
                f"suno: feed v3 sent the cursor {following!r} twice.", fix="run again; the watermark stays"
            )
        listing.cursor = following


def feed_v2(
    listing: Listing, client: PlatformClient, connector: ConnectorSettings, counter: PageCounter
) -> Generator[Page]:
    """Count pages from 0; complete when as many clips came as ``num_total_results`` says, or an empty page."""
    seen: set[str] = set()
    while True:
        counter.check()
        number = int(listing.cursor or 0)
        answer = client.get("/api/feed/v2", {"page": number, "limit": connector.page_size})
        found = members(answer.body)
        yield counter.page(answer)
        clips, total = ids_in(found.get("clips")), found.get("num_total_results")
        if "clips" not in found:
            return None
        seen.update(clips)
        from_start = counter.number == number + 1
        if not clips or (from_start and isinstance(total, int) and len(seen) >= total):
            return listing.finish()
        listing.cursor = str(number + 1)


def clips(listing: Listing, client: PlatformClient, ids: Iterable[str], counter: PageCounter) -> Generator[Page]:
    """One request a clip; the missing go to ``listing.gone``, the private to ``listing.withheld``."""
    for clip_id in ids:
        counter.check()
        try:
            answer = client.get(f"/api/clip/{clip_id}", {})
        except Missing:
            listing.gone.append(clip_id)
        except Forbidden:
            listing.withheld.append(clip_id)
        else:
            yield counter.page(answer)
    listing.finish()
