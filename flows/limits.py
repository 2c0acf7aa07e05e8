"""Limits over all runs and machines, which the Prefect server keeps (``deploy/server.yaml``).

Why it is shaped like this: a limit that does not exist would only warn and limit nothing, so asking for one is strict.
They are there where bootstrap has been; a run from a terminal knows no server but its own, and is kept apart from
others by the locks of its host.
"""

import contextlib
from collections.abc import Generator

from prefect import get_run_logger
from prefect.concurrency.sync import concurrency
from prefect.runtime import deployment

EXTRACT = "apex-extract"


@contextlib.contextmanager
def limited(name: str) -> Generator[None]:
    """Hold a slot of the limit ``name`` in a run of a deployment, waiting for one; elsewhere nothing is limited.

    Raises ConcurrencySlotAcquisitionError when the server has no such limit. A server that is away for a while does
    not end the work of whoever has a slot.
    """
    if not deployment.id:
        yield
        return
    get_run_logger().info("A slot of the limit %s is asked for.", name)
    with concurrency(name, strict=True, raise_on_lease_renewal_failure=False):
        yield
