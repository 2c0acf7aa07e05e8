-- One row a sound record that is left out because its track or creator was forgotten.
CREATE OR REPLACE TEMP TABLE stage_forgotten AS
SELECT track_id FROM stage_sound SEMI JOIN (SELECT id AS track_id FROM stage_never WHERE kind = 'track') USING (track_id)
UNION ALL
SELECT track_id
FROM stage_sound
SEMI JOIN (SELECT id AS creator_id FROM stage_never WHERE kind = 'creator') USING (creator_id)
ANTI JOIN (SELECT id AS track_id FROM stage_never WHERE kind = 'track') USING (track_id)
