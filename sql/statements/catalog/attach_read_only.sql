-- A file of a snapshot: its catalog, or the song vectors beside it.
ATTACH {{path}} AS {{alias}} (READ_ONLY)
