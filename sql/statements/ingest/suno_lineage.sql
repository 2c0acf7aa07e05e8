-- parent_of(metadata): the clip that a clip was made from, by whichever field says so. Most say nothing, which is found
-- out first.
CREATE OR REPLACE TEMP MACRO parent_of(m) AS
    CASE WHEN coalesce(
        (m).cover_clip_id, (m).edited_clip_id, (m).stem_from_id, (m).upsample_clip_id, (m).remaster_clip_id,
        (m).speed_clip_id, (m).history, (m).concat_history, (m).audio_prompt_id) IS NOT NULL
    THEN coalesce(
        clip_id_of((m).cover_clip_id), clip_id_of((m).edited_clip_id), clip_id_of((m).stem_from_id),
        clip_id_of((m).upsample_clip_id), clip_id_of((m).remaster_clip_id), clip_id_of((m).speed_clip_id),
        clip_id_of(json_extract((m).history, '$[#-1].id')), clip_id_of(json_extract((m).concat_history, '$[#-1].id')),
        clip_id_of((m).audio_prompt_id))
    END
