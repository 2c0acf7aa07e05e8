"""A creator's profile states its own sums: what its pages add up to is held against them (SOURCES §1)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

from apex_core.sources.listing import at, members, value_of
from apex_core.sources.pages import Page

MEASURES = ("clips", "plays", "likes")


@dataclass(slots=True)
class ProfileSums:
    """Reads along while a profile is listed; each clip counts once. ``stated`` has what page 1 says of itself."""

    handle: str
    stated: dict[str, int] = field(default_factory=dict[str, int])
    _counts: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def read(self, pages: Iterable[Page]) -> Iterator[Page]:
        """The same pages, added up on their way."""
        for page in pages:
            body = value_of(page.body)
            self._state("clips", at(body, "num_total_clips"))
            self._state("plays", at(body, "stats", "play_count__sum"))
            self._state("likes", at(body, "stats", "upvote_count__sum"))
            clips = at(body, "clips")
            for clip in cast(list[object], clips) if isinstance(clips, list) else []:
                counts = _number(at(clip, "play_count")), _number(at(clip, "upvote_count"))
                self._counts[str(members(clip).get("id"))] = counts
            yield page

    def _state(self, measure: str, value: object) -> None:
        if isinstance(value, int):
            self.stated.setdefault(measure, value)

    @property
    def found(self) -> dict[str, int]:
        """What the pages add up to."""
        counts = self._counts.values()
        return {"clips": len(counts), "plays": sum(c[0] for c in counts), "likes": sum(c[1] for c in counts)}

    def differences(self) -> list[str]:
        """Where the sums do not agree, in words; what is not stated cannot differ."""
        found = self.found
        return [
            f"profile {self.handle}: {self.stated[name]} {name} stated, {found[name]} found"
            for name in MEASURES
            if name in self.stated and self.stated[name] != found[name]
        ]


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
