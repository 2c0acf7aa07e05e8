"""Dumps and exports are read where they lie; that they were taken in is noted in the store, where a restore finds it.

A unit of work leaves one note, ``references/<platform>/<hash>.json``: a list of where files lay, their hashes, and of
when their counts are.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from apex_core.settings import Platform
from apex_core.sources import LandedFile
from apex_core.storage import Store

_FOLDER = "references"


def note_references(store: Store, platform: Platform, files: Sequence[LandedFile]) -> None:
    """Note files that are being taken in; the same ones once more change nothing."""
    found = [{"uri": f.uri, "sha256": f.sha256, "observed_at": f.observed_at.isoformat()} for f in files]
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    store.put_json(f"{_FOLDER}/{platform}/{digest[:16]}.json", found)


def noted_references(store: Store, platform: Platform) -> Iterator[dict[str, Any]]:
    """The uri, sha256 and observed_at (ISO 8601) of every file that was taken in, as the notes say."""
    for key in store.list(f"{_FOLDER}/{platform}"):
        yield from store.read_json(key)
