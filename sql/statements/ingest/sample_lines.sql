-- The first lines of the dump.
SELECT line FROM stage_line LIMIT $lines
