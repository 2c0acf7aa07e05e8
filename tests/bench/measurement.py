"""What a benchmark found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """Ratios and seconds by name, and what one must know to read them."""

    name: str
    ratios: dict[str, float]
    seconds: dict[str, float]
    notes: str
