-- One row a score run, the two newest: when, how many tracks, by which definition.
SELECT score_run_id, as_of, tracks, definition::VARCHAR AS definition FROM score_run ORDER BY n DESC LIMIT 2
