"""The Prefect server that a command speaks to: the one PREFECT_API_URL names, none of our own."""

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING

from apex_core.errors import ApexError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


@contextlib.contextmanager
def connected() -> Generator["SyncPrefectClient"]:
    """A client of the server. Raises ApexError where none is named, where it does not answer, or refuses us."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.settings import get_current_settings

    address = get_current_settings().api.url
    if not address:
        raise ApexError(
            "No Prefect server is named.",
            fix="export PREFECT_API_URL=http://127.0.0.1:4200/api (and PREFECT_API_AUTH_STRING, where it asks for one)",
        )
    try:
        with get_client(sync_client=True) as client:
            yield client
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        fix = "set PREFECT_API_AUTH_STRING as the server has it" if status in (401, 403) else None
        raise ApexError(f"{address} answers {status}: {error.response.text[:500]}", fix=fix) from error
    except httpx.HTTPError as error:
        fix = "is it up? prefect server start, or apex serve"
        raise ApexError(f"{address} does not answer: {error or type(error).__name__}", fix=fix) from error
