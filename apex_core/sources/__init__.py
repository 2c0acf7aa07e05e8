"""Metadata sources: live connectors, dumps and exports -> pages -> contract -> typed rows or rejects."""

from apex_core.sources.access import Access
from apex_core.sources.connectors import list_pages, revisit, whole_listing
from apex_core.sources.files import find_dumps, look_at, platform_of, sha256_of, whole_sha256
from apex_core.sources.ingest import (
    BadPage,
    IngestCounts,
    known_records,
    mark_gone,
    mark_withheld,
    merge,
    record_landing,
    refuse_storm,
    refuse_unknown,
)
from apex_core.sources.landing import adopt, land, landed_by
from apex_core.sources.listing import Listing
from apex_core.sources.pages import LandedFile, Page
from apex_core.sources.profile import ProfileSums
from apex_core.sources.staging import Dump, stage_dumps, stage_landed

__all__ = [
    "Access",
    "BadPage",
    "Dump",
    "IngestCounts",
    "LandedFile",
    "Listing",
    "Page",
    "ProfileSums",
    "adopt",
    "find_dumps",
    "known_records",
    "land",
    "landed_by",
    "list_pages",
    "look_at",
    "mark_gone",
    "mark_withheld",
    "merge",
    "platform_of",
    "record_landing",
    "refuse_storm",
    "refuse_unknown",
    "revisit",
    "sha256_of",
    "stage_dumps",
    "stage_landed",
    "whole_listing",
    "whole_sha256",
]
