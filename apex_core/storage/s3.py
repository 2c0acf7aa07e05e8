"""What S3 clients raise, said as ours: no credentials, refused, no such bucket, no answer."""

import contextlib
from collections.abc import Generator

from apex_core.errors import ApexError, SettingsError, StorageError

_NO_BUCKET = "NoSuchBucket"


@contextlib.contextmanager
def s3_faults(url: str) -> Generator[None]:
    """Raise what an S3 client says about ``url`` as SettingsError or StorageError; everything else passes unchanged."""
    try:
        yield
    except Exception as error:
        fault = _fault(url, error)
        if fault is None:
            raise
        raise fault from error


def s3_code(error: BaseException) -> str:
    """The error code of an S3 answer behind ``error``; empty when there is none."""
    response = getattr(error, "response", None) or getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _fault(url: str, error: Exception) -> ApexError | None:
    if type(error).__module__.startswith(("botocore.", "aiobotocore.", "aiohttp.")):
        if "Credentials" in type(error).__name__:
            return SettingsError(
                f"{url}: there are no S3 credentials.", fix="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        return StorageError(f"{url}: {error}", fix="look at the network and at AWS_ENDPOINT_URL_S3")
    code = s3_code(error)
    if code == _NO_BUCKET:
        return StorageError(f"{url}: there is no such bucket.", fix="create it, or correct the address")
    if code and isinstance(error, PermissionError):
        return StorageError(f"{url}: access refused: {error}", fix="look at the AWS_* credentials and their rights")
    return None
