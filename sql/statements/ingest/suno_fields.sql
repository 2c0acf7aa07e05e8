-- suno_fields(): the fields of a clip that SOURCES §1 or the shapes know; whatever else comes goes to extra.
CREATE OR REPLACE TEMP MACRO suno_fields() AS
    [
        'id', 'entity_type', 'status', 'is_trashed', 'is_hidden', 'is_public', 'title', 'user_id',
        'display_name', 'handle', 'created_at', 'duration', 'tags', 'lyrics', 'gpt_description_prompt', 'type',
        'major_model_version', 'model_name', 'audio_url', 'play_count', 'upvote_count', 'clip_roots',
        'metadata', 'video_url', 'image_url', 'image_large_url', 'is_video_pending', 'is_liked',
        'is_handle_updated', 'avatar_image_url', 'reaction', 'comment_count', 'flag_count', 'explicit',
        'persona', 'project', 'display_tags', 'caption', 'has_hook', 'is_verified', 'batch_index', 'media_urls',
        'ownership', 'allow_comments', 'is_contest_clip', 'action_config', 'is_following_creator', 'is_pinned',
        'bpm', 'key'
    ]
