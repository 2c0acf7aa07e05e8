"""The landing: every page as received, before anything looks into it."""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from datetime import datetime

import zstandard

from apex_core.errors import SourceError
from apex_core.settings import Platform
from apex_core.sources.pages import LandedFile, Page
from apex_core.storage import Store

PAGES_A_FILE = 50
LINE_KEYS = {"page", "url", "fetched_at", "body"}
_LEVEL = 6


def land(store: Store, platform: Platform, run_id: str, as_of: datetime, pages: Iterable[Page]) -> Iterator[LandedFile]:
    """Write pages to ``landing/<platform>/<yyyy>/<mm>/<dd>/<run_id>/<n>.jsonl.zst`` as they come, ~50 a file.

    Yields each file once it is written. When ``pages`` raises a SourceError, what came before is landed and yielded
    first, then the error goes on. A resumed run adds files; none is overwritten.
    """
    batch: list[Page] = []
    try:
        for page in pages:
            batch.append(page)
            if len(batch) == PAGES_A_FILE:
                yield _write(store, platform, run_id, as_of, batch)
                batch = []
    except SourceError:
        if batch:
            yield _write(store, platform, run_id, as_of, batch)
        raise
    if batch:
        yield _write(store, platform, run_id, as_of, batch)


def landed_by(store: Store, platform: Platform, run_id: str, as_of: datetime) -> list[LandedFile]:
    """The files that a run has landed, for one that was killed before it merged them."""
    keys = [key for key in store.list(_folder(platform, run_id, as_of)) if key.endswith(".jsonl.zst")]
    return [adopt(store, platform, key) for key in keys]


def adopt(store: Store, platform: Platform, key: str) -> LandedFile:
    """The facts of a landed file, read back from it (a restore reads the landing after the backup's watermark)."""
    data = store.read(key)
    with zstandard.ZstdDecompressor().stream_reader(data) as raw, io.TextIOWrapper(raw, encoding="utf-8") as lines:
        moments = [datetime.fromisoformat(json.loads(line)["fetched_at"]) for line in lines]
    return _facts(platform, key, data, moments)


def _write(store: Store, platform: Platform, run_id: str, as_of: datetime, pages: list[Page]) -> LandedFile:
    data = zstandard.compress("".join(map(_line, pages)).encode(), _LEVEL)
    folder = _folder(platform, run_id, as_of)
    number = len(store.list(folder))
    while not store.put(key := f"{folder}/{number:06d}.jsonl.zst", data):
        number += 1
    return _facts(platform, key, data, [page.fetched_at for page in pages])


def _folder(platform: Platform, run_id: str, as_of: datetime) -> str:
    return f"landing/{platform}/{as_of:%Y/%m/%d}/{run_id}"


def _line(page: Page) -> str:
    facts = {"page": page.number, "url": page.url, "fetched_at": page.fetched_at.isoformat(), "body": page.body}
    return json.dumps(facts, ensure_ascii=False) + "\n"


def _facts(platform: Platform, key: str, data: bytes, moments: list[datetime]) -> LandedFile:
    return LandedFile(platform, key, hashlib.sha256(data).hexdigest(), max(moments), "pages", len(moments))
