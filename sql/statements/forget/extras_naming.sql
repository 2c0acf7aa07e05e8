-- One row a track that stays and whose unknown fields may name one of $ids or $others: the caller looks again, exactly.
SELECT track_id, extra
FROM track
WHERE platform = $platform AND extra IS NOT NULL AND track_id NOT IN (SELECT unnest($tracks))
  AND (list_has_any(regexp_extract_all(
          lower(extra::VARCHAR), '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'), $ids)
      OR list_has_any(regexp_extract_all(extra::VARCHAR, '[1-9A-HJ-NP-Za-km-z]{22}'), $ids)
      OR len(list_filter($others, LAMBDA id: contains(extra::VARCHAR, id))) > 0)
ORDER BY track_id
