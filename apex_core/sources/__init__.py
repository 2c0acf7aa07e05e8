"""Metadata sources: live connectors, dumps and exports -> pages -> contract -> typed rows or rejects."""

from apex_core.sources.access import Access
from apex_core.sources.connectors import list_pages, revisit, whole_listing
from apex_core.sources.files import platform_of, reference
from apex_core.sources.ingest import (
    BadPage,
    IngestCounts,
    mark_gone,
    merge,
    record_landing,
    refuse_unknown,
    stage_landed,
)
from apex_core.sources.landing import adopt, land, landed_by
from apex_core.sources.listing import Listing
from apex_core.sources.pages import LandedFile, Page
from apex_core.sources.profile import ProfileSums

__all__ = [
    "Access",
    "BadPage",
    "IngestCounts",
    "LandedFile",
    "Listing",
    "Page",
    "ProfileSums",
    "adopt",
    "land",
    "landed_by",
    "list_pages",
    "mark_gone",
    "merge",
    "platform_of",
    "record_landing",
    "reference",
    "refuse_unknown",
    "revisit",
    "stage_landed",
    "whole_listing",
]
