"""What a machine is told that encodes for us and shares nothing with this one but the store and the Prefect server.

Why it is shaped like this: what is encoded, and by which weights, is for the run to say; how a machine does it (device,
decoder processes, credentials, folders) is for that machine's environment, and no secret is ever told.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apex_core.errors import SettingsError
from apex_core.settings import AudioSettings, EncoderSettings, Settings
from apex_core.storage import Store

# What is for a machine to say, not for the run.
OWN = {"device", "devices", "decode_workers", "place"}


def told_elsewhere(settings: Settings, where: str, shared: str, *, is_shared: bool) -> dict[str, Any]:
    """The settings that say what is encoded and by which weights; there is no secret in them.

    ``where``: whom we tell, and ``shared`` the setting by which they have our folders, in words.
    Raises SettingsError for folders of this host, which no other machine can read.
    """
    source, store = settings.encoder.source, Store.open(settings.store_url)
    folder = Path(source).absolute() if Path(source).is_dir() else None
    libraries = [library for library in settings.audio.libraries if "://" not in library]
    own = [store.url] * store.is_local + [str(folder)] * (folder is not None) + libraries
    if own and not is_shared:
        raise SettingsError(
            f"{where} cannot read folders of this host: {', '.join(own)}.",
            fix=f"have store, audio.libraries and encoder.source on s3://, or set {shared}=true where "
            "every one of them has these folders, at the same paths",
        )
    encoder = settings.encoder.model_dump(mode="json", exclude=OWN)
    audio = settings.audio.model_dump(mode="json")
    return {"store": store.url, "encoder": encoder | {"source": str(folder or source)}, "audio": audio}


def settings_elsewhere(own: Settings, told: Mapping[str, Any]) -> Settings:
    """The settings of such a machine: what it was told, and the rest from its own."""
    encoder = EncoderSettings.model_validate({**told["encoder"], **own.encoder.model_dump(include=OWN)})
    audio = AudioSettings.model_validate(told["audio"])
    return own.model_copy(update={"store": told["store"], "encoder": encoder, "audio": audio})
