"""Options of the commands that load an encoder, and the settings they make."""

from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from apex_core.errors import SettingsError

if TYPE_CHECKING:
    from apex_core.settings import Settings

EncoderOption = Annotated[
    str | None, typer.Option(help="Hub id, folder, s3://bucket/prefix or tiny-random; default: the settings'.")
]
DeviceOption = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
PrecisionOption = Annotated[str | None, typer.Option(help="auto, fp32, bf16, fp16.")]

_FLAGS = {"source": "encoder"}


def with_encoder(settings: "Settings", **options: str | None) -> "Settings":
    """Settings of the encoder with the options that were given. Raises SettingsError for one that is none."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        encoder = type(settings.encoder).model_validate(settings.encoder.model_dump() | given)
    except ValidationError as error:
        faults = "; ".join(f"--{_FLAGS.get(str(e['loc'][0]), str(e['loc'][0]))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"That cannot be: {faults}", fix="--help says what can") from error
    return settings.model_copy(update={"encoder": encoder})
