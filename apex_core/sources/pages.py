"""What travels through this room: pages as received, and the files they lie in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Form = Literal["pages", "lines", "array", "body", "csv", "parquet"]


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
    """One file of pages or records.

    ``form`` says what it holds: ``pages`` (landed by us; ``uri`` is a key of the store, or where they lie now), or else
    a dump or export that stays where it is (``uri`` is its absolute path or ``s3://`` address): a record or page a
    line, a list of records, one body, a table. ``observed_at`` is when its newest page was fetched, or the date of the
    dump. ``sha256`` is "" and ``bytes`` and ``pages`` are 0 where not known.
    """

    source: str
    uri: str
    sha256: str
    observed_at: datetime
    form: Form
    pages: int = 0
    bytes: int = 0
