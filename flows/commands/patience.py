"""How long a query is waited for: Ctrl-C and a deadline end it."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, TypeVar

from apex_core.errors import CatalogError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_STUBBORN_S = 10.0
_NUDGE_S = 0.1
_INTERRUPTED = 130  # the exit code of a command that Ctrl-C ended

T = TypeVar("T")


class Patience:
    """Runs the steps of one query until ``timeout`` seconds (0: no end) are spent on them together.

    What passes between the steps, while somebody reads the answer, is not counted. The steps run in a thread beside:
    while DuckDB computes in the main thread, Python hears no Ctrl-C.
    """

    def __init__(self, connection: "DuckDBPyConnection", timeout: float) -> None:
        self.connection = connection
        self.timeout = timeout
        self.spent = 0.0

    def step(self, work: Callable[[], T]) -> T:
        """Do ``work`` and return what it returns. Raises CatalogError when time is up, and what ``work`` raises."""
        outcome: Future[T] = Future()
        threading.Thread(target=_do, args=(work, outcome), daemon=True).start()
        started = time.perf_counter()
        try:
            done, _ = wait([outcome], max(0.0, self.timeout - self.spent) if self.timeout else None)
            if not done:
                self._stop(outcome)
                raise CatalogError(
                    f"The query took longer than {self.timeout:g} s and was stopped.",
                    fix="--timeout SECONDS (in the prompt .timeout) gives it longer, 0 as long as it takes",
                )
        except KeyboardInterrupt:
            self._stop(outcome)
            raise
        finally:
            self.spent += time.perf_counter() - started
        return outcome.result()

    def _stop(self, outcome: Future[T]) -> None:
        """Interrupt until the query heeds it. An interrupt before it has begun is lost, hence again and again."""
        try:
            until = time.perf_counter() + _STUBBORN_S
            while not outcome.done() and time.perf_counter() < until:
                self.connection.interrupt()
                wait([outcome], _NUDGE_S)
        except KeyboardInterrupt:
            pass
        if not outcome.done():  # inside one huge value DuckDB looks up from nothing; such a thread cannot be ended
            from flows.terminal import complain

            complain("The query does not heed being stopped; the command ends with it.")
            os._exit(_INTERRUPTED)


def _do(work: Callable[[], T], outcome: Future[T]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:
        outcome.set_exception(error)
