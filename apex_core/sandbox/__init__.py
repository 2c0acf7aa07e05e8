"""The offline platform: synthetic songs, audio and engagement over real HTTP.

Names are loaded when first used: render workers import this package, and must not wait for a web server to load.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apex_core.sandbox.attributes import Attributes
    from apex_core.sandbox.ceiling import ceiling
    from apex_core.sandbox.composer import compose
    from apex_core.sandbox.server import SandboxServer
    from apex_core.sandbox.song import AUDIO_HOST, EPOCH, Song
    from apex_core.sandbox.world import World, build_world

__all__ = [
    "AUDIO_HOST",
    "EPOCH",
    "Attributes",
    "SandboxServer",
    "Song",
    "World",
    "build_world",
    "ceiling",
    "compose",
]

_HOMES = {
    "AUDIO_HOST": "song",
    "EPOCH": "song",
    "Attributes": "attributes",
    "SandboxServer": "server",
    "Song": "song",
    "World": "world",
    "build_world": "world",
    "ceiling": "ceiling",
    "compose": "composer",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
