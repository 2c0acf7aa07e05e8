-- One row: how many tracks the snapshot has.
SELECT count(*) FROM scored_catalog
