"""``apex snapshot``: where the newest snapshot lies on this disk, for notebooks and programs with a window."""


def snapshot() -> None:
    """Print the folder of the newest snapshot, fetched first from a store on s3, and let <home>/latest lead to it."""
    from apex_core.catalog import latest_snapshot
    from apex_core.catalog.reader import point_to
    from apex_core.settings import get_settings
    from flows.terminal import notice, out

    settings = get_settings()
    found = latest_snapshot(settings)
    link = point_to(settings, found)
    out().print(str(found.folder.absolute()), soft_wrap=True)
    notice(f"as of {found.as_of:%Y-%m-%d %H:%M} UTC, for DuckDB {found.duckdb} or newer, read-only")
    notice(f"the same under a path that stays: {(link / 'catalog.duckdb').absolute()}")
