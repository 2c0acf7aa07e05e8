-- Song vectors of the snapshot, beside its catalog.
ATTACH {{path}} AS vectors (READ_ONLY)
