-- One row a sound record that is left out because its track or creator was forgotten.
CREATE OR REPLACE TEMP TABLE stage_forgotten AS
SELECT track_id
FROM stage_sound
WHERE EXISTS (FROM stage_never WHERE kind = 'track' AND id = track_id)
    OR EXISTS (FROM stage_never WHERE kind = 'creator' AND id = creator_id)
