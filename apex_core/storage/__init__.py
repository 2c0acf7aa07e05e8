"""The one object-store seam: a local folder or ``s3://bucket/prefix``, same code."""

from apex_core.storage.foreign import ForeignFile, fetch_s3, find_s3, list_s3, local_file
from apex_core.storage.manifest import Manifest, read_manifest, write_manifest
from apex_core.storage.store import Store
from apex_core.storage.whole_file import check_target, make_folder, sync, whole_file

__all__ = [
    "ForeignFile",
    "Manifest",
    "Store",
    "check_target",
    "fetch_s3",
    "find_s3",
    "list_s3",
    "local_file",
    "make_folder",
    "read_manifest",
    "sync",
    "whole_file",
    "write_manifest",
]
