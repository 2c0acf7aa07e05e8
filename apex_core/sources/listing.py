"""A listing: pages one after the other, and what is known of its end."""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from apex_core.errors import SourceError
from apex_core.settings import Platform
from apex_core.sources.pages import Page

_BELIEVED = 4


@dataclass(slots=True)
class Listing:
    """Iterate once over the pages of a listing.

    ``complete`` turns true only when the platform itself said that nothing follows, or at a page all of whose records
    are older than ``since``: what follows is older still. ``cursor`` is where to resume an unfinished listing, also
    after an error; None at the start and once complete.
    """

    cursor: str | None
    walk: Callable[["Listing"], Generator[Page]]
    since: datetime | None = None
    complete: bool = False
    gone: list[str] = field(default_factory=list[str])
    withheld: list[str] = field(default_factory=list[str])

    def __iter__(self) -> Iterator[Page]:
        return self.walk(self)

    def finish(self) -> None:
        self.complete, self.cursor = True, None

    def lose(self, platform: Platform, asked: Sequence[str], gone: Sequence[str]) -> None:
        """Note who is gone of those asked for together; SourceError, and nobody is, when it is all of more than a few.

        Tracks vanish one by one; all at once, it is the way to ask for them that is gone.
        """
        if len(asked) > _BELIEVED and len(gone) == len(asked):
            raise SourceError(
                f"{platform} knows none of {len(asked)} known tracks it was asked for, {asked[0]} among them: that is "
                "rather the address or the token than the tracks. None of them was marked as gone.",
                fix="look whether the platform's site still has one of them; if they are gone indeed, run with "
                f"APEX_SOURCES__{platform.upper()}__REVISITS_PER_RUN={_BELIEVED}: of so few it is believed",
            )
        self.gone.extend(gone)

    def ends_at(self, records: Sequence[object]) -> bool:
        """Whether this page is old enough to be the last; a record without a readable time says nothing."""
        if self.since is None:
            return False
        moments = [moment for record in records if (moment := _created_at(record))]
        return bool(moments) and max(moments) < self.since


def value_of(body: str) -> object:
    """The JSON value of a body; None when it is none, which the contract will refuse."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def members(value: object) -> dict[str, Any]:
    """The members of a JSON object; none of anything else."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def at(value: object, *path: str) -> object:
    """What lies under a path of members; None where it breaks off."""
    for name in path:
        value = members(value).get(name)
    return value


def ids_in(records: object) -> list[str]:
    """The ids of a list of records; of anything else, none."""
    if not isinstance(records, list):
        return []
    found = [members(item).get("id") for item in cast(list[object], records)]
    return [item for item in found if isinstance(item, str)]


def _created_at(record: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(members(record).get("created_at")))
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
