-- The file is complete: nothing of it stays in memory.
DETACH snapshot
