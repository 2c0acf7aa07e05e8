SELECT count(*) FROM scored_catalog
