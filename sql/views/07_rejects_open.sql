-- One row a reject that no later good record has resolved.
CREATE OR REPLACE VIEW rejects_open AS
SELECT source, stage, reason, reject_key, payload, first_seen, last_seen, times
FROM reject
WHERE resolved_at IS NULL;
COMMENT ON VIEW rejects_open IS 'Records that could not be taken in, with their reason and payload.';
