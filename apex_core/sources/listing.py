"""A listing: pages one after the other, and what is known of its end."""

import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from apex_core.errors import PagingFault
from apex_core.sources.http import Answer, PlatformClient
from apex_core.sources.pages import Page


@dataclass(slots=True)
class Listing:
    """Iterate once over the pages of a listing.

    ``complete`` turns true only when the platform itself said that nothing follows. ``cursor`` is where to resume an
    unfinished listing, also after an error; None at the start and once complete.
    """

    cursor: str | None
    walk: Callable[["Listing"], Generator[Page]]
    complete: bool = False
    gone: list[str] = field(default_factory=list[str])
    withheld: list[str] = field(default_factory=list[str])

    def __iter__(self) -> Iterator[Page]:
        return self.walk(self)

    def finish(self) -> None:
        self.complete, self.cursor = True, None


@dataclass(slots=True)
class PageCounter:
    """Numbers pages and refuses to go on for ever."""

    client: PlatformClient
    as_of: datetime
    max_pages: int
    number: int = 0

    def page(self, answer: Answer) -> Page:
        """The next page; its time is the platform's clock, else the run's ``as_of``."""
        page = Page(self.client.platform, self.number, answer.url, answer.date or self.as_of, answer.body)
        self.number += 1
        return page

    def check(self) -> None:
        """Raise PagingFault when another page would be one too many."""
        if self.number >= self.max_pages:
            platform = self.client.platform
            raise PagingFault(
                f"{platform}: {self.number} pages and no end.",
                fix=f"raise sources.{platform}.max_pages (APEX_SOURCES__{platform.upper()}__MAX_PAGES) if that can be",
            )


def members(body: str) -> dict[str, Any]:
    """The members of a JSON object; none when the body is anything else, which the contract will refuse."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def ids_in(records: object) -> list[str]:
    """The ids of a list of records; of anything else, none."""
    if not isinstance(records, list):
        return []
    found = [cast(dict[str, Any], item).get("id") for item in cast(list[object], records) if isinstance(item, dict)]
    return [item for item in found if isinstance(item, str)]
