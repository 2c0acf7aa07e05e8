"""Files of one pinned hub revision; from the cache when it has them, else fetched once."""

import re
from dataclasses import dataclass
from pathlib import Path

from apex_core.errors import EncoderError

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class HubRepository:
    """A model repository at one commit. ``endpoint`` is another server speaking the hub's protocol."""

    repo_id: str
    revision: str
    cache: Path
    endpoint: str | None = None

    def __post_init__(self) -> None:
        if not _COMMIT.fullmatch(self.revision):
            raise EncoderError(
                f"Revision {self.revision!r} of {self.repo_id} is not a commit.",
                fix="pin 40 hex digits in APEX_ENCODER__REVISION: branches and tags move",
            )

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision[:8]}"

    def find(self, name: str) -> Path | None:
        """The path of file ``name``, or None when the revision has no such file. Raises EncoderError."""
        from huggingface_hub import hf_hub_download, try_to_load_from_cache
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        try:
            cached = try_to_load_from_cache(self.repo_id, name, cache_dir=self.cache, revision=self.revision)
            if cached is not None:
                # Else a marker: this commit is known not to have the file.
                return Path(cached) if isinstance(cached, str) else None
            path = hf_hub_download(
                self.repo_id, name, revision=self.revision, cache_dir=self.cache, endpoint=self.endpoint
            )
        except LocalEntryNotFoundError as error:
            raise self._out_of_reach(name, error) from error
        except EntryNotFoundError:
            return None
        except Exception as error:  # its HTTP client's errors are not its own
            raise self._out_of_reach(name, error) from error
        return Path(path)

    def _out_of_reach(self, name: str, error: Exception) -> EncoderError:
        return EncoderError(
            f"{name} of {self} is not in {self.cache} and could not be fetched ({type(error).__name__}).",
            fix="connect once, or point APEX_ENCODER__SOURCE at a folder with config.json, the weights and"
            " preprocessor_config.json; APEX_ENCODER__SOURCE=tiny-random tries the pipeline without MERT",
        )
