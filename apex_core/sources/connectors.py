"""The live connectors: off by default, polite, and honest about completeness."""

import re
import time
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from functools import partial
from typing import Literal

from apex_core.errors import SourceError
from apex_core.settings import ConnectorSettings, HttpSettings, Platform
from apex_core.sources import suno, udio
from apex_core.sources.http import PlatformClient, check_allowed
from apex_core.sources.listing import Listing, PageCounter
from apex_core.sources.pages import Page

Feed = Literal["feed_v3", "feed_v2", "search"]
_Walk = Callable[[Listing, PlatformClient, ConnectorSettings, PageCounter], Generator[Page]]
_FEEDS: dict[Platform, dict[Feed, _Walk]] = {
    "suno": {"feed_v3": suno.feed_v3, "feed_v2": suno.feed_v2},
    "udio": {"search": udio.search},
}
_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def list_pages(
    platform: Platform,
    connector: ConnectorSettings,
    http: HttpSettings,
    as_of: datetime,
    resume_cursor: str | None = None,
    *,
    feed: Feed | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Listing:
    """List a platform's songs, newest first: iterate over the result, then read its ``complete`` and ``cursor``.

    Suno is listed by feed v3 and Udio by search unless ``feed`` says otherwise. Iterating raises Unauthorized,
    Forbidden, RateLimited, PlatformDown or PagingFault after the pages that came before; the call itself raises
    SourceDisabled or Unauthorized when the connector may not be used.
    """
    check_allowed(platform, connector, http)
    walk = _FEEDS[platform].get(feed or next(iter(_FEEDS[platform])))
    if walk is None:
        raise SourceError(f"{platform} has no listing {feed!r}.", fix=f"choose from {', '.join(_FEEDS[platform])}")
    return Listing(resume_cursor, partial(_walk_feed, walk, platform, connector, http, as_of, sleep))


def revisit(
    platform: Platform,
    ids: Sequence[str],
    connector: ConnectorSettings,
    http: HttpSettings,
    as_of: datetime,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Listing:
    """Look again at known tracks: Suno one by one, Udio twenty at a time.

    After iterating, ``gone`` names those the platform no longer knows (tombstones), ``withheld`` the private ones.
    """
    check_allowed(platform, connector, http)
    odd = next((track_id for track_id in ids if not _ID.fullmatch(track_id)), None)
    if odd is not None:
        raise SourceError(f"{odd!r} is not an id of {platform}.")
    return Listing(None, partial(_walk_ids, platform, tuple(ids), connector, http, as_of, sleep))


def _walk_feed(
    walk: _Walk,
    platform: Platform,
    connector: ConnectorSettings,
    http: HttpSettings,
    as_of: datetime,
    sleep: Callable[[float], None],
    listing: Listing,
) -> Generator[Page]:
    with PlatformClient(platform, connector, http, sleep=sleep) as client:
        yield from walk(listing, client, connector, PageCounter(client, as_of, connector.max_pages))


def _walk_ids(
    platform: Platform,
    ids: Sequence[str],
    connector: ConnectorSettings,
    http: HttpSettings,
    as_of: datetime,
    sleep: Callable[[float], None],
    listing: Listing,
) -> Generator[Page]:
    walk = suno.clips if platform == "suno" else udio.songs
    with PlatformClient(platform, connector, http, sleep=sleep) as client:
        yield from walk(listing, client, ids, PageCounter(client, as_of, max(connector.max_pages, len(ids))))
