"""What a listing asks with: one client, numbered pages, and an end to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from apex_core.errors import PagingFault
from apex_core.sources.http import Answer, PlatformClient
from apex_core.sources.pages import Page


@dataclass(slots=True)
class Asking:
    """Asks page after page and refuses to go on for ever. ``of``: whose pages (a handle, an id, a search term)."""

    client: PlatformClient
    as_of: datetime
    page_size: int
    max_pages: int
    of: str = ""
    asked: int = 0
    number: int = 0

    def get(self, path: str, params: Mapping[str, str | int | list[str]]) -> Answer:
        self._count()
        return self.client.get(path, params)

    def post(self, path: str, payload: Mapping[str, object]) -> Answer:
        self._count()
        return self.client.post(path, payload)

    def page(self, answer: Answer) -> Page:
        """The next page; its time is the platform's clock, else the run's ``as_of``."""
        page = Page(self.client.platform, self.number, answer.url, answer.date or self.as_of, answer.body)
        self.number += 1
        return page

    def _count(self) -> None:
        """Raise PagingFault when another page would be one too many."""
        if self.asked >= self.max_pages:
            platform = self.client.platform
            raise PagingFault(
                f"{platform}: {self.asked} pages and no end.",
                fix=f"raise sources.{platform}.max_pages (APEX_SOURCES__{platform.upper()}__MAX_PAGES) if that can be",
            )
        self.asked += 1
