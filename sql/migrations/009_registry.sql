-- What the registry decided and who held it: mirrors of create-only records in the store, which survive this file.

-- One row a decision about a version; a mirror of models/decisions/<version>/<n>.json. The highest n is in force.
CREATE TABLE model_decision (
    version    VARCHAR NOT NULL,
    n          INTEGER NOT NULL,
    outcome    VARCHAR NOT NULL,            -- promoted | refused | held
    reasons    VARCHAR[] NOT NULL,          -- all of them
    champion   VARCHAR,                     -- with whom it was compared; null before the first
    figures    JSON NOT NULL,               -- n and Spearman of each side by target
    decided_by VARCHAR NOT NULL,            -- a run, or a person
    decided_at TIMESTAMPTZ NOT NULL
);

-- One row a hold or release; a mirror of models/holds/<alias>/<n>.json. The highest n of an alias is in force.
CREATE TABLE model_hold (
    alias  VARCHAR NOT NULL,
    n      INTEGER NOT NULL,
    held   BOOLEAN NOT NULL,
    reason VARCHAR NOT NULL,
    set_by VARCHAR NOT NULL,
    set_at TIMESTAMPTZ NOT NULL
);

ALTER TABLE model_version ADD COLUMN lineage JSON;              -- lineage.json; null for versions mirrored before
ALTER TABLE model_version ADD COLUMN removed_at TIMESTAMPTZ;    -- when its files were found gone, or were deleted
ALTER TABLE model_alias ADD COLUMN restores INTEGER;            -- of a rollback: the record it goes back to
