-- One row a file of the store that the catalog names by its hash, of the part $part (from 0) of $parts: fetched audio, and
-- pages as received.
SELECT uri AS key, sha256
FROM (
    SELECT DISTINCT uri, sha256 FROM audio WHERE origin = 'fetched' AND state = 'available' AND starts_with(uri, 'audio/')
    UNION ALL
    SELECT DISTINCT uri, sha256 FROM landing WHERE starts_with(uri, 'landing/')
)
WHERE CAST('0x' || left(sha256(uri), 8) AS UBIGINT) % $parts = $part
ORDER BY key
