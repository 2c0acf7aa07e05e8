"""What travels through this room: pages as received, and the files they lie in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Form = Literal["pages", "lines", "body"]


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a platform: ``body`` is the text as received, ``fetched_at`` the platform's clock (UTC)."""

    source: str
    number: int
    url: str
    fetched_at: datetime
    body: str


@dataclass(frozen=True, slots=True)
class LandedFile:
    """One file of pages.

    ``form`` says what it holds: ``pages`` (landed by us; ``uri`` is a key of the store), ``lines`` or ``body`` (a dump
    or export that stays where it is; ``uri`` is its absolute path). ``observed_at`` is when its newest page was
    fetched, or the date of the dump; ``dated`` is false where that was guessed. ``pages`` is 0 where unknown.
    """

    source: str
    uri: str
    sha256: str
    observed_at: datetime
    form: Form
    pages: int = 0
    dated: bool = True
