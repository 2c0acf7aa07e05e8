"""Orchestration: Prefect flows, and the ``apex`` command line."""

import atexit
import os
import threading

# Before anything here imports prefect, which reads them once. They are defaults: whoever sets one keeps it.
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "apex_core")
# Fetching threads and decoders log outside a run's context: that is no reason for a warning.
os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")

# A run whose worker belongs to `apex serve` ends with that, however it goes; its worker alone would leave it behind.
if (_serving := os.environ.get("APEX_SERVING")) is not None:
    from apex_core.lifeline import end_with

    end_with(int(_serving))

_PATIENCE_S = 2.0


@atexit.register
def _end_loops() -> None:
    """End Prefect's event loops, which otherwise run on in daemon threads while the interpreter is taken down.

    They hold the last flow and with it all that its module knows, whereupon DuckDB's binding prints a page about
    types that leaked. Prefect offers no public way; without these names there is only that page.
    """
    loops = {"GlobalEventLoopThread": "get_global_loop", "RunSyncEventLoopThread": "get_run_sync_loop"}
    for thread in threading.enumerate():
        if thread.name in loops:
            from prefect._internal.concurrency import threads

            getattr(threads, loops[thread.name])().shutdown()
            thread.join(_PATIENCE_S)
