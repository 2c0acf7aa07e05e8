-- One row a track of the run: of every field the newest statement (t, v) that is not null; at equal times the greater
-- value, so that neither order nor paging matters. Most tracks come once: those skip the aggregation.
CREATE OR REPLACE TEMP TABLE stage_statement AS
WITH good AS (SELECT * FROM stage_row WHERE reason IS NULL AND NOT skipped),
seldom AS (SELECT track_id FROM good GROUP BY track_id HAVING count(*) = 1)
SELECT
    track_id, 1::BIGINT AS records, observed_at AS first_observed_at, observed_at AS last_observed_at,
    struct_pack(t := observed_at, v := COLUMNS(* EXCLUDE (
        observed_at, skipped, track_id, plays, likes, nulled, reason, payload, received_id)))
FROM good SEMI JOIN seldom USING (track_id)
UNION ALL BY NAME
SELECT
    track_id, count(*) AS records, min(observed_at) AS first_observed_at, max(observed_at) AS last_observed_at,
    max(CASE WHEN COLUMNS(* EXCLUDE (
        observed_at, skipped, track_id, plays, likes, nulled, reason, payload, received_id)) IS NOT NULL
        THEN struct_pack(t := observed_at, v := COLUMNS(* EXCLUDE (
            observed_at, skipped, track_id, plays, likes, nulled, reason, payload, received_id))) END)
FROM good ANTI JOIN seldom USING (track_id)
GROUP BY track_id
