"""Orchestration: Prefect flows, and the ``apex`` command line."""

import os

# Before anything here imports prefect, which reads them once. They are defaults: whoever sets one keeps it.
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "apex_core")
# Fetching threads and decoders log outside a run's context: that is no reason for a warning.
os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
