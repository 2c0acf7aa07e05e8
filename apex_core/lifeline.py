"""Child processes and their tie to the one that started them: no orphans, however the parent goes (DESIGN §7)."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping

_PARENT_CHECK_S = 1.0
_PR_SET_PDEATHSIG = 1


def start_child(module: str, descriptor: int, own: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Run ``module`` with the number of an open socket and our pid as its arguments, which is to ``die_with`` us.

    It imports what this process can import; ``own`` is added to its environment. Its stderr is a pipe.
    """
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, str(descriptor), str(os.getpid())],
        pass_fds=(descriptor,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, "PYTHONPATH": path, **own},
    )


def die_with(parent: int) -> None:
    """Let this process end as soon as ``parent``, which started it, is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before that call, the signal is tied to the thread that started us, and not every
    # system has it.
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def end_with(process: int) -> None:
    """Let this process end as soon as ``process``, which need not be its parent, is gone; at once if it is already."""
    try:
        watched = os.pidfd_open(process)
    except ProcessLookupError:
        os._exit(1)
    except (AttributeError, OSError):  # not Linux: it must be asked for again and again
        threading.Thread(target=_ask, args=(process,), daemon=True).start()
        return
    threading.Thread(target=_await, args=(watched,), daemon=True).start()


def _await(watched: int) -> None:
    select.select([watched], [], [])
    os._exit(1)


def _ask(process: int) -> None:
    while True:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            os._exit(1)
        time.sleep(_PARENT_CHECK_S)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)
    os._exit(1)
