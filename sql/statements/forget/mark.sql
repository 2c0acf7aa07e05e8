-- One row an id; one that was forgotten before keeps its row.
INSERT INTO forgotten
SELECT $platform, $kind, i.id, $as_of, $receipt
FROM (SELECT unnest($ids) AS id) AS i
WHERE NOT EXISTS (FROM forgotten AS f WHERE f.platform = $platform AND f.kind = $kind AND f.id = i.id)
