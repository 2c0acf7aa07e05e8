-- One row a track that comes more than once in this run.
CREATE OR REPLACE TEMP TABLE stage_repeated AS
SELECT track_id, count(*) AS records FROM stage_good GROUP BY track_id HAVING count(*) > 1
