"""What can go wrong, as one tree.

::

    ApexError
    ├── SettingsError         a setting is missing or contradicts another
    ├── StorageError          the object store refused or holds something unexpected
    │   ├── NotFound          no object under this key
    │   └── AlreadyExists     a create-only key is taken
    ├── SourceError           a platform or dump could not be read
    │   ├── SourceDisabled    a live connector that nobody switched on
    │   ├── Unauthorized      the token is missing, wrong or expired
    │   ├── Forbidden         the item is private
    │   ├── Missing           the item is gone
    │   ├── RateLimited       the platform asked for fewer requests, to the end of our patience
    │   ├── PlatformDown      errors, time-outs or cut connections, to the end of our patience
    │   ├── PagingFault       the paging protocol was broken (repeated cursor, page cap)
    │   ├── UnknownEnvelope   a body whose shape is not one we know
    │   └── RejectStorm       so many records would be rejected that something else must be wrong
    ├── ContractViolation     counts in do not equal counts out
    ├── AudioError            one song's audio
    │   ├── Unavailable       there is nothing to fetch, or we may not
    │   ├── Undecodable       bytes that are not audio, or not whole
    │   └── TooLarge          more bytes or seconds than the bounds allow
    ├── CatalogError
    │   ├── Locked            another process holds the catalog
    │   ├── Fenced            this run was declared dead; it may write nothing more
    │   ├── MigrationError    the catalog is newer than the code, or a migration was changed
    │   └── CheckFailed       a blocking check found violations
    ├── EncoderError          weights, structure or output of the encoder are not as they must be
    │   ├── EncoderDied       an encoder process ended in the middle of its work
    │   ├── NonFiniteOutput   some segments have no finite vector; which ones is ``segments``
    │   └── ShardsFailed      planned shards that were not encoded; which ones is ``shards``
    ├── TrainingError         nothing to train on, or training diverged
    └── ArtifactError         a model artifact is incomplete, altered or does not fit

A message says what happened and to which one; ``fix`` says what to do next. They and what else an error carries
survive pickling, so an error raised in a worker process reads the same in its parent.
"""


class ApexError(Exception):
    """Base of every error a user may meet."""

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return self.message if self.fix is None else f"{self.message}\n  → {self.fix}"


class SettingsError(ApexError):
    """A setting is missing or contradicts another."""


class StorageError(ApexError):
    """The object store refused or holds something unexpected."""


class NotFound(StorageError):
    """No object under this key."""


class AlreadyExists(StorageError):
    """A create-only key is taken."""


class SourceError(ApexError):
    """A platform or dump could not be read."""


class SourceDisabled(SourceError):
    """A live connector that nobody switched on."""


class Unauthorized(SourceError):
    """The token is missing, wrong or expired."""


class Forbidden(SourceError):
    """The item is private."""


class Missing(SourceError):
    """The item is gone."""


class RateLimited(SourceError):
    """The platform kept asking for fewer requests."""


class PlatformDown(SourceError):
    """The platform kept failing."""


class PagingFault(SourceError):
    """The paging protocol was broken."""


class UnknownEnvelope(SourceError):
    """A body whose shape is not one we know."""


class RejectStorm(SourceError):
    """So many records would be rejected that something else must be wrong."""


class ContractViolation(ApexError):
    """Counts in do not equal counts out."""


class AudioError(ApexError):
    """One song's audio; ``transient`` when it is no fault of the song's, and another try may find it gone."""

    def __init__(self, message: str, *, fix: str | None = None, transient: bool = False) -> None:
        super().__init__(message, fix=fix)
        self.transient = transient


class Unavailable(AudioError):
    """There is nothing to fetch, or we may not."""


class Undecodable(AudioError):
    """Bytes that are not audio, or not whole."""


class TooLarge(AudioError):
    """More bytes or seconds than the bounds allow."""


class CatalogError(ApexError):
    """The catalog could not do what was asked."""


class Locked(CatalogError):
    """Another process holds the catalog."""


class Fenced(CatalogError):
    """This run was declared dead; it may write nothing more."""


class MigrationError(CatalogError):
    """The catalog is newer than the code, or a migration was changed."""


class CheckFailed(CatalogError):
    """A blocking check found violations."""


class EncoderError(ApexError):
    """Weights, structure or output of the encoder are not as they must be."""


class NonFiniteOutput(EncoderError):
    """Some segments have no finite vector; ``segments`` are their positions among those that were to be encoded."""

    def __init__(self, message: str, *, fix: str | None = None, segments: tuple[int, ...] = ()) -> None:
        super().__init__(message, fix=fix)
        self.segments = segments


class EncoderDied(EncoderError):
    """An encoder process ended in the middle of its work; what it had committed is kept."""


class ShardsFailed(EncoderError):
    """Planned shards that were not encoded; what else there was to encode is committed.

    ``shards``: those that failed. ``transient``: another try may encode them. ``stopped``: so many failed in a row
    that the rest was not tried, as it is the machine or the store that fails.
    """

    def __init__(
        self,
        message: str,
        *,
        fix: str | None = None,
        shards: tuple[str, ...] = (),
        transient: bool = False,
        stopped: bool = False,
    ) -> None:
        super().__init__(message, fix=fix)
        self.shards = shards
        self.transient = transient
        self.stopped = stopped


class TrainingError(ApexError):
    """Nothing to train on, or training diverged."""


class ArtifactError(ApexError):
    """A model artifact is incomplete, altered or does not fit."""
