"""Songs that the operator already has: folders and s3 prefixes, by convention, or with a manifest.

A library keeps its files at ``<platform>/<track_id>.<ext>``, or lists them in ``manifest.csv``, ``manifest.jsonl`` or
``manifest.parquet`` (platform, track_id, path relative to the library, and sha256 if it is to be checked), or both.
Libraries are listed whole, every night: what lies where, of what size and age, costs no look into the files, and
SQL finds from the list what is wanted, new, changed or gone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from apex_core.audio.index import OFFERS, Table
from apex_core.audio.local_library import LocalLibrary
from apex_core.audio.s3_library import S3Library
from apex_core.storage.foreign import S3


@dataclass(frozen=True, slots=True)
class Listing:
    """All that libraries offer: a Parquet file, and how many files each has, by its address with a "/" at the end."""

    path: Path
    files: dict[str, int]


def list_libraries(libraries: Sequence[str], scratch: Path, progress: Callable[[int], None]) -> Listing:
    """List every file of ``libraries`` into a Parquet file in the folder ``scratch``; earlier libraries are preferred.

    ``progress`` is told now and then how many files there are. Raises SettingsError when a library is no folder,
    StorageError when an s3 prefix cannot be listed, AudioError for a manifest that cannot be read, with its line.
    """
    path, counts = scratch / "offers.parquet", dict[str, int]()
    with Table(path, OFFERS) as table:
        for number, address in enumerate(libraries):
            library = S3Library(address) if address.startswith(S3) else LocalLibrary(address)
            before = table.rows
            for offer in library.offers(scratch):
                if table.add(offer.row(number)):
                    progress(table.rows)
            counts[library.root] = table.rows - before
        if table.rows:
            progress(table.rows)
    return Listing(path, counts)
