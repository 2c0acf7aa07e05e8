"""Points in time as people type them."""

from datetime import UTC, datetime

import typer


def moment(text: str | None, option: str) -> datetime | None:
    """Read ISO 8601; without an offset it is UTC. A usage error names ``option``."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a date or time, like 2026-11-01 or 2026-11-01T03:00Z", param_hint=option
        ) from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
