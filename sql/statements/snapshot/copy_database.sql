-- The whole catalog, for a backup; never a copy of the live file, which would miss the write-ahead log.
COPY FROM DATABASE {{catalog}} TO snapshot
