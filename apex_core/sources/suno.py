"""Suno's listings (SOURCES §1).

A page whose shape is unknown is still yielded, the contract refuses it, loudly; but it never completes a listing.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import cast

from apex_core.errors import Forbidden, Missing, PagingFault
from apex_core.sources.asking import Asking
from apex_core.sources.listing import Listing, at, ids_in, members, value_of
from apex_core.sources.pages import Page

BATCH = 20


@dataclass(frozen=True, slots=True)
class Numbered:
    """A listing whose pages have numbers: where it is, and where in a page its records and their total stand.

    Without ``records`` a page is a bare array; ``item`` is the member of a record that holds the clip.
    """

    path: str
    first: int
    records: str | None = None
    total: str = ""
    item: str | None = None
    sized: bool = False

    def __call__(self, listing: Listing, asking: Asking) -> Generator[Page]:
        """Go on to an empty page, or until as many records came as the platform says there are.

        Clients of the feeds count from 0, and where a platform counts from 1 its page 0 is page 1 again: that one
        repetition is passed over, any other is a fault.
        """
        path, came, before = self.path.format(of=asking.of), 0, list[str]()
        from_start = listing.cursor is None
        while True:
            number = int(listing.cursor or self.first)
            answer = asking.get(path, {"page": number} | ({"limit": asking.page_size} if self.sized else {}))
            body = value_of(answer.body)
            records = body if self.records is None else at(body, self.records)
            clips = self._clips(records)
            if before and ids_in(clips) == before:
                if number != 1 or self.first != 0:
                    raise PagingFault(f"suno: page {number} of {path} is the page before once more.", fix="run again")
                listing.cursor = "2"
                continue
            yield asking.page(answer)
            if not isinstance(records, list):
                return None
            came, total = came + len(clips), at(body, self.total)
            counted_out = from_start and isinstance(total, int) and came >= total
            if not clips or counted_out or listing.ends_at(clips):
                return listing.finish()
            listing.cursor, before = str(number + 1), ids_in(clips)

    def _clips(self, records: object) -> list[object]:
        found = cast(list[object], records) if isinstance(records, list) else []
        return found if self.item is None else [at(record, self.item) for record in found]


feed_v1 = Numbered("/api/feed/", first=0)
feed_v2 = Numbered("/api/feed/v2", first=0, records="clips", total="num_total_results", sized=True)
profile = Numbered("/api/profiles/{of}", first=1, records="clips", total="num_total_clips")
playlist = Numbered("/api/playlist/{of}", 1, records="playlist_clips", total="num_total_results", item="clip")
project = Numbered("/api/project/{of}", 1, records="project_clips", total="clip_count", item="clip")


def feed_v3(listing: Listing, asking: Asking) -> Generator[Page]:
    """Follow cursors; complete only when ``has_more`` is false, and missing is not false."""
    used: set[str] = set()
    while True:
        payload = {"cursor": listing.cursor, "limit": asking.page_size, "filters": {}}
        answer = asking.post("/api/feed/v3", payload)
        found = members(value_of(answer.body))
        yield asking.page(answer)
        clips = found.get("clips")
        if not isinstance(clips, list):
            return None
        if found.get("has_more") is False or listing.ends_at(cast(list[object], clips)):
            return listing.finish()
        if not _follow(listing, found.get("next_cursor"), used):
            return None


def homepage(listing: Listing, asking: Asking) -> Generator[Page]:
    """Follow cursors of the front page's feeds; complete when a cursor is stated and there is none."""
    used: set[str] = set()
    while True:
        answer = asking.post("/api/unified/homepage", {"cursor": listing.cursor})
        found = members(value_of(answer.body))
        yield asking.page(answer)
        if not isinstance(found.get("feeds"), list) or "next_cursor" not in found:
            return None
        if not _follow(listing, found["next_cursor"], used):
            return listing.finish()


def search(listing: Listing, asking: Asking) -> Generator[Page]:
    """Public songs for a term, by an index; complete at the first short page."""
    before: list[str] = []
    while True:
        index = int(listing.cursor or 0)
        query = {"name": "public_song", "search_type": "public_song", "term": asking.of, "rank_by": "most_recent"}
        query |= {"from_index": index, "size": asking.page_size}
        answer = asking.post("/api/search/", {"search_queries": [query]})
        clips = at(value_of(answer.body), "result", "public_song", "result")
        yield asking.page(answer)
        if not isinstance(clips, list):
            return None
        if len(cast(list[object], clips)) < asking.page_size:
            return listing.finish()
        ids = ids_in(clips)
        if ids and ids == before:
            raise PagingFault(f"suno: index {index} of a search repeats the one before.", fix="run again")
        listing.cursor, before = str(index + asking.page_size), ids


def clips(listing: Listing, asking: Asking, ids: Sequence[str]) -> Generator[Page]:
    """Twenty clips a request; who drops out of an answer is asked for alone, which tells gone from private."""
    for start in range(0, len(ids), BATCH):
        wanted = ids[start : start + BATCH]
        try:
            answer = asking.get("/api/clips/get_songs_by_ids", {"ids": list(wanted)})
        except (Missing, Forbidden):  # not the clips: there is no such way to ask
            came = set[str]()
        else:
            yield asking.page(answer)
            found = at(value_of(answer.body), "clips")
            came = set(ids_in(found) if isinstance(found, list) else wanted)
        gone = yield from _one_by_one(listing, asking, [clip for clip in wanted if clip not in came])
        listing.lose("suno", wanted, gone)
    listing.finish()


def _one_by_one(listing: Listing, asking: Asking, ids: Sequence[str]) -> Generator[Page, None, list[str]]:
    """Ask for clips alone; returns those that are gone."""
    gone: list[str] = []
    for clip_id in ids:
        try:
            answer = asking.get(f"/api/clip/{clip_id}", {})
        except Missing:
            gone.append(clip_id)
        except Forbidden:
            listing.withheld.append(clip_id)
        else:
            yield asking.page(answer)
    return gone


def _follow(listing: Listing, cursor: object, used: set[str]) -> bool:
    """Move on to the next cursor; false when there is none ("" is none), PagingFault when it has been used."""
    if not isinstance(cursor, str) or not cursor:
        return False
    used.add(listing.cursor or "")
    if cursor in used:
        raise PagingFault(f"suno: the cursor {cursor!r} was sent twice.", fix="run again; the watermark stays")
    listing.cursor = cursor
    return True
