"""Threads that know on whose behalf they work."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Threads(ThreadPoolExecutor):
    """A pool whose threads work in the context of whoever hands them the work: what they log is told of its run."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Hand over a call."""
        work: Callable[..., Any] = copy_context().run
        return super().submit(work, fn, *args, **kwargs)
