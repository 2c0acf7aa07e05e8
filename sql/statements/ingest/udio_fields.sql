-- udio_fields(): the fields of a song that SOURCES §2 or the shapes know; whatever else comes goes to extra.
CREATE OR REPLACE TEMP MACRO udio_fields() AS
    [
        'id', 'title', 'user_id', 'artist', 'created_at', 'published_at', 'duration', 'tags', 'lyrics',
        'prompt', 'audio_conditioning_type', 'finished', 'error_type', 'error_code', 'song_path', 'parent_id',
        'plays', 'likes', 'artist_image', 'attribution', 'description', 'disliked', 'error_detail', 'error_id',
        'generation_id', 'image_path', 'liked', 'original_song_path', 'publishable', 'replaced_tags',
        'user_tags', 'video_path'
    ]
