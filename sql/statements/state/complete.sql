-- Compare-and-set: the watermark becomes the start of a complete fetch, unless another run has moved it meanwhile.
UPDATE ingest_state
SET watermark = greatest($watermark, coalesce(watermark, $watermark)), resume_cursor = NULL
WHERE source = $source AND watermark IS NOT DISTINCT FROM $before
