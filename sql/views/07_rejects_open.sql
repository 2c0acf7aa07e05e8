-- One row a reject that no later good record has resolved.
CREATE OR REPLACE VIEW rejects_open AS
SELECT source, stage, reason, reject_key, payload, first_seen, last_seen, times
FROM reject
WHERE resolved_at IS NULL;
COMMENT ON VIEW rejects_open IS 'Records that could not be taken in and no later good one resolved, with their reason. They know neither a score run nor a model; last_seen says how new they are.';
COMMENT ON COLUMN rejects_open.source IS 'Where the record came from: a platform, or a labeller.';
COMMENT ON COLUMN rejects_open.stage IS 'The stage that refused it.';
COMMENT ON COLUMN rejects_open.reason IS 'Why.';
COMMENT ON COLUMN rejects_open.reject_key IS 'The id in the record, else the hash of its payload.';
COMMENT ON COLUMN rejects_open.payload IS 'The record as received; null when there is nothing to show.';
COMMENT ON COLUMN rejects_open.first_seen IS 'When it was first refused.';
COMMENT ON COLUMN rejects_open.last_seen IS 'When it was last refused.';
COMMENT ON COLUMN rejects_open.times IS 'How many runs refused it.';
