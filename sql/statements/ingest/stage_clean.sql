-- One row a line of the dumps: typed, or null and the line itself in odd.
CREATE OR REPLACE TEMP TABLE stage_clean (
    url VARCHAR, track_id VARCHAR, status VARCHAR, title VARCHAR, creator_id VARCHAR, creator_name VARCHAR,
    created_at TIMESTAMPTZ, duration_s DOUBLE, tags VARCHAR[], lyrics VARCHAR, prompt VARCHAR, model_family VARCHAR,
    model_name VARCHAR, kind VARCHAR, state VARCHAR, is_public BOOLEAN, audio_url VARCHAR, parent_id VARCHAR,
    root_id VARCHAR, plays BIGINT, likes BIGINT, odd VARCHAR, observed_at TIMESTAMPTZ
)
