-- Times are shown and truncated in UTC, wherever the host is.
SET TimeZone = 'UTC'
