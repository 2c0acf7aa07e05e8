-- One row a record that nothing is wrong with: clean lines, and records looked at closely.
CREATE OR REPLACE TEMP VIEW stage_sound AS
SELECT
    observed_at, track_id,
    status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
    model_name, kind, state, is_public, audio_url, parent_id, root_id, NULL::JSON AS extra,
    plays, likes
FROM stage_clean
WHERE odd IS NULL
UNION ALL
SELECT
    observed_at, track_id,
    status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt, model_family,
    model_name, kind, state, is_public, audio_url, parent_id, root_id, extra,
    plays, likes
FROM stage_row
WHERE reason IS NULL AND NOT skipped
