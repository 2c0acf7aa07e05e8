-- One row a track of stage_track: new ones inserted, known ones replaced where anything differs.
MERGE INTO track AS t
USING stage_track AS s
    ON t.platform = $platform AND t.track_id = s.track_id
WHEN MATCHED AND (
    s.changed OR t.seen IS DISTINCT FROM s.seen OR t.content IS DISTINCT FROM s.content
    OR t.plays_at IS DISTINCT FROM s.plays_at OR t.likes_at IS DISTINCT FROM s.likes_at
    OR t.first_observed_at <> s.first_observed_at OR t.last_observed_at <> s.last_observed_at
) THEN UPDATE SET
    status = s.status,
    title = s.title,
    creator_id = s.creator_id,
    creator_name = s.creator_name,
    created_at = s.created_at,
    duration_s = s.duration_s,
    tags = s.tags,
    lyrics = s.lyrics,
    prompt = s.prompt,
    model_family = s.model_family,
    model_name = s.model_name,
    kind = s.kind,
    state = s.state,
    is_public = s.is_public,
    audio_url = s.audio_url,
    parent_id = s.parent_id,
    root_id = s.root_id,
    extra = s.extra,
    seen = s.seen,
    content = s.content,
    plays_at = s.plays_at,
    likes_at = s.likes_at,
    first_observed_at = s.first_observed_at,
    last_observed_at = s.last_observed_at
WHEN NOT MATCHED THEN INSERT (
    platform, track_id, status, title, creator_id, creator_name, created_at, duration_s, tags, lyrics, prompt,
    model_family, model_name, kind, state, is_public, audio_url, parent_id, root_id, extra, seen,
    content, plays_at, likes_at, first_observed_at, last_observed_at
) VALUES (
    $platform, s.track_id, s.status, s.title, s.creator_id, s.creator_name, s.created_at, s.duration_s, s.tags,
    s.lyrics, s.prompt, s.model_family, s.model_name, s.kind, s.state, s.is_public, s.audio_url, s.parent_id,
    s.root_id, s.extra, s.seen, s.content, s.plays_at, s.likes_at, s.first_observed_at, s.last_observed_at
)
