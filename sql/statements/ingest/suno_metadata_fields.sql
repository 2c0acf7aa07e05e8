-- suno_metadata_fields(): the fields of a clip's metadata that SOURCES §1 or the shapes know.
CREATE OR REPLACE TEMP MACRO suno_metadata_fields() AS
    [
        'tags', 'prompt', 'gpt_description_prompt', 'type', 'task', 'duration', 'history', 'concat_history',
        'audio_prompt_id', 'cover_clip_id', 'edited_clip_id', 'stem_from_id', 'upsample_clip_id',
        'remaster_clip_id', 'speed_clip_id', 'clip_roots', 'refund_credits', 'stream', 'error_type',
        'error_message', 'can_remix', 'is_remix', 'make_instrumental', 'priority', 'has_stem', 'video_is_stale',
        'uses_latest_model', 'is_mumble', 'model_badges', 'bpm', 'avg_bpm', 'min_bpm', 'max_bpm', 'key'
    ]
