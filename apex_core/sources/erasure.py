"""Pages as received, without the records of whoever is to be forgotten.

A record is a JSON object with the id of a forgotten track or the ``user_id`` of a forgotten creator, in whatever
envelope it came. In the records of others the bare id of a track stays where they name it (their lineage says what
their song was made from, and the next listing says it again); everything else that names a forgotten one goes.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

import zstandard

from apex_core.sources.share_links import short_id

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_LEVEL = 6
_IN_PLACE_OF_AN_ID = "forgotten"
# Members that hold records make their object an envelope: its user_id says whose page it is, not whose records.
_LISTS = frozenset({"clips", "playlist_clips", "project_clips", "songs", "data", "feeds", "result"})
_PAGING = frozenset({"current_page", "num_total_results", "has_more", "next_cursor", "trendingId"})
# What a record says it was made from.
_LINEAGE = frozenset({"history", "concat_history", "clip_roots"})
# Members whose object is nothing without them.
_WRAPPED = frozenset({"clip", "content_item"})
_GONE = object()


class Forgotten:
    """Ids of tracks (UUIDs, in lower case) and of creators, and where a text names them."""

    def __init__(self, tracks: Collection[str], creators: Collection[str]) -> None:
        self.tracks, self.creators = frozenset(tracks), frozenset(creators)
        uuids = {text.lower() for text in self.tracks | self.creators if _UUID.fullmatch(text)}
        self._uuids = frozenset(uuids)
        self._shorts = frozenset(short_id(text) for text in self.tracks if _UUID.fullmatch(text))
        others = sorted(text for text in self.tracks | self.creators if text.lower() not in uuids)
        named = [_UUID.pattern, r"(?<![0-9A-Za-z])[1-9A-HJ-NP-Za-km-z]{22}(?![0-9A-Za-z])"]
        named += [rf"(?<![\w-]){re.escape(text)}(?![\w-])" for text in others]
        self._others = frozenset(others)
        self._named = re.compile("|".join(named), re.IGNORECASE)

    def named(self, text: str) -> bool:
        """Does ``text`` hold one of the ids, in any of its forms?"""
        return any(self._is(match[0]) for match in self._named.finditer(text))

    @property
    def needles(self) -> dict[str, object]:
        """The ids as named SQL parameters: ``ids`` that stand out in any text by their form, and ``others``."""
        return {"ids": sorted(self._uuids | self._shorts), "others": sorted(self._others)}

    def has_track(self, value: object) -> bool:
        """Is ``value`` a forgotten track's id, alone?"""
        return isinstance(value, str) and (value.lower() in self.tracks or value in self._shorts)

    def has_creator(self, value: object) -> bool:
        """Is ``value`` a forgotten creator's id, alone?"""
        return isinstance(value, str) and (value in self.creators or value.lower() in self.creators)

    def replaced(self, text: str) -> str:
        """``text`` with every id in it replaced by a word."""
        return self._named.sub(lambda match: _IN_PLACE_OF_AN_ID if self._is(match[0]) else match[0], text)

    def _is(self, text: str) -> bool:
        return text.lower() in self._uuids or text in self._shorts or text in self._others


@dataclass(frozen=True, slots=True)
class Cleared:
    """What is left of a text, None when nothing is, and how many records and other mentions were taken out."""

    text: str | None
    records: int
    mentions: int

    @property
    def changes(self) -> int:
        return self.records + self.mentions


def clear_body(body: str, forgotten: Forgotten) -> Cleared:
    """A body without the forgotten ones; the same text when there is nothing to take out.

    A body that is no JSON and names one is given up whole.
    """
    if not forgotten.named(body):
        return Cleared(body, 0, 0)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return Cleared(None, 1, 0)
    clearing = _Clearing(forgotten)
    kept = clearing.without(value)
    if not clearing.records + clearing.mentions:
        return Cleared(body, 0, 0)
    # Escaped: a body may hold half a surrogate pair, which is no text.
    text = None if kept is _GONE else json.dumps(kept)
    return Cleared(text, clearing.records, clearing.mentions)


@dataclass(frozen=True, slots=True)
class ClearedFile:
    """A landed file without the forgotten ones (``data`` None: nothing is left), its pages and what was taken out."""

    data: bytes | None
    pages: int
    changes: int


def clear_landed(data: bytes, forgotten: Forgotten, *, compressed: bool = True) -> ClearedFile | None:
    """A landed file, a page a line, without the forgotten ones; None when there is nothing to take out."""
    raw = _unpacked(data) if compressed else data
    text = raw.decode("utf-8", "surrogateescape")
    if not forgotten.named(text):
        return None
    cleared = [_clear_line(line, forgotten) for line in text.split("\n") if line.strip()]
    changes = sum(line.changes for line in cleared)
    if not changes:
        return None
    kept = [line.text for line in cleared if line.text is not None]
    joined = "".join(f"{line}\n" for line in kept).encode("utf-8", "surrogateescape")
    packed = zstandard.compress(joined, _LEVEL) if compressed else joined
    return ClearedFile(packed if kept else None, len(kept), changes)


def _unpacked(data: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        return reader.read()


def _clear_line(line: str, forgotten: Forgotten) -> Cleared:
    try:
        page = json.loads(line)
    except ValueError:
        page = None
    if not isinstance(page, dict) or not isinstance(page.get("body"), str):
        return clear_body(line, forgotten)
    page = cast(dict[str, Any], page)
    body = clear_body(page["body"], forgotten)
    if body.text is None:
        return body
    facts = {name: forgotten.replaced(value) if isinstance(value, str) else value for name, value in page.items()}
    facts["body"] = body.text
    mentions = body.mentions + sum(facts[name] != page[name] for name in page if name != "body")
    if not body.records + mentions:
        return Cleared(line, 0, 0)
    return Cleared(json.dumps(facts, ensure_ascii=False), body.records, mentions)


class _Clearing:
    """One walk through a JSON value."""

    def __init__(self, forgotten: Forgotten) -> None:
        self._forgotten, self.records, self.mentions = forgotten, 0, 0

    def without(self, value: Any, *, lineage: bool = False) -> Any:  # noqa: ANN401  JSON
        """``value`` without the forgotten ones, _GONE when it is one of theirs."""
        if isinstance(value, list):
            kept = [self.without(item, lineage=lineage) for item in cast(list[Any], value)]
            return [item for item in kept if item is not _GONE]
        if isinstance(value, str):
            return self._text(value)
        return self._object(cast(dict[str, Any], value), lineage) if isinstance(value, dict) else value

    def _object(self, value: dict[str, Any], lineage: bool) -> Any:  # noqa: ANN401  JSON
        is_theirs = self._forgotten.has_creator(value.get("user_id")) or self._forgotten.has_creator(value.get("id"))
        if is_theirs and value.keys() & _LISTS:
            self.mentions += 1
            value = {name: item for name, item in value.items() if name in _LISTS | _PAGING}
        elif is_theirs or self._forgotten.has_track(value.get("id")):
            return self._theirs(value, lineage)
        kept: dict[str, Any] = {}
        for name, item in value.items():
            if self._forgotten.named(name):  # a map by id
                self.mentions += 1
                continue
            new = self.without(item, lineage=lineage or name in _LINEAGE)
            if new is _GONE and name in _WRAPPED:
                return _GONE
            kept[name] = None if new is _GONE else new
        return kept

    def _theirs(self, value: dict[str, Any], lineage: bool) -> Any:  # noqa: ANN401  JSON
        if lineage and isinstance(value.get("id"), str) and not self._forgotten.has_creator(value["id"]):
            self.mentions += len(value) > 1
            return {"id": value["id"]}
        self.records += 1
        return _GONE

    def _text(self, value: str) -> Any:  # noqa: ANN401  JSON
        if self._forgotten.has_track(value) or self._forgotten.has_track(value.removeprefix("m_")):
            return value
        replaced = self._forgotten.replaced(value)
        self.mentions += replaced != value
        return None if self._forgotten.has_creator(value) else replaced
