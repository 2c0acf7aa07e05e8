"""Where a model is: an alias or a version of a store, or a place of its own, in a folder or on s3."""

import os

from apex_core.errors import ArtifactError, NotFound
from apex_core.pipeline.models import find_version
from apex_core.registry import CHAMPION, Artifact, load_artifact
from apex_core.registry.layout import ALIASES, is_version
from apex_core.storage import Store
from apex_core.storage.manifest import NAME

_FIX = "apex nightly trains and publishes one; --model FOLDER takes one from elsewhere, as does s3://bucket/prefix"


def find_model(model: str, store_url: str) -> Artifact:
    """Load the model that somebody names.

    ``model`` is a folder or an ``s3://`` address, of one version's files or of a whole store (then its champion); else
    an alias or a version in the store ``store_url``. Raises NotFound when there is none, ArtifactError for one that is
    incomplete or altered, StorageError when s3 cannot be asked.
    """
    place = Store.open(model) if "://" in model or os.path.isdir(model) else None
    if place is not None and place.exists(NAME):
        return load_artifact(model)
    if place is not None and place.list(ALIASES):
        return _named(place, CHAMPION)
    if place is not None and (not place.is_local or os.sep in model):
        raise ArtifactError(
            f"{place.url} holds neither a model (there is no {NAME}) nor a store of models.",
            fix="name the folder with model.safetensors and its manifest; apex models import takes in foreign ones",
        )
    return _named(Store.open(store_url), model)


def _named(store: Store, name: str) -> Artifact:
    if is_version(name):
        return load_artifact(store, name)
    if os.sep in name:
        raise NotFound(f"There is no folder {name}.", fix=_FIX)
    try:
        version = find_version(store, name)
    except NotFound as error:
        raise NotFound(error.message, fix=_FIX) from error
    return load_artifact(store, version)
