"""The tie of a process to the one that started it: no orphans, however the parent goes (DESIGN §7)."""

import ctypes
import os
import signal
import sys
import threading
import time

_PARENT_CHECK_S = 1.0
_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Let this process end as soon as ``parent``, which started it, is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before that call, the signal is tied to the thread that started us, and not every
    # system has it.
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)
    os._exit(1)
