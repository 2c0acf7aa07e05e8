-- parent_of(metadata): the clip that a clip was made from, by whichever field says so.
CREATE OR REPLACE TEMP MACRO parent_of(m) AS
    coalesce(
        clip_id_of((m).cover_clip_id), clip_id_of((m).edited_clip_id), clip_id_of((m).stem_from_id),
        clip_id_of((m).upsample_clip_id), clip_id_of((m).remaster_clip_id), clip_id_of((m).speed_clip_id),
        clip_id_of(json_extract((m).history, '$[#-1].id')), clip_id_of(json_extract((m).concat_history, '$[#-1].id')),
        clip_id_of((m).audio_prompt_id))
