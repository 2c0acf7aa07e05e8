-- root_of(clip_roots, metadata): the clip that a lineage began with, where it is stated.
CREATE OR REPLACE TEMP MACRO root_of(roots, m) AS
    CASE WHEN coalesce(roots, (m).clip_roots, (m).concat_history, (m).history) IS NOT NULL
    THEN coalesce(
        clip_id_of(json_extract(roots, '$.clips[0].id')), clip_id_of(json_extract(roots, '$[0].id')),
        clip_id_of(json_extract(roots, '$[0]')), clip_id_of(json_extract((m).clip_roots, '$.clips[0].id')),
        clip_id_of(json_extract((m).concat_history, '$[0].id')), clip_id_of(json_extract((m).history, '$[0].id')))
    END
