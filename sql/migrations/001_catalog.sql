-- The catalog's tables. Track key everywhere: (platform, track_id). Times are TIMESTAMPTZ in UTC.
-- No keys or foreign keys: merges are hash joins, and checks/ holds what a constraint would.

-- One row a track. Every field is the newest non-null one by observation time; seen holds those times.
CREATE TABLE track (
    platform         VARCHAR NOT NULL,
    track_id         VARCHAR NOT NULL,
    status           VARCHAR NOT NULL,      -- active | unavailable | tombstone
    title            VARCHAR,
    creator_id       VARCHAR,
    creator_name     VARCHAR,
    created_at       TIMESTAMPTZ,
    duration_s       DOUBLE,
    tags             VARCHAR[],
    lyrics           VARCHAR,
    prompt           VARCHAR,
    model_family     VARCHAR,
    model_name       VARCHAR,
    kind             VARCHAR,               -- gen, concat, edit_*, upload, stem, preview ...
    state            VARCHAR,               -- complete | unfinished | error
    is_public        BOOLEAN,
    audio_url        VARCHAR,
    parent_id        VARCHAR,
    root_id          VARCHAR,
    extra            JSON,                  -- fields we do not know, as received
    seen             STRUCT(
        status TIMESTAMPTZ, title TIMESTAMPTZ, creator_id TIMESTAMPTZ, creator_name TIMESTAMPTZ,
        created_at TIMESTAMPTZ, duration_s TIMESTAMPTZ, tags TIMESTAMPTZ, lyrics TIMESTAMPTZ, prompt TIMESTAMPTZ,
        model_family TIMESTAMPTZ, model_name TIMESTAMPTZ, kind TIMESTAMPTZ, state TIMESTAMPTZ,
        is_public TIMESTAMPTZ, audio_url TIMESTAMPTZ, parent_id TIMESTAMPTZ, root_id TIMESTAMPTZ, extra TIMESTAMPTZ),
    first_observed_at TIMESTAMPTZ NOT NULL,
    last_observed_at  TIMESTAMPTZ NOT NULL
);

-- Append-only: one row a track and observation in which a counter changed. A counter may be null and may fall.
CREATE TABLE engagement (
    platform    VARCHAR NOT NULL,
    track_id    VARCHAR NOT NULL,
    observed_at TIMESTAMPTZ NOT NULL,
    plays       BIGINT,
    likes       BIGINT,
    recorded_at TIMESTAMPTZ NOT NULL
);

-- One row a track that has been looked for.
CREATE TABLE audio (
    platform    VARCHAR NOT NULL,
    track_id    VARCHAR NOT NULL,
    state       VARCHAR NOT NULL,           -- available | unavailable | corrupt
    reason      VARCHAR,
    sha256      VARCHAR,
    uri         VARCHAR,                    -- store key when fetched, path when referenced in a library
    origin      VARCHAR,                    -- library | fetched
    codec       VARCHAR,
    sample_rate INTEGER,
    channels    INTEGER,
    duration_s  DOUBLE,
    bytes       BIGINT,
    attempts    INTEGER NOT NULL,
    checked_at  TIMESTAMPTZ NOT NULL,
    next_try_at TIMESTAMPTZ                 -- null: not tried again by itself
);

-- One row a scoring; its id is the hash of definition and inputs. The highest n is current.
CREATE TABLE score_run (
    score_run_id VARCHAR NOT NULL,
    n            BIGINT NOT NULL,
    definition   JSON NOT NULL,
    as_of        TIMESTAMPTZ NOT NULL,
    tracks       BIGINT NOT NULL,
    run_id       VARCHAR
);

-- One row a score run, cohort and distinct count: the empirical CDF that scores were read off.
CREATE TABLE score_cdf (
    score_run_id VARCHAR NOT NULL,
    cohort       VARCHAR NOT NULL,
    measure      VARCHAR NOT NULL,          -- streams | likes
    count        BIGINT NOT NULL,
    tracks       BIGINT NOT NULL,
    percentile   DOUBLE NOT NULL,
    score        DOUBLE
);

-- One row a score run and track, with its inputs.
CREATE TABLE engagement_score (
    score_run_id       VARCHAR NOT NULL,
    platform           VARCHAR NOT NULL,
    track_id           VARCHAR NOT NULL,
    cohort             VARCHAR NOT NULL,
    plays              BIGINT,
    likes              BIGINT,
    streams_percentile DOUBLE,
    likes_percentile   DOUBLE,
    score_streams      DOUBLE,
    score_likes        DOUBLE
);

-- One row an encoder, that is a meaning of vectors.
CREATE TABLE encoder (
    encoder_id VARCHAR NOT NULL,
    source     VARCHAR NOT NULL,
    facts      JSON NOT NULL,
    first_used_at TIMESTAMPTZ NOT NULL
);

-- One row a committed shard; a projection of its manifest in the store.
CREATE TABLE embedding_shard (
    encoder_id VARCHAR NOT NULL,
    shard_id   VARCHAR NOT NULL,
    songs      INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    segments   INTEGER NOT NULL,
    audio_s    DOUBLE NOT NULL,
    precision  VARCHAR NOT NULL,
    device     VARCHAR NOT NULL,
    adopted_at TIMESTAMPTZ NOT NULL
);

-- One row an encoder and sha256, embedded or failed; vectors lie in the shard.
CREATE TABLE embedding (
    encoder_id VARCHAR NOT NULL,
    sha256     VARCHAR NOT NULL,
    shard_id   VARCHAR NOT NULL,
    state      VARCHAR NOT NULL,            -- embedded | failed
    reason     VARCHAR,
    segments   INTEGER NOT NULL
);

-- One row a track and labeller; 1 to 5, any may be null.
CREATE TABLE aesthetic (
    platform     VARCHAR NOT NULL,
    track_id     VARCHAR NOT NULL,
    labeller     VARCHAR NOT NULL,
    coherence    DOUBLE,
    musicality   DOUBLE,
    memorability DOUBLE,
    clarity      DOUBLE,
    naturalness  DOUBLE,
    labelled_at  TIMESTAMPTZ NOT NULL
);

-- One row a track, given once. Quarantined: its lineage, known later, belongs to another side.
CREATE TABLE split (
    platform    VARCHAR NOT NULL,
    track_id    VARCHAR NOT NULL,
    split       VARCHAR NOT NULL,           -- train | val | test
    group_key   VARCHAR NOT NULL,
    quarantined BOOLEAN NOT NULL,
    assigned_at TIMESTAMPTZ NOT NULL
);

-- One row a frozen training set; the rows lie in the store.
CREATE TABLE training_set (
    training_set_id VARCHAR NOT NULL,
    score_run_id    VARCHAR NOT NULL,
    encoder_id      VARCHAR NOT NULL,
    tracks          INTEGER NOT NULL,
    frozen_at       TIMESTAMPTZ NOT NULL
);

-- One row a published version; a mirror of models/<version>/ in the store.
CREATE TABLE model_version (
    version         VARCHAR NOT NULL,
    training_set_id VARCHAR,
    score_run_id    VARCHAR,
    encoder_id      VARCHAR NOT NULL,
    weights_sha256  VARCHAR NOT NULL,
    condition       VARCHAR NOT NULL,       -- mode/task/loss/shared
    metrics         JSON NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    decision        VARCHAR,                -- promoted | refused | held
    reason          VARCHAR
);

-- One row an alias record; a mirror of models/aliases/<alias>/<n>.json.
CREATE TABLE model_alias (
    alias   VARCHAR NOT NULL,
    n       INTEGER NOT NULL,
    version VARCHAR NOT NULL,
    reason  VARCHAR,
    set_by  VARCHAR,
    set_at  TIMESTAMPTZ NOT NULL
);

-- One row a model version and sha256.
CREATE TABLE prediction (
    version       VARCHAR NOT NULL,
    sha256        VARCHAR NOT NULL,
    score_streams DOUBLE,
    score_likes   DOUBLE,
    coherence     DOUBLE,
    musicality    DOUBLE,
    memorability  DOUBLE,
    clarity       DOUBLE,
    naturalness   DOUBLE
);

-- One row a source, key (id, else payload hash) and reason: the same bad row seen every night stays one.
CREATE TABLE reject (
    source      VARCHAR NOT NULL,
    reject_key  VARCHAR NOT NULL,
    reason      VARCHAR NOT NULL,
    stage       VARCHAR NOT NULL,
    payload     VARCHAR,
    first_seen  TIMESTAMPTZ NOT NULL,
    last_seen   TIMESTAMPTZ NOT NULL,
    times       BIGINT NOT NULL,
    resolved_at TIMESTAMPTZ
);

-- One row a live source. The watermark moves by compare-and-set, after commit, by complete unfiltered runs only.
CREATE TABLE ingest_state (
    source        VARCHAR NOT NULL,
    watermark     TIMESTAMPTZ,
    resume_cursor VARCHAR
);

-- One row a run of a flow. A run may write only while its state is running (fencing).
CREATE TABLE run (
    run_id     VARCHAR NOT NULL,
    flow       VARCHAR NOT NULL,
    as_of      TIMESTAMPTZ NOT NULL,
    token      BIGINT NOT NULL,
    state      VARCHAR NOT NULL,            -- running | completed | failed | dead
    host       VARCHAR,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at   TIMESTAMPTZ
);

-- One row a run, stage and measure.
CREATE TABLE run_stat (
    run_id  VARCHAR NOT NULL,
    stage   VARCHAR NOT NULL,
    measure VARCHAR NOT NULL,
    value   DOUBLE NOT NULL
);

-- One row a landed file.
CREATE TABLE landing (
    source      VARCHAR NOT NULL,
    uri         VARCHAR NOT NULL,
    sha256      VARCHAR NOT NULL,
    observed_at TIMESTAMPTZ NOT NULL,
    pages       INTEGER NOT NULL,
    run_id      VARCHAR NOT NULL
);
