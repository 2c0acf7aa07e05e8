"""What the sections of the settings have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A group of settings: frozen, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
