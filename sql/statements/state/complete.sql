-- Compare-and-set: the watermark becomes the start of a complete fetch, unless another run has moved it meanwhile.
-- A fetch that went to the end ($since is null) is a full listing.
UPDATE ingest_state
SET
    watermark = greatest($started_at, coalesce(watermark, $started_at)),
    full_listed_at = CASE WHEN $since::TIMESTAMPTZ IS NULL THEN $started_at ELSE full_listed_at END,
    resume_cursor = NULL, started_at = NULL, since = NULL
WHERE source = $source AND watermark IS NOT DISTINCT FROM $before
