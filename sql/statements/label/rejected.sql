-- One row a label that names no track, or several. One that names a forgotten track leaves no trace.
SELECT DISTINCT name, CASE WHEN tracks = 0 THEN 'no_such_track' ELSE 'ambiguous_track' END AS reason, payload
FROM label_match
WHERE tracks <> 1 AND NOT EXISTS (FROM forgotten AS f WHERE f.kind = 'track' AND f.id = name)
ORDER BY name
