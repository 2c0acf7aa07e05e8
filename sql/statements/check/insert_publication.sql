-- One row: this run's catalog passed, and what later ones are compared with.
INSERT INTO publication BY NAME
SELECT
    (SELECT coalesce(max(n), 0) + 1 FROM publication) AS n,
    $run_id AS run_id,
    $as_of AS as_of,
    (SELECT score_run_id FROM current_score_run) AS score_run_id,
    (SELECT count(*) FROM reject WHERE stage = 'ingest') AS rejects,
    audible,
    encoded
FROM audio_coverage
