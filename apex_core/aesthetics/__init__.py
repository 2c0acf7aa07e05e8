"""The five aesthetic dimensions of SongEval: names, and the import of its result files."""

from apex_core.aesthetics.songeval import DIMENSIONS, Label, read_results

__all__ = ["DIMENSIONS", "Label", "read_results"]
