"""An encoder that stays loaded, in processes that do nothing but encode one range of shards after another.

Elsewhere it is let go with the stage that needed it: training wants the memory, of the device above all.
"""

from pathlib import Path

from apex_core.mert.encoder import Encoder, load_encoder
from apex_core.settings import EncoderSettings

_keeping = False
_kept: tuple[EncoderSettings, Path, Encoder] | None = None


def keep_encoder() -> None:
    """From now on this process keeps the encoder it loads, until it needs another one."""
    global _keeping
    _keeping = True


def loaded_encoder(settings: EncoderSettings, cache: Path) -> Encoder:
    """The encoder that ``settings`` name, loaded unless this process has kept it. Raises EncoderError."""
    global _kept
    if _kept is not None and _kept[:2] == (settings, cache):
        return _kept[2]
    _kept = None  # not two at once
    encoder = load_encoder(settings, cache)
    if _keeping:
        _kept = (settings, cache, encoder)
    return encoder
