-- What may not come back: one row a forgotten track or creator, kept for good. Nothing else of them is.

CREATE TABLE forgotten (
    platform     VARCHAR NOT NULL,
    kind         VARCHAR NOT NULL,          -- track | creator
    id           VARCHAR NOT NULL,
    forgotten_at TIMESTAMPTZ NOT NULL,
    receipt      VARCHAR NOT NULL           -- key of the receipt in the store; none there yet: not finished
);
