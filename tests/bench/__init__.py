"""Benchmarks: ``python -m tests.bench NAME [--json]``. Ratios are of things measured in the same run."""
