-- One row a track that must be merged field by field: it comes more than once, or is known and says something else.
CREATE OR REPLACE TEMP TABLE stage_several AS
SELECT track_id FROM stage_repeated
UNION ALL
SELECT track_id FROM stage_single WHERE NOT is_new AND NOT is_same
