"""Files that a library may not offer: they are left alone, counted, and said once."""

import logging

logger = logging.getLogger("apex_core.audio")


class Strays:
    """What lies outside a library, or has a name that is no text."""

    def __init__(self, library: str) -> None:
        self._library = library
        self._count = 0
        self._first = ""

    def add(self, what: str) -> None:
        self._first = self._first or what
        self._count += 1

    def tell(self) -> None:
        """Warn of them, if there were any."""
        if self._count:
            logger.warning(
                "%d files lie outside their library %s and are not used, the first: %s.",
                self._count,
                self._library,
                self._first.encode("utf-8", "replace").decode(),
            )


def inner_path(path: str, root: str) -> str | None:
    """``path`` relative to the library whose address ``root`` ends with "/"; None when it may lead out of it."""
    inner = path.removeprefix(root)
    return None if inner.startswith("/") or "://" in inner or ".." in inner.split("/") else inner
