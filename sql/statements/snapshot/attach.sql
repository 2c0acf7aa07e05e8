-- The file that a snapshot or a backup is written into.
ATTACH {{path}} AS snapshot
