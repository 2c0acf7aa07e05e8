-- One row a reject whose key or payload may name one of $ids (UUIDs, or the 22 characters of a share link) or $others:
-- the caller looks again, exactly.
SELECT source, reject_key, reason, payload
FROM reject
WHERE reject_key IN (SELECT unnest($ids))
   OR list_has_any(regexp_extract_all(
          lower(payload), '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'), $ids)
   OR list_has_any(regexp_extract_all(payload, '[1-9A-HJ-NP-Za-km-z]{22}'), $ids)
   OR len(list_filter($others, LAMBDA id: contains(coalesce(payload, '') || ' ' || reject_key, id))) > 0
ORDER BY source, reject_key, reason
