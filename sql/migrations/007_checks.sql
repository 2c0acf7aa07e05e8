-- What the checks of sql/checks found, and what later runs are compared with.

-- One row a run, moment (ingest, score, train, snapshot) and check, also of those that found nothing.
CREATE TABLE check_result (
    run_id     VARCHAR NOT NULL,
    moment     VARCHAR NOT NULL,
    check_name VARCHAR NOT NULL,
    severity   VARCHAR NOT NULL,            -- warn | block | block unless accepted
    verdict    VARCHAR NOT NULL,            -- passed | warned | blocked | accepted
    violations BIGINT NOT NULL,
    first      VARCHAR[] NOT NULL,          -- the first offenders
    because    VARCHAR,                     -- why it was accepted
    as_of      TIMESTAMPTZ NOT NULL
);

-- One row a run whose catalog passed all checks before its snapshot. The highest n is what drift, new rejects and
-- coverage are compared with, so that a night that was blocked is not taken for the new normal by the next one.
CREATE TABLE publication (
    n            BIGINT NOT NULL,
    run_id       VARCHAR NOT NULL,
    as_of        TIMESTAMPTZ NOT NULL,
    score_run_id VARCHAR,
    rejects      BIGINT NOT NULL,           -- rows of reject from ingest
    audible      BIGINT NOT NULL,           -- eligible tracks with audio
    encoded      BIGINT NOT NULL            -- of those, with a vector or a reason why there is none
);
