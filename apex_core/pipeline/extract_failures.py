"""The shards of a range that failed: told together at its end, or at once where trying others would be no use."""

import errno
import logging

from apex_core.errors import ApexError, ShardsFailed, StorageError

_log = logging.getLogger("apex_core.pipeline")

_IN_A_ROW = 3
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_TOLD = 3


class Failures:
    """The shards that failed so far, and why."""

    def __init__(self) -> None:
        self.errors: dict[str, Exception] = {}
        self._row: list[object] = []

    def add(self, shard_id: str, error: Exception) -> None:
        """Note a failure. Raises ShardsFailed when trying others would be no use."""
        _log.warning("shard %s was not encoded: %s", shard_id, error)
        self.errors[shard_id] = error
        self._row = [kind for kind in self._row if kind == _kind(error)] + [_kind(error)]
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _FULL):
            self.tell(f"; no other was tried after {error!r}")
        if len(self._row) >= _IN_A_ROW:
            self.tell(f"; no other was tried after {_IN_A_ROW} in a row failed alike")

    def passed(self) -> None:
        """A shard went well."""
        self._row.clear()

    def tell(self, stopped: str = "") -> None:
        """Raise ShardsFailed, if there is anything to tell."""
        if not self.errors:
            return
        first = next(iter(self.errors.values()))
        told = [f"shard {shard_id}: {_said(error)}" for shard_id, error in list(self.errors.items())[:_TOLD]]
        more = f"; and {len(self.errors) - _TOLD} more" if len(self.errors) > _TOLD else ""
        raise ShardsFailed(
            f"{'; '.join(told)}{more}{stopped}",
            fix=(isinstance(first, ApexError) and first.fix) or "mend that and extract again: only what failed is done",
            shards=tuple(self.errors),
            transient=all(_may_pass(error) for error in self.errors.values()),
            stopped=bool(stopped),
        ) from first


def _kind(error: Exception) -> object:
    """What errors of one cause have in common."""
    return type(error), getattr(error, "errno", None)


def _said(error: Exception) -> str:
    return error.message if isinstance(error, ApexError) else repr(error)


def _may_pass(error: Exception) -> bool:
    """Whether another try may help: not after what we refused ourselves."""
    if isinstance(error, ApexError):
        return bool(getattr(error, "transient", False)) or type(error) is StorageError
    return True
