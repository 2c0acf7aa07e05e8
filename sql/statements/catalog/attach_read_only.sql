-- A file to read only: of a snapshot its catalog, or the song vectors beside it; or the live catalog, for a look.
ATTACH {{path}} AS {{alias}} (READ_ONLY)
