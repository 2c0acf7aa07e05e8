-- One row a record that will be merged: all sound ones but those of forgotten tracks and creators.
CREATE OR REPLACE TEMP VIEW stage_good AS
FROM stage_sound
ANTI JOIN (SELECT id AS track_id FROM stage_never WHERE kind = 'track') USING (track_id)
ANTI JOIN (SELECT id AS creator_id FROM stage_never WHERE kind = 'creator') USING (creator_id)
