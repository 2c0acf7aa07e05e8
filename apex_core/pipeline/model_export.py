"""Versions out of the registry: as the authors' checkpoint, or as the folder they are."""

from pathlib import Path

from apex_core.errors import ArtifactError
from apex_core.heads.foreign import check_exportable, write_checkpoint
from apex_core.pipeline.artifact_model import build
from apex_core.registry import is_published, load_artifact
from apex_core.registry.layout import version_prefix
from apex_core.storage import Store, read_manifest, whole_file
from apex_core.storage.manifest import NAME


def export_checkpoint(store: Store, version: str, target: Path, *, replace: bool = False) -> None:
    """Write ``version`` as a checkpoint that the authors' inference code loads.

    Raises ArtifactError for heads that format cannot hold (a learned layer mix, an ensemble, another width).
    """
    artifact = load_artifact(store, version)
    model = build(artifact)
    check_exportable(model.config)
    told = {"epoch": artifact.lineage.get("best_epoch", 0), **artifact.lineage.get("imported", {})}
    with whole_file(target, replace=replace) as part:
        write_checkpoint(part, model, told)


def export_folder(store: Store, version: str, target: Path) -> None:
    """Copy the files of ``version``, its manifest last, into a new folder that any apex loads and the hub takes."""
    if not is_published(store, version):
        raise ArtifactError(f"{version} is not published.", fix="apex models list")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ArtifactError(f"{target} is there already, and not an empty folder.", fix="name another one")
    copy_files(store, version_prefix(version), target)


def copy_files(store: Store, prefix: str, target: Path) -> None:
    """Copy what the manifest under ``prefix`` names, checked, and the manifest last, into a folder."""
    manifest = read_manifest(store, prefix, verify=True)
    for name in (*manifest.files, NAME):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        store.fetch(f"{prefix}/{name}" if prefix else name, target / name)
